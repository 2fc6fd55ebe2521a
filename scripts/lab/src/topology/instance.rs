//! The machine the agent runs on, with its network interfaces.

use std::net::Ipv4Addr;

use serde::Deserialize;

/// The machine the agent runs on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Instance {
    pub(crate) id: String,
    #[expect(clippy::struct_field_names, reason = "EC2's own word")]
    pub(crate) instance_type: String,
    pub(crate) image_id: String,
    pub(crate) network_interface: String,
    pub(crate) mac: String,
    pub(crate) subnet: String,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) public_address: Option<Ipv4Addr>,
    pub(crate) security_groups: Vec<String>,
    /// Its further network interfaces, in the order of their device numbers.
    #[serde(default)]
    pub(crate) secondary: Vec<SecondaryInterface>,
    /// The rules of its own firewall, as nft reads them.
    #[serde(default)]
    pub(crate) firewall: String,
    /// What somebody did to its routes, as lines of `ip -batch`.
    #[serde(default)]
    pub(crate) routing: Vec<String>,
    /// Whether commands run in a container on it, behind a bridge that translates addresses.
    #[serde(default)]
    pub(crate) container: bool,
}

/// A network interface besides the first.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecondaryInterface {
    pub(crate) network_interface: String,
    pub(crate) mac: String,
    pub(crate) subnet: String,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) security_groups: Vec<String>,
    /// Whether its default route beats that of the first interface; otherwise it carries only what is bound to its address.
    #[serde(default)]
    pub(crate) preferred: bool,
}

/// One network interface of the instance, the first or another.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attachment<'a> {
    pub(crate) device_number: usize,
    pub(crate) network_interface: &'a str,
    pub(crate) mac: &'a str,
    pub(crate) subnet: &'a str,
    pub(crate) private_address: Ipv4Addr,
    pub(crate) public_address: Option<Ipv4Addr>,
    pub(crate) security_groups: &'a [String],
    pub(crate) preferred: bool,
}

impl Instance {
    /// All network interfaces, by device number.
    pub(crate) fn attachments(&self) -> impl Iterator<Item = Attachment<'_>> {
        let first = Attachment {
            device_number: 0,
            network_interface: &self.network_interface,
            mac: &self.mac,
            subnet: &self.subnet,
            private_address: self.private_address,
            public_address: self.public_address,
            security_groups: &self.security_groups,
            preferred: false,
        };
        let others = self.secondary.iter().enumerate().map(|(index, each)| Attachment {
            device_number: index + 1,
            network_interface: &each.network_interface,
            mac: &each.mac,
            subnet: &each.subnet,
            private_address: each.private_address,
            public_address: None,
            security_groups: &each.security_groups,
            preferred: each.preferred,
        });
        std::iter::once(first).chain(others)
    }
}

impl Attachment<'_> {
    /// The interface's name on the instance.
    pub(crate) fn device(&self) -> String {
        format!("eth{}", self.device_number)
    }

    /// The name of the router's interface that leads to it.
    pub(crate) fn wire(&self) -> String {
        format!("inst{}", self.device_number)
    }
}
