//! Whose roots the instance has: in the store of its distribution, and in the file that `AWS_CA_BUNDLE` names.

use serde::Deserialize;

use crate::aws::Authority;

/// The sets of roots of an instance; by default both hold the root of AWS, as on every image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Trust {
    /// The machine's own store.
    machine: Vec<Root>,
    /// The file of `AWS_CA_BUNDLE`.
    ca_bundle: Vec<Root>,
}

/// A root of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Root {
    /// Of AWS itself.
    Amazon,
    /// Of whoever opens TLS on the way.
    Interceptor,
}

/// The text of each file.
#[derive(Debug)]
pub(crate) struct Stores {
    /// The machine's own store.
    pub(crate) machine: String,
    /// The file of `AWS_CA_BUNDLE`.
    pub(crate) ca_bundle: String,
}

impl Default for Trust {
    fn default() -> Self {
        Self { machine: vec![Root::Amazon], ca_bundle: vec![Root::Amazon] }
    }
}

impl Trust {
    /// The files, with the roots of these authorities.
    pub(crate) fn stores(&self, amazon: &Authority, interceptor: &Authority) -> Stores {
        let pem = |roots: &[Root]| {
            let of = |root: &Root| match root {
                Root::Amazon => amazon.root_pem(),
                Root::Interceptor => interceptor.root_pem(),
            };
            roots.iter().map(of).collect()
        };
        Stores { machine: pem(&self.machine), ca_bundle: pem(&self.ca_bundle) }
    }
}
