//! Entries of network ACLs.

use ipnet::Ipv4Net;

use super::groups::parse_protocol;
use super::{done, invalid, not_found};
use crate::aws::ec2::form::Form;
use crate::aws::ec2::missing;
use crate::aws::ec2::xml::Node;
use crate::aws::errors::Fault;
use crate::topology::{AclAction, AclEntry, NetworkAcl, Protocol, Topology};

/// `CreateNetworkAclEntry`.
pub(super) fn create(form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let entry = entry(form)?;
    let (id, entries) = side(form, topology)?;
    if entries.iter().any(|each| each.number == entry.number) {
        let text = format!("The network acl entry identified by {} already exists in {id}.", entry.number);
        return Err(Fault::new(400, "NetworkAclEntryAlreadyExists", text));
    }
    entries.push(entry);
    Ok(done())
}

/// `DeleteNetworkAclEntry`.
pub(super) fn delete(form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let number = number(form)?;
    let (id, entries) = side(form, topology)?;
    let position = entries.iter().position(|each| each.number == number).ok_or_else(|| {
        let text = format!("The network acl entry identified by {number} does not exist in {id}.");
        Fault::new(400, "InvalidNetworkAclEntry.NotFound", text)
    })?;
    entries.remove(position);
    Ok(done())
}

/// The entries of the direction that was asked for.
fn side<'t>(form: &Form, topology: &'t mut Topology) -> Result<(String, &'t mut Vec<AclEntry>), Fault> {
    let id = form.value("NetworkAclId").ok_or_else(|| missing("networkAclId"))?;
    form.value("Egress").ok_or_else(|| missing("egress"))?;
    let acl = topology.network_acls.iter_mut().find(|acl| acl.id == id);
    let NetworkAcl { ingress, egress, .. } =
        acl.ok_or_else(|| not_found("InvalidNetworkAclID", "networkAcl ID", id))?;
    Ok((id.to_owned(), if form.flag("Egress") { egress } else { ingress }))
}

fn number(form: &Form) -> Result<u16, Fault> {
    let text = form.value("RuleNumber").ok_or_else(|| missing("ruleNumber"))?;
    let number = text.parse().ok().filter(|number| (1..=32_766).contains(number));
    number.ok_or_else(|| invalid(format!("Value ({text}) for parameter ruleNumber is invalid.")))
}

fn entry(form: &Form) -> Result<AclEntry, Fault> {
    let protocol = parse_protocol(form.value("Protocol").ok_or_else(|| missing("protocol"))?)?;
    let action = match form.value("RuleAction") {
        Some("allow") => AclAction::Allow,
        Some("deny") => AclAction::Deny,
        Some(other) => return Err(invalid(format!("Value ({other}) for parameter ruleAction is invalid."))),
        None => return Err(missing("ruleAction")),
    };
    let block = form.value("CidrBlock").ok_or_else(|| missing("cidrBlock"))?;
    let cidr: Ipv4Net = block.parse().map_err(|_| {
        invalid(format!(
            "Value ({block}) for parameter cidrBlock is invalid. This is not a valid CIDR block."
        ))
    })?;
    let ports = match (form.value("PortRange.From"), form.value("PortRange.To")) {
        (Some(first), Some(last)) => {
            let port = |text: &str| {
                text.parse::<u16>().map_err(|_| invalid(format!("Invalid value '{text}' for portRange.")))
            };
            Some([port(first)?, port(last)?]).filter(|range| *range != [0, u16::MAX])
        }
        // TCP and UDP need a range (EC2 API reference, CreateNetworkAclEntry).
        _ if matches!(protocol, Protocol::Tcp | Protocol::Udp) => return Err(missing("portRange")),
        _ => None,
    };
    Ok(AclEntry { number: number(form)?, action, protocol, ports, cidr: cidr.trunc() })
}
