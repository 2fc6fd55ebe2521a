//! Rules of security groups.

use ipnet::Ipv4Net;

use super::{done, invalid, not_found};
use crate::aws::ec2::form::Form;
use crate::aws::ec2::xml::{Node, text};
use crate::aws::ec2::{derived, missing};
use crate::aws::errors::Fault;
use crate::topology::{GroupRule, Protocol, SecurityGroup, Topology};

/// `CreateSecurityGroup`: a new group lets everything out and nothing in.
pub(super) fn create(form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let name = form.value("GroupName").ok_or_else(|| missing("groupName"))?;
    form.value("GroupDescription").ok_or_else(|| missing("groupDescription"))?;
    let vpc = form.value("VpcId").ok_or_else(|| missing("vpcId"))?;
    if vpc != topology.vpc.id {
        return Err(not_found("InvalidVpcID", "vpc ID", vpc));
    }
    if topology.security_groups.iter().any(|group| group.name == name) {
        let text = format!("The security group '{name}' already exists for VPC '{vpc}'");
        return Err(Fault::new(400, "InvalidGroup.Duplicate", text));
    }
    let id = derived("sg", &[name]);
    let everything = GroupRule { protocol: Protocol::All, ports: None, peer: "0.0.0.0/0".to_owned() };
    topology.security_groups.push(SecurityGroup {
        id: id.clone(),
        name: name.to_owned(),
        ingress: Vec::new(),
        egress: vec![everything],
    });
    let mut answer = vec![text("groupId", id)];
    answer.extend(done());
    Ok(answer)
}

/// `AuthorizeSecurityGroupEgress` and `…Ingress`.
pub(super) fn authorize(form: &Form, topology: &mut Topology, egress: bool) -> Result<Vec<Node>, Fault> {
    let wanted = rules(form)?;
    let rules = side(form, topology, egress)?;
    for rule in wanted {
        if rules.contains(&rule) {
            let text = format!("the specified rule \"{}\" already exists", describe(&rule));
            return Err(Fault::new(400, "InvalidPermission.Duplicate", text));
        }
        rules.push(rule);
    }
    Ok(done())
}

/// `RevokeSecurityGroupEgress` and `…Ingress`.
pub(super) fn revoke(form: &Form, topology: &mut Topology, egress: bool) -> Result<Vec<Node>, Fault> {
    let wanted = rules(form)?;
    let rules = side(form, topology, egress)?;
    for rule in wanted {
        let position = rules.iter().position(|each| *each == rule).ok_or_else(|| {
            let text = "The specified rule does not exist in this security group.";
            Fault::new(400, "InvalidPermission.NotFound", text)
        })?;
        rules.remove(position);
    }
    Ok(done())
}

fn side<'t>(form: &Form, topology: &'t mut Topology, egress: bool) -> Result<&'t mut Vec<GroupRule>, Fault> {
    let id = form.value("GroupId").ok_or_else(|| missing("groupId"))?;
    let group = topology.security_groups.iter_mut().find(|group| group.id == id);
    let SecurityGroup { ingress, egress: out, .. } =
        group.ok_or_else(|| not_found("InvalidGroup", "security group", id))?;
    Ok(if egress { out } else { ingress })
}

/// The rules of all permissions, one for each peer; a single one may also stand in the call itself.
fn rules(form: &Form) -> Result<Vec<GroupRule>, Fault> {
    let mut rules = Vec::new();
    let permissions = form.members("IpPermissions").into_iter().map(|member| format!("{member}."));
    for prefix in permissions.chain([String::new()]) {
        let Some(protocol) = form.value(&format!("{prefix}IpProtocol")) else { continue };
        let protocol = parse_protocol(protocol)?;
        let ports = ports(form, &prefix, protocol)?;
        let peers = peers(form, &prefix)?;
        rules.extend(peers.into_iter().map(|peer| GroupRule { protocol, ports, peer }));
    }
    if rules.is_empty() { Err(missing("ipPermissions")) } else { Ok(rules) }
}

pub(super) fn parse_protocol(text: &str) -> Result<Protocol, Fault> {
    match text.to_ascii_lowercase().as_str() {
        "-1" | "all" => Ok(Protocol::All),
        "tcp" | "6" => Ok(Protocol::Tcp),
        "udp" | "17" => Ok(Protocol::Udp),
        "icmp" | "1" => Ok(Protocol::Icmp),
        _ => Err(invalid(format!("Invalid value '{text}' for IP protocol. Unknown protocol."))),
    }
}

fn ports(form: &Form, prefix: &str, protocol: Protocol) -> Result<Option<[u16; 2]>, Fault> {
    if !matches!(protocol, Protocol::Tcp | Protocol::Udp) {
        return Ok(None);
    }
    let port = |name: &str| {
        let text = form.value(&format!("{prefix}{name}")).unwrap_or_default();
        text.parse::<u16>().map_err(|_| invalid(format!("Invalid value '{text}' for portRange.")))
    };
    let range = [port("FromPort")?, port("ToPort")?];
    if range[0] > range[1] {
        return Err(invalid("Invalid TCP/UDP port range."));
    }
    // All ports are written without a range, as in a topology.
    Ok((range != [0, u16::MAX]).then_some(range))
}

fn peers(form: &Form, prefix: &str) -> Result<Vec<String>, Fault> {
    let mut peers = Vec::new();
    let lists = [("IpRanges", ".CidrIp"), ("Groups", ".GroupId"), ("PrefixListIds", ".PrefixListId")];
    for (list, field) in lists {
        for member in form.members(&format!("{prefix}{list}")) {
            peers.extend(form.value(&format!("{member}{field}")).map(str::to_owned));
        }
    }
    peers.extend(form.value(&format!("{prefix}CidrIp")).map(str::to_owned));
    for peer in &peers {
        if !peer.starts_with("sg-") && !peer.starts_with("pl-") && peer.parse::<Ipv4Net>().is_err() {
            return Err(invalid(format!("CIDR block {peer} is malformed")));
        }
    }
    Ok(peers)
}

fn describe(rule: &GroupRule) -> String {
    let protocol = match rule.protocol {
        Protocol::All => "ALL",
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        Protocol::Icmp => "ICMP",
    };
    match rule.ports {
        Some([first, last]) => {
            format!("peer: {}, {protocol}, from port: {first}, to port: {last}, ALLOW", rule.peer)
        }
        None => format!("peer: {}, {protocol}, ALLOW", rule.peer),
    }
}
