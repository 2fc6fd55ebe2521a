//! EC2 drops packets to the resolver, instance metadata and time, because there are more than 1,024 a second.

use probes::environment::Limit;

use crate::diagnose::allowances::{self, About};
use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "link-local-limit-exceeded",
    title: "EC2 dropped packets to DNS, instance metadata or time",
    check,
};

const ABOUT: About = About {
    rule: RULE.id,
    limit: Limit::LinkLocal,
    counter: "linklocal_allowance_exceeded",
    what: "packets to DNS, instance metadata or time, of which it takes 1,024 a second,",
    causes: &[
        "programs look the same names up again and again, without a cache on this host",
        "programs ask instance metadata for credentials at every call in place of keeping them",
    ],
    remedy: "Put a cache for DNS on this host (systemd-resolved, dnsmasq, unbound; node-local DNS in Kubernetes), let programs \
             keep connections and credentials, and look whether the counter still rises. The limit cannot be raised, and holds for \
             each network interface.",
};

fn check(case: &Case<'_>) -> Check {
    allowances::check(case, &ABOUT, |_| Vec::new())
}
