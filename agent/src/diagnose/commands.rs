//! Commands of the AWS CLI that open a filter or lead a route, with the ids of what EC2 described. They run as printed.

use std::net::IpAddr;

use ipnet::IpNet;

use super::case::Case;
use super::phrases::{create_interface_endpoint_with, own_groups};
use super::way::{Place, endpoints_of, first_interface};
use crate::catalogue::EndpointKind;
use crate::filters::{Direction, GroupPassage, HTTPS, Peer, Ports, acl_of, free_number, groups_passage};

/// The ports that answers come back to, for every client: those of Linux, of Windows and of a NAT gateway (Amazon VPC user
/// guide, ephemeral ports).
pub(super) const RETURNING: Ports = (1024, 65_535);

/// Lets a security group out to the prefix list of a service with gateway endpoints, whose id is looked up where it is not known.
pub(super) fn egress_to_list(case: &Case<'_>, group: &str, service: &str) -> Vec<String> {
    let name = case.endpoint_service(service, EndpointKind::Gateway);
    let (Some(region), Some(name)) = (case.region(), name) else { return Vec::new() };
    let lists = case.recording.control_plane.prefix_lists.as_ref().and_then(|step| step.done());
    let known = lists.and_then(|lists| lists.iter().find(|list| list.name == name));
    let lookup = known.is_none().then(|| {
        format!(
            "LIST=$(aws ec2 describe-prefix-lists --region {region} --filters Name=prefix-list-name,Values={name} \
             --query 'PrefixLists[0].PrefixListId' --output text)"
        )
    });
    let id = known.map_or("$LIST", |list| &list.id);
    let change = format!(
        "aws ec2 authorize-security-group-egress --region {region} --group-id {group} --ip-permissions \
         \"IpProtocol=tcp,FromPort=443,ToPort=443,PrefixListIds=[{{PrefixListId={id}}}]\""
    );
    lookup.into_iter().chain([change]).collect()
}

/// Commands that let this instance's security group out to a service's prefix list, by the list's id in this Region.
pub(super) fn open_own_group(case: &Case<'_>, service: &str) -> Vec<String> {
    let groups = own_groups(case);
    let (Some(region), Some(group)) = (case.region(), groups.first()) else { return Vec::new() };
    let open = egress_to_list(case, group, service);
    if open.is_empty() {
        return open;
    }
    let show = format!("aws ec2 describe-security-groups --region {region} --group-ids {}", groups.join(" "));
    std::iter::once(show).chain(open).collect()
}

/// Commands that let this instance's security group into the one of a service's interface endpoint.
pub(super) fn open_endpoint_group(case: &Case<'_>, service: &str) -> Vec<String> {
    let host = &case.recording.environment.host;
    let group = host.interfaces.iter().flat_map(|interface| &interface.security_group_ids).next();
    let (Some(region), Some(vpc), Some(group), Some(name)) =
        (&host.region, &host.vpc_id, group, case.endpoint_service(service, EndpointKind::Interface))
    else {
        return Vec::new();
    };
    vec![
        format!(
            "GROUP=$(aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc} \
             Name=service-name,Values={name} --query 'VpcEndpoints[0].Groups[0].GroupId' --output text)"
        ),
        format!("aws ec2 describe-security-groups --region {region} --group-ids \"$GROUP\""),
        format!(
            "aws ec2 authorize-security-group-ingress --region {region} --protocol tcp --port 443 --source-group {group} \
             --group-id \"$GROUP\""
        ),
    ]
}

/// Lets a security group out to everything that has another group.
pub(super) fn egress_to_group(case: &Case<'_>, group: &str, peer: &str) -> Option<String> {
    Some(format!(
        "aws ec2 authorize-security-group-egress --region {} --group-id {group} --ip-permissions \
         \"IpProtocol=tcp,FromPort=443,ToPort=443,UserIdGroupPairs=[{{GroupId={peer}}}]\"",
        case.region()?
    ))
}

/// Lets a security group out to a block of addresses.
pub(super) fn egress_to_block(case: &Case<'_>, group: &str, block: IpNet) -> Option<String> {
    let ranges = match block {
        IpNet::V4(_) => format!("IpRanges=[{{CidrIp={block}}}]"),
        IpNet::V6(_) => format!("Ipv6Ranges=[{{CidrIpv6={block}}}]"),
    };
    Some(format!(
        "aws ec2 authorize-security-group-egress --region {} --group-id {group} --ip-permissions \
         \"IpProtocol=tcp,FromPort=443,ToPort=443,{ranges}\"",
        case.region()?
    ))
}

/// Lets everything that has a group into another one on port 443.
pub(super) fn ingress_from_group(case: &Case<'_>, group: &str, peer: &str) -> Option<String> {
    Some(format!(
        "aws ec2 authorize-security-group-ingress --region {} --group-id {group} --protocol tcp --port 443 \
         --source-group {peer}",
        case.region()?
    ))
}

/// Entries of a network ACL that let blocks through, numbered so that they come before what denies them.
pub(super) struct AclOpener<'a> {
    case: &'a Case<'a>,
    subnet: &'a str,
    taken: Vec<(Direction, u16)>,
}

impl<'a> AclOpener<'a> {
    /// For the ACL of a subnet.
    pub(super) fn new(case: &'a Case<'a>, subnet: &'a str) -> Self {
        Self { case, subnet, taken: Vec::new() }
    }

    /// Leaves room for what other findings print for the same ACL: the numbers that they take, at most.
    pub(super) fn leaving_room(mut self, peers: &[IpAddr]) -> Self {
        let Ok(acl) = acl_of(&self.case.recording.control_plane, self.subnet) else { return self };
        for direction in [Direction::Out, Direction::In] {
            for _ in 0..10 {
                let taken = self.taken_of(direction);
                let Some(number) = free_number(acl, direction, peers, &taken) else { break };
                self.taken.push((direction, number));
            }
        }
        self
    }

    /// The command for one entry; `None` where there is no number left, or the ACL is not known.
    pub(super) fn entry(&mut self, direction: Direction, block: IpNet, peers: &[IpAddr]) -> Option<String> {
        let region = self.case.region()?;
        let acl = acl_of(&self.case.recording.control_plane, self.subnet).ok()?;
        let taken = self.taken_of(direction);
        let number = free_number(acl, direction, peers, &taken)?;
        self.taken.push((direction, number));
        Some(acl_entry(region, &acl.id, direction, number, block, self.ports(direction)))
    }

    fn taken_of(&self, direction: Direction) -> Vec<u16> {
        self.taken.iter().filter(|(way, _)| *way == direction).map(|(_, number)| *number).collect()
    }

    /// Where the ACL's subnet is the client's, packets leave for port 443 and answers come back to any other; at the
    /// endpoint's it is the other way round.
    fn ports(&self, direction: Direction) -> Ports {
        let host = &self.case.recording.environment.host;
        let own = host.interfaces.iter().filter_map(|interface| interface.subnet_id.as_deref());
        let own: Vec<&str> = own.chain(host.subnet_id.as_deref()).collect();
        let at_client = own.contains(&self.subnet);
        if at_client == (direction == Direction::Out) { HTTPS } else { RETURNING }
    }
}

fn acl_entry(
    region: &str,
    acl: &str,
    direction: Direction,
    number: u16,
    block: IpNet,
    ports: Ports,
) -> String {
    let side = if direction == Direction::Out { "--egress" } else { "--ingress" };
    let family = if matches!(block, IpNet::V4(_)) { "--cidr-block" } else { "--ipv6-cidr-block" };
    format!(
        "aws ec2 create-network-acl-entry --region {region} --network-acl-id {acl} {side} --rule-number {number} \
         --protocol tcp --rule-action allow {family} {block} --port-range From={},To={}",
        ports.0, ports.1
    )
}

/// Creates interface endpoints with security groups that let this instance in: those of an endpoint that does so already, else
/// a new one.
pub(super) fn create_interface_endpoints(case: &Case<'_>, services: &[&str]) -> Vec<String> {
    let groups = welcoming_groups(case);
    let (mut commands, groups) = match (groups, new_group(case)) {
        (Some(groups), _) => (Vec::new(), groups.join(" ")),
        (None, Some(made)) => (made, "\"$SG\"".to_owned()),
        (None, None) => return Vec::new(),
    };
    let created: Vec<String> =
        services.iter().flat_map(|service| create_interface_endpoint_with(case, service, &groups)).collect();
    if created.is_empty() {
        return Vec::new();
    }
    commands.extend(created);
    commands
}

/// The security groups of an interface endpoint of this VPC that let this instance in, of the services that were asked for.
fn welcoming_groups<'a>(case: &Case<'a>) -> Option<&'a [String]> {
    let facts = &case.recording.control_plane;
    let interface = first_interface(&case.recording.environment.host)?;
    let address = interface.addresses.iter().map(IpNet::addr).find(IpAddr::is_ipv4)?;
    let peer = Peer { address, groups: Some(&interface.security_group_ids) };
    let lets_in = |groups: &[String]| {
        matches!(groups_passage(facts, groups, Direction::In, peer, HTTPS), GroupPassage::Open { .. })
    };
    let endpoints = case
        .targets()
        .flat_map(|(target, _)| endpoints_of(case.recording, &target.service, EndpointKind::Interface));
    endpoints.map(|endpoint| endpoint.security_groups.as_slice()).find(|groups| lets_in(groups))
}

/// Makes a security group that lets the VPC in on port 443, and keeps its id in `SG`.
///
/// The whole VPC: private DNS leads every client in it to the new endpoint, also those that have another way so far. Only where
/// the VPC's blocks are not known it is this instance's own group.
fn new_group(case: &Case<'_>) -> Option<Vec<String>> {
    let host = &case.recording.environment.host;
    let (region, vpc) = (case.region()?, host.vpc_id.as_ref()?);
    let blocks: Vec<String> = host
        .vpc_cidrs
        .iter()
        .filter(|block| matches!(block, IpNet::V4(_)))
        .map(|block| format!("{{CidrIp={block}}}"))
        .collect();
    let whom = if blocks.is_empty() {
        format!("--protocol tcp --port 443 --source-group {}", own_groups(case).first()?)
    } else {
        let ranges = blocks.join(",");
        format!("--ip-permissions \"IpProtocol=tcp,FromPort=443,ToPort=443,IpRanges=[{ranges}]\"")
    };
    Some(vec![
        format!(
            "SG=$(aws ec2 create-security-group --region {region} --vpc-id {vpc} --group-name vpc-endpoints-https \
             --description 'HTTPS to VPC endpoints' --query GroupId --output text)"
        ),
        format!("aws ec2 authorize-security-group-ingress --region {region} --group-id \"$SG\" {whom}"),
    ])
}

/// The group that commands open for an interface: its first.
pub(super) fn group_of<'a>(place: &Place<'a>) -> Option<&'a str> {
    place.interface.security_group_ids.first().map(String::as_str)
}
