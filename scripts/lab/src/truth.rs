//! What really happened: which element of the VPC carried the packets of each destination, and with which privileges the
//! command ran.
//!
//! The counts are the router's own, read after the command has ended; no program under test takes part in them.

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fabric::{Element, ElementKind, Fabric, ROUTER};
use crate::realise;
use crate::topology::Topology;

/// Everything a verdict can be compared with.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Truth {
    pub(crate) flows: Vec<Flow>,
    /// Absent if the command was over before it could be looked at.
    pub(crate) capabilities: Option<Capabilities>,
}

/// Packets from the instance to port 443 (or that of a proxy) of one address, by the element they left the router to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Flow {
    pub(crate) address: IpAddr,
    pub(crate) element: String,
    pub(crate) kind: ElementKind,
    /// Before any filter looked at them.
    pub(crate) offered: u64,
    /// Let through by every filter.
    pub(crate) carried: u64,
    /// That came back.
    pub(crate) answered: u64,
    /// Where a NAT gateway sent them on to.
    #[serde(default)]
    pub(crate) onward: Vec<ElementKind>,
}

/// The privileges of the command, in the words of `/proc/PID/status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Capabilities {
    pub(crate) effective: String,
    pub(crate) permitted: String,
    pub(crate) bounding: String,
    pub(crate) no_new_privileges: bool,
}

impl Capabilities {
    /// Whether the command had no privilege and no way to get one.
    pub(crate) fn none(&self) -> bool {
        let empty = |mask: &str| !mask.is_empty() && mask.bytes().all(|byte| byte == b'0');
        empty(&self.effective) && empty(&self.permitted) && empty(&self.bounding) && self.no_new_privileges
    }
}

/// Reads the privileges of a process that is about to become the command.
///
/// Before that moment it holds all capabilities of its namespace, so losing them marks the moment; a command that has
/// already ended still shows what it had until it is waited for.
pub(crate) fn capabilities(process: u32) -> Option<Capabilities> {
    let patience = Instant::now() + Duration::from_secs(5);
    loop {
        let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name)).map(|rest| rest.trim().to_owned())
        };
        let found = Capabilities {
            effective: field("CapEff:")?,
            permitted: field("CapPrm:")?,
            bounding: field("CapBnd:")?,
            no_new_privileges: field("NoNewPrivs:")? == "1",
        };
        let over = field("State:").is_some_and(|state| state.starts_with('Z'));
        if found.no_new_privileges && found.effective == found.bounding || over || Instant::now() > patience {
            return Some(found);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Reads the router's counts.
pub(crate) fn read(
    topology: &Topology,
    fabric: &Fabric,
    capabilities: Option<Capabilities>,
) -> anyhow::Result<Truth> {
    let mut counts = listed("ip")?;
    if topology.ipv6.is_some() {
        counts.append(&mut listed("ip6")?);
    }
    let of = |set: &str, address: IpAddr, interface: &str| {
        counts.get(&(set.to_owned(), address, interface.to_owned())).copied().unwrap_or_default()
    };
    let mut flows = Vec::new();
    for (set, address, interface) in counts.keys() {
        if set != "offered" {
            continue;
        }
        let Some(element) = fabric.elements.iter().find(|element| element.interface == *interface) else {
            continue;
        };
        let answered: u64 =
            fabric.elements.iter().map(|element| of("answered", *address, &element.interface)).sum();
        let nat = element.kind == ElementKind::NatGateway;
        let onward = fabric.elements.iter().filter(|next| of("onward", *address, &next.interface) > 0);
        let (id, kind) = carrier(topology, element, *address);
        flows.push(Flow {
            address: *address,
            element: id,
            kind,
            onward: onward.filter(|_| nat).map(|next| next.kind).collect(),
            offered: of("offered", *address, interface),
            carried: of("carried", *address, interface),
            answered,
        });
    }
    Ok(Truth { flows, capabilities })
}

/// The counts of one address family.
fn listed(family: &str) -> anyhow::Result<BTreeMap<(String, IpAddr, String), u64>> {
    let listing = realise::within(ROUTER, || {
        Command::new("nft")
            .args(["-j", "list", "table", family, "counts"])
            .env("PATH", realise::search_path())
            .output()
    })?
    .context("failed to start `nft`")?;
    ensure!(listing.status.success(), "nft did not list the packet counts");
    let listing: Value =
        serde_json::from_slice(&listing.stdout).context("failed to read the packet counts")?;
    Ok(counts(&listing))
}

/// What carried packets to an address: the element, or the endpoint or host behind it that has the address.
fn carrier(topology: &Topology, element: &Element, address: IpAddr) -> (String, ElementKind) {
    let address = match address {
        IpAddr::V4(address) => address,
        IpAddr::V6(address) => {
            let endpoint = topology.interface_endpoint_at(address);
            return (endpoint.map_or(&element.id, |endpoint| &endpoint.id).clone(), element.kind);
        }
    };
    let beyond = topology.transit_gateway.as_ref().filter(|_| element.kind == ElementKind::TransitGateway);
    if let Some(endpoint) = beyond.and_then(|gateway| gateway.endpoint_at(address)) {
        return (endpoint.id.clone(), ElementKind::NetworkInterface);
    }
    match owner(topology, address).filter(|_| element.id.is_empty()) {
        Some(owner) => owner,
        None => (element.id.clone(), element.kind),
    }
}

/// The endpoint or host a private address belongs to.
fn owner(topology: &Topology, address: Ipv4Addr) -> Option<(String, ElementKind)> {
    let endpoint = topology
        .interface_endpoints
        .iter()
        .find(|endpoint| endpoint.network_interfaces.iter().any(|interface| interface.address == address))
        .map(|endpoint| (endpoint.id.clone(), ElementKind::NetworkInterface));
    let host = || topology.hosts.iter().find(|host| host.address == address);
    endpoint.or_else(|| host().map(|host| (host.id.clone(), ElementKind::Host)))
}

/// Packet counts by set, address and interface, from the listing of `nft -j`.
fn counts(listing: &Value) -> BTreeMap<(String, IpAddr, String), u64> {
    let sets = listing["nftables"].as_array().into_iter().flatten().filter_map(|entry| entry.get("set"));
    let mut counts = BTreeMap::new();
    for set in sets {
        let name = set["name"].as_str().unwrap_or_default();
        for element in set["elem"].as_array().into_iter().flatten() {
            let key = &element["elem"]["val"]["concat"];
            let address = key[0].as_str().and_then(|text| text.parse().ok());
            if let (Some(address), Some(interface)) = (address, key[1].as_str()) {
                let packets = element["elem"]["counter"]["packets"].as_u64().unwrap_or_default();
                counts.insert((name.to_owned(), address, interface.to_owned()), packets);
            }
        }
    }
    counts
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_from_what_nft_prints() {
        let listing = json!({ "nftables": [
            { "metainfo": { "version": "1.0.6" } },
            { "set": { "family": "ip", "name": "offered", "elem": [
                { "elem": { "val": { "concat": ["1.178.4.7", "gwe0"] }, "counter": { "packets": 3, "bytes": 180 } } },
            ] } },
            { "set": { "family": "ip", "name": "answered" } },
        ] });
        let key = ("offered".to_owned(), IpAddr::from([1, 178, 4, 7]), "gwe0".to_owned());
        assert_eq!(counts(&listing), BTreeMap::from([(key, 3)]));
    }

    #[test]
    fn any_capability_left_is_noticed() {
        let zero = "0000000000000000".to_owned();
        let none = Capabilities {
            effective: zero.clone(),
            permitted: zero.clone(),
            bounding: zero,
            no_new_privileges: true,
        };
        assert!(none.none());
        assert!(!Capabilities { bounding: "0000000000002000".to_owned(), ..none.clone() }.none());
        assert!(!Capabilities { no_new_privileges: false, ..none }.none());
    }
}
