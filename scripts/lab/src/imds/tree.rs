//! What the metadata service knows, as a tree of paths.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::Role;
use crate::aws::InstanceCredentials;
use crate::aws::names::partition_of;
use crate::topology::{Attachment, Subnet, Topology};
use crate::zone::zone_id;

/// The metadata by path, without a slash in front.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tree {
    leaves: BTreeMap<String, String>,
}

/// The instance's role and what EC2 delivers for it.
pub(crate) struct Identity<'a> {
    pub(crate) account_id: &'a str,
    pub(crate) role_name: &'a str,
    pub(crate) credentials: &'a InstanceCredentials,
}

impl Tree {
    /// Everything an instance of this topology is told.
    pub(crate) fn new(topology: &Topology, role: Role, identity: &Identity<'_>) -> Self {
        let mut tree = Self::default();
        tree.instance(topology, identity);
        if let Some(subnet) = topology.subnet(&topology.instance.subnet) {
            tree.placement(topology, subnet);
        }
        for each in topology.instance.attachments() {
            tree.network(topology, each, identity);
        }
        tree.role(topology, role, identity);
        tree
    }

    #[cfg(test)]
    pub(crate) fn from_leaves(leaves: impl IntoIterator<Item = (String, String)>) -> Self {
        Self { leaves: leaves.into_iter().collect() }
    }

    /// A value, or the list of what lies below a path; nothing if the path does not exist.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        let path = normal(path)?;
        if let Some(value) = self.leaves.get(&path) {
            return Some(value.clone());
        }
        let prefix = if path.is_empty() { path } else { format!("{path}/") };
        let below: BTreeSet<String> = self
            .leaves
            .keys()
            .filter_map(|key| key.strip_prefix(&prefix))
            .map(|rest| {
                rest.split_once('/').map_or_else(|| rest.to_owned(), |(first, _)| format!("{first}/"))
            })
            .collect();
        (!below.is_empty()).then(|| below.into_iter().collect::<Vec<_>>().join("\n"))
    }

    fn add(&mut self, path: &str, value: impl std::fmt::Display) {
        self.leaves.insert(format!("latest/meta-data/{path}"), value.to_string());
    }

    fn instance(&mut self, topology: &Topology, identity: &Identity<'_>) {
        let instance = &topology.instance;
        let host =
            format!("{}.{}", crate::dns::host_label(topology), crate::dns::internal_domain(&topology.region));
        let private_ip = (!topology.ipv6_only()).then_some(instance.private_address);
        self.add("ami-id", &instance.image_id);
        self.add("hostname", &host);
        self.add("local-hostname", &host);
        self.add("instance-id", &instance.id);
        self.add("instance-type", &instance.instance_type);
        self.add("instance-life-cycle", "on-demand");
        if let Some(address) = private_ip {
            self.add("local-ipv4", address);
        }
        if let Some(ipv6) = &topology.ipv6 {
            self.add("ipv6", ipv6.address);
        }
        self.add("mac", &instance.mac);
        if let Some(address) = instance.public_address {
            self.add("public-ipv4", address);
        }
        let partition = partition_of(&topology.region);
        self.add("services/domain", partition.suffix);
        self.add("services/partition", partition.id);
        let zone = topology.subnet(&instance.subnet).map(|subnet| topology.zone_name(subnet));
        let document = json!({
            "accountId": identity.account_id,
            "architecture": "x86_64",
            "availabilityZone": zone,
            "billingProducts": null,
            "devpayProductCodes": null,
            "marketplaceProductCodes": null,
            "imageId": instance.image_id,
            "instanceId": instance.id,
            "instanceType": instance.instance_type,
            "kernelId": null,
            "pendingTime": "2026-01-15T09:30:00Z",
            "privateIp": private_ip,
            "ramdiskId": null,
            "region": topology.region,
            "version": "2017-09-30",
        });
        self.leaves.insert("latest/dynamic/instance-identity/document".to_owned(), format!("{document:#}"));
    }

    fn placement(&mut self, topology: &Topology, subnet: &Subnet) {
        self.add("placement/region", &topology.region);
        self.add("placement/availability-zone", topology.zone_name(subnet));
        self.add("placement/availability-zone-id", zone_id(&topology.region, subnet.zone));
    }

    fn network(&mut self, topology: &Topology, each: Attachment<'_>, identity: &Identity<'_>) {
        let Some(subnet) = topology.subnet(each.subnet) else { return };
        let base = format!("network/interfaces/macs/{}", each.mac);
        let mut add = |key: &str, value: String| self.add(&format!("{base}/{key}"), value);
        let cidrs: Vec<String> = topology.vpc.cidrs.iter().map(ToString::to_string).collect();
        let names: Vec<&str> = each
            .security_groups
            .iter()
            .filter_map(|id| topology.security_group(id))
            .map(|group| group.name.as_str())
            .collect();
        add("device-number", each.device_number.to_string());
        add("interface-id", each.network_interface.to_owned());
        add("mac", each.mac.to_owned());
        add("owner-id", identity.account_id.to_owned());
        if let Some(address) = each.public_address {
            add("public-ipv4s", address.to_string());
            add(&format!("ipv4-associations/{address}"), each.private_address.to_string());
        }
        add("security-group-ids", each.security_groups.join("\n"));
        add("security-groups", names.join("\n"));
        add("subnet-id", subnet.id.clone());
        if each.device_number > 0 || !topology.ipv6_only() {
            add("local-ipv4s", each.private_address.to_string());
            add("subnet-ipv4-cidr-block", subnet.cidr.to_string());
        }
        add("vpc-id", topology.vpc.id.clone());
        add("vpc-ipv4-cidr-block", cidrs.first().cloned().unwrap_or_default());
        add("vpc-ipv4-cidr-blocks", cidrs.join("\n"));
        if let Some(ipv6) = topology.ipv6.as_ref().filter(|_| each.device_number == 0) {
            add("ipv6s", ipv6.address.to_string());
            add("subnet-ipv6-cidr-blocks", ipv6.subnet_cidr.to_string());
            add("vpc-ipv6-cidr-blocks", ipv6.vpc_cidr.to_string());
        }
        if each.device_number == 0 {
            self.add("security-groups", names.join("\n"));
        }
    }

    fn role(&mut self, topology: &Topology, role: Role, identity: &Identity<'_>) {
        if role == Role::None {
            return;
        }
        let partition = partition_of(&topology.region).id;
        let info = json!({
            "Code": "Success",
            "LastUpdated": identity.credentials.last_updated,
            "InstanceProfileArn":
                format!("arn:{partition}:iam::{}:instance-profile/{}", identity.account_id, identity.role_name),
            "InstanceProfileId": "AIPAJEXAMPLEPROFILE00",
        });
        self.add("iam/info", format!("{info:#}"));
        let credentials = match role {
            Role::Unauthorized => json!({
                "Code": "AssumeRoleUnauthorizedAccess",
                "Message": "EC2 cannot assume the role. Please see documentation at \
                            https://docs.aws.amazon.com/IAM/latest/UserGuide/troubleshoot_iam-ec2.html.",
                "LastUpdated": identity.credentials.last_updated,
            }),
            Role::Present | Role::None => json!(identity.credentials),
        };
        self.add(&format!("iam/security-credentials/{}", identity.role_name), format!("{credentials:#}"));
    }
}

/// The path without slashes at its ends; dated versions hold the same as the latest.
fn normal(path: &str) -> Option<String> {
    let path = path.trim_matches('/');
    let (version, rest) = path.split_once('/').unwrap_or((path, ""));
    let dated = version.len() == 10 && version.starts_with("20") && version.split('-').count() == 3;
    match version {
        "" => Some(String::new()),
        "latest" => Some(path.to_owned()),
        _ if dated => Some(format!("latest/{rest}").trim_end_matches('/').to_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_list_what_is_below_them() {
        let leaf = |path: &str| (format!("latest/meta-data/{path}"), "x".to_owned());
        let tree =
            Tree::from_leaves([leaf("mac"), leaf("placement/region"), leaf("placement/availability-zone")]);
        assert_eq!(tree.read("/latest/meta-data/").unwrap(), "mac\nplacement/");
        assert_eq!(tree.read("/2021-07-15/meta-data/placement").unwrap(), "availability-zone\nregion");
        assert_eq!(tree.read("/latest/meta-data/iam/"), None);
        assert_eq!(tree.read("/1999/meta-data/"), None);
    }
}
