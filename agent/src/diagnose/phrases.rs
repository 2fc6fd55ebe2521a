//! Sentences and commands that several rules need, always with this instance's own ids, Region and partition.
//!
//! A command is printed only when every id in it is known: it runs as printed, or it is not there.

use std::net::IpAddr;

use probes::observations::{Attempt, TargetObservation};

use super::case::Case;
use crate::catalogue::EndpointKind;
use crate::classify::evidence;
use crate::classify::fold;
use crate::report::{Fact, Path, Remedy, Verdict};

/// A fact without a unit.
#[must_use]
pub fn fact(name: &str, value: impl std::fmt::Display) -> Fact {
    Fact { name: name.to_owned(), value: value.to_string(), unit: None }
}

/// A remedy without commands.
#[must_use]
pub fn in_words(text: impl Into<String>) -> Remedy {
    Remedy { text: text.into(), commands: Vec::new() }
}

/// Why a service's packets do not take a gateway endpoint, and what leads them there: exact where EC2 was read, else all that
/// it may be.
#[must_use]
pub fn lead_to_gateway_endpoint(case: &Case<'_>, service: &str) -> (Vec<String>, Remedy) {
    let control_plane = &case.recording.control_plane;
    let table = control_plane.route_table.as_ref().and_then(|step| step.done());
    let endpoints = control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let name = case.endpoint_service(service, EndpointKind::Gateway);
    if let (Some(table), Some(endpoints), Some(name), Some(region)) = (table, endpoints, name, case.region())
    {
        let gateway =
            endpoints.iter().find(|endpoint| endpoint.kind == "Gateway" && endpoint.service_name == name);
        return match gateway {
            None => (
                vec![format!("the VPC has no gateway endpoint for {service}")],
                Remedy {
                    text: format!("Create a gateway endpoint and lead route table {} to it. {ONCE}", table.id),
                    commands: create_gateway_endpoint(case, service),
                },
            ),
            Some(endpoint) if !endpoint.route_tables.contains(&table.id) => {
                let main = if table.is_main { ", which the subnet falls back to for want of one of its own" } else { "" };
                (
                    vec![format!("gateway endpoint {} is not associated with route table {}{main}", endpoint.id, table.id)],
                    Remedy {
                        text: format!("Associate it. {ONCE}"),
                        commands: vec![format!(
                            "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {} --add-route-table-ids {}",
                            endpoint.id, table.id
                        )],
                    },
                )
            }
            Some(endpoint) => (
                vec![format!(
                    "route table {} leads to gateway endpoint {}, but a more specific route wins for these addresses, or the \
                     endpoint is {}",
                    table.id, endpoint.id, endpoint.state
                )],
                Remedy {
                    text: "Look at the routes to parts of the service's prefix list, and take away what nothing needs."
                        .to_owned(),
                    commands: vec![format!(
                        "aws ec2 describe-route-tables --region {region} --route-table-ids {}",
                        table.id
                    )],
                },
            ),
        };
    }
    let causes = [
        "the VPC has no gateway endpoint for the service: describe-vpc-endpoints shows it",
        "it has one, but this subnet's route table is not associated with it: RouteTableIds shows it",
        "a more specific route to the service's addresses wins over the endpoint's: describe-route-tables shows it",
    ];
    let commands = show_endpoints(case, service).into_iter().chain(create_gateway_endpoint(case, service));
    (
        causes.iter().map(|cause| (*cause).to_owned()).collect(),
        Remedy {
            text: format!(
                "Create a gateway endpoint for this subnet's route table, or associate the one there is \
                 (modify-vpc-endpoint --add-route-table-ids). {ONCE}"
            ),
            commands: commands.collect(),
        },
    )
}

/// What a new gateway route costs: nothing but the connections that are open (Amazon VPC user guide, endpoints for Amazon S3).
const ONCE: &str = "It has no charge, and open connections to the service break once when the route appears.";

/// Commands that create a gateway endpoint and lead this subnet's route table to it; empty where an id is missing.
#[must_use]
pub fn create_gateway_endpoint(case: &Case<'_>, service: &str) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc), Some(subnet), Some(name)) =
        (&host.region, &host.vpc_id, &host.subnet_id, case.endpoint_service(service, EndpointKind::Gateway))
    else {
        return Vec::new();
    };
    let create = |table: &str| {
        format!(
            "aws ec2 create-vpc-endpoint --region {region} --vpc-id {vpc} --vpc-endpoint-type Gateway --service-name {name} \
             --route-table-ids {table}"
        )
    };
    if let Some(table) = case.recording.control_plane.route_table.as_ref().and_then(|step| step.done()) {
        return vec![create(&table.id)];
    }
    // The subnet's own table, or the VPC's main one where it has none.
    let query = format!(
        "(RouteTables[?Associations[?SubnetId=='{subnet}']]||RouteTables[?Associations[?Main]])[0].RouteTableId"
    );
    vec![
        format!(
            "RT=$(aws ec2 describe-route-tables --region {region} --filters Name=vpc-id,Values={vpc} --query \"{query}\" \
             --output text)"
        ),
        create("\"$RT\""),
    ]
}

/// A command that shows the VPC endpoints of a service in this VPC with what usually keeps them from working.
#[must_use]
pub fn show_endpoints(case: &Case<'_>, service: &str) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) else { return Vec::new() };
    let mut names: Vec<String> = [EndpointKind::Gateway, EndpointKind::Interface]
        .into_iter()
        .filter_map(|kind| case.endpoint_service(service, kind))
        .collect();
    names.dedup();
    vec![format!(
        "aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc} Name=service-name,Values={} \
         --query 'VpcEndpoints[].[VpcEndpointId,State,PrivateDnsEnabled,RouteTableIds,Groups]'",
        names.join(",")
    )]
}

/// The id of the endpoint that carries a service in this VPC, as a command takes it, and where it is not known the command that
/// looks it up first.
#[must_use]
pub fn endpoint_id(
    case: &Case<'_>,
    service: &str,
    kind: EndpointKind,
    known: Option<&str>,
) -> Option<(Option<String>, String)> {
    if let Some(id) = known {
        return Some((None, id.to_owned()));
    }
    let host = &case.recording.environment.host;
    let (region, vpc) = (host.region.as_ref()?, host.vpc_id.as_ref()?);
    let name = case.endpoint_service(service, kind)?;
    let kind = match kind {
        EndpointKind::Gateway => "Gateway",
        EndpointKind::Interface => "Interface",
    };
    let lookup = format!(
        "E=$(aws ec2 describe-vpc-endpoints --region {region} --filters Name=vpc-id,Values={vpc} Name=service-name,Values={name} \
         Name=vpc-endpoint-type,Values={kind} --query 'VpcEndpoints[0].VpcEndpointId' --output text)"
    );
    Some((Some(lookup), "\"$E\"".to_owned()))
}

/// Commands that show what filters packets at this instance: its subnet's network ACL and its security groups.
#[must_use]
pub fn show_filters(case: &Case<'_>) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(subnet)) = (&host.region, &host.subnet_id) else { return Vec::new() };
    let acl = format!(
        "aws ec2 describe-network-acls --region {region} --filters Name=association.subnet-id,Values={subnet}"
    );
    let groups = own_groups(case);
    let groups = (!groups.is_empty()).then(|| {
        format!("aws ec2 describe-security-groups --region {region} --group-ids {}", groups.join(" "))
    });
    std::iter::once(acl).chain(groups).collect()
}

/// The security groups of this instance's interfaces.
pub(super) fn own_groups<'a>(case: &Case<'a>) -> Vec<&'a str> {
    let interfaces = &case.recording.environment.host.interfaces;
    interfaces.iter().flat_map(|interface| &interface.security_group_ids).map(String::as_str).collect()
}

/// A command that shows the policies of a service's VPC endpoints in this VPC.
#[must_use]
pub fn show_policies(case: &Case<'_>, service: &str) -> Vec<String> {
    show_endpoints(case, service)
        .into_iter()
        .map(|command| {
            let head = command.split(" --query ").next().unwrap_or_default().to_owned();
            format!("{head} --query 'VpcEndpoints[].[VpcEndpointId,PolicyDocument]' --output text")
        })
        .collect()
}

/// A command that creates an interface endpoint in this instance's subnet with these security groups, ids or a shell variable.
#[must_use]
pub fn create_interface_endpoint_with(case: &Case<'_>, service: &str, groups: &str) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc), Some(subnet), Some(name)) = (
        &host.region,
        &host.vpc_id,
        &host.subnet_id,
        case.endpoint_service(service, EndpointKind::Interface),
    ) else {
        return Vec::new();
    };
    let private_dns =
        if crate::catalogue::service(service).is_some_and(crate::catalogue::Service::private_dns) {
            " --private-dns-enabled"
        } else {
            ""
        };
    vec![format!(
        "aws ec2 create-vpc-endpoint --region {region} --vpc-id {vpc} --vpc-endpoint-type Interface --service-name {name} \
         --subnet-ids {subnet} --security-group-ids {groups}{private_dns}"
    )]
}

/// Commands that make the gateway endpoint of S3 take IPv6 as well; empty for services whose gateway endpoints do not
/// (`DynamoDB`'s take IPv4 only as far as is known; not verified).
#[must_use]
pub fn make_gateway_endpoint_dual_stack(case: &Case<'_>, service: &str) -> Vec<String> {
    let host = &case.recording.environment.host;
    let name = case.endpoint_service(service, EndpointKind::Gateway);
    let (Some(region), Some(name)) = (&host.region, name) else { return Vec::new() };
    if service != "s3" {
        return Vec::new();
    }
    let endpoints = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let known = endpoints.and_then(|endpoints| {
        endpoints.iter().find(|endpoint| endpoint.kind == "Gateway" && endpoint.service_name == name)
    });
    let known = known.map(|endpoint| endpoint.id.as_str());
    let Some((lookup, id)) = endpoint_id(case, service, EndpointKind::Gateway, known) else {
        return Vec::new();
    };
    let change = format!(
        "aws ec2 modify-vpc-endpoint --region {region} --vpc-endpoint-id {id} --ip-address-type dualstack"
    );
    lookup.into_iter().chain([change]).collect()
}

/// Commands that give the VPC DHCP options with these name servers, or with the VPC's own resolver where there are none, and
/// the search domains that this host has now.
#[must_use]
pub fn live_resolvers(case: &Case<'_>, servers: &[String]) -> Vec<String> {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) else { return Vec::new() };
    let servers = if servers.is_empty() { "AmazonProvidedDNS".to_owned() } else { servers.join(",") };
    // Linux takes several domains in one value (Amazon VPC user guide, DHCP option sets). What comes from a file of the host is
    // put into a command only as a domain.
    let plain = |domain: &&String| {
        domain.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_'))
    };
    let search: Vec<&str> = host.resolv_conf.search.iter().filter(plain).map(String::as_str).collect();
    let domain = if search.is_empty() {
        String::new()
    } else {
        format!(" 'Key=domain-name,Values={}'", search.join(" "))
    };
    vec![
        format!(
            "OPTIONS=$(aws ec2 create-dhcp-options --region {region} --dhcp-configurations \
             'Key=domain-name-servers,Values={servers}'{domain} --query DhcpOptions.DhcpOptionsId --output text)"
        ),
        format!(
            "aws ec2 associate-dhcp-options --region {region} --vpc-id {vpc} --dhcp-options-id \"$OPTIONS\""
        ),
    ]
}

/// Where the chain to a target broke: the first step that failed at an address that counts, in words.
#[must_use]
pub fn where_it_broke(target: &TargetObservation, verdict: &Verdict) -> String {
    if verdict.path == Path::Proxy {
        let said = verdict.because.iter().find(|reason| reason.evidence.contains("/proxied/"));
        return said
            .map_or_else(|| "nothing was tried through the proxy".to_owned(), |reason| reason.text.clone());
    }
    let counted: Vec<&Attempt> = Case::counted(target).collect();
    let Some(attempt) = furthest(&counted) else {
        let reason = verdict.because.first().map(|reason| reason.text.clone());
        return reason.unwrap_or_else(|| "nothing was tried".to_owned());
    };
    let alike =
        counted.iter().filter(|other| other.address != attempt.address && fails_alike(attempt, other));
    let alike: Vec<IpAddr> = alike.map(|other| other.address).collect();
    let others = match alike[..] {
        [] => String::new(),
        [other] => format!(" (likewise at {other})"),
        _ => format!(" (likewise at {} other addresses)", alike.len()),
    };
    let what = if let Some(failure) = attempt.tcp.failed() {
        evidence::tcp_text(failure, attempt.tcp.elapsed_ms)
    } else if let Some(failure) = attempt.tls.failed() {
        format!("TCP connects, but {}", evidence::tls_text(failure))
    } else if let Some(session) = attempt.tls.done().filter(|session| !session.trust.accepted()) {
        format!("no set of roots vouches for the certificate, issued by {}", session.issuer)
    } else {
        "TCP and TLS stand, but no answer to a request came back".to_owned()
    };
    format!("{}: {what}{others}", attempt.address)
}

/// The places in the report where a target's failure was seen.
#[must_use]
pub fn failure_places(target: &TargetObservation) -> Vec<String> {
    let counted: Vec<&Attempt> = Case::counted(target).collect();
    if counted.is_empty() {
        return vec![format!("{}/lookups", target.target)];
    }
    let place = |attempt: &&Attempt| {
        let step = if attempt.tcp.done().is_none() {
            "tcp"
        } else if attempt.tls.done().is_none_or(|session| !session.trust.accepted()) {
            "tls"
        } else {
            "call"
        };
        format!("{}/{}/{step}", target.target, attempt.address)
    };
    counted.iter().filter(|attempt| fold::reachable(attempt) != Some(true)).take(4).map(place).collect()
}

/// Whether two attempts broke at the same step in the same way.
#[must_use]
pub fn fails_alike(one: &Attempt, other: &Attempt) -> bool {
    let accepted = |attempt: &Attempt| attempt.tls.done().map(|session| session.trust.accepted());
    one.tcp.failed() == other.tcp.failed()
        && one.tls.failed() == other.tls.failed()
        && accepted(one) == accepted(other)
        && one.call.failed() == other.call.failed()
}

/// The attempt that got furthest, the first of several: it shows what the nearest obstacle is.
pub(super) fn furthest<'a>(attempts: &[&'a Attempt]) -> Option<&'a Attempt> {
    attempts.iter().rev().copied().max_by_key(|attempt| {
        (attempt.tcp.done().is_some(), attempt.tls.done().is_some(), attempt.call.done().is_some())
    })
}
