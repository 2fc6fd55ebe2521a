//! Making and modifying VPC endpoints.

use std::net::Ipv4Addr;

use super::routes::{by_id, lead};
use super::{done, invalid, not_found};
use crate::aws::ec2::endpoints::{describe, service_name};
use crate::aws::ec2::form::Form;
use crate::aws::ec2::interfaces::addresses;
use crate::aws::ec2::xml::{Node, node};
use crate::aws::ec2::{View, derived, missing};
use crate::aws::errors::Fault;
use crate::aws::policy::Policy;
use crate::aws::request::uuid;
use crate::aws::service_call::ServiceCall;
use crate::dns::private_names;
use crate::topology::{GatewayEndpoint, InterfaceEndpoint, NetworkInterface, Topology};

/// `CreateVpcEndpoint`, of either type.
pub(super) fn create(
    work: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let vpc = form.value("VpcId").ok_or_else(|| missing("vpcId"))?;
    if vpc != topology.vpc.id {
        return Err(not_found("InvalidVpcId", "Vpc Id", vpc));
    }
    let name = form.value("ServiceName").ok_or_else(|| missing("serviceName"))?;
    let policy = form.value("PolicyDocument").map(policy).transpose()?;
    let id = derived("vpce", &[&uuid()]);
    match form.value("VpcEndpointType").unwrap_or("Gateway") {
        "Gateway" => gateway(form, topology, &id, name)?,
        "Interface" => interface(form, topology, &id, name)?,
        other => return Err(invalid(format!("Value ({other}) for parameter vpcEndpointType is invalid."))),
    }
    if policy.is_some() {
        work.aws.set_endpoint_policy(&id, policy);
    }
    Ok(vec![node("vpcEndpoint", describe(&View { topology, work }, &id))])
}

/// `ModifyVpcEndpoint`.
pub(super) fn modify(
    work: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let id = form.value("VpcEndpointId").ok_or_else(|| missing("vpcEndpointId"))?;
    let policy = form.value("PolicyDocument").map(policy).transpose()?;
    if let Some(endpoint) = topology.gateway_endpoints.iter().find(|endpoint| endpoint.id == id) {
        let service = endpoint.service.clone();
        address_type(form, topology, id, &service)?;
        associate(topology, id, &service, &form.list("AddRouteTableId"))?;
        for table in form.list("RemoveRouteTableId") {
            by_id(topology, &table)?.routes.retain(|route| route.target != id);
        }
    } else if topology.interface_endpoints.iter().any(|endpoint| endpoint.id == id) {
        modify_interface(form, topology, id)?;
    } else {
        return Err(not_found("InvalidVpcEndpointId", "Vpc Endpoint Id", id));
    }
    if policy.is_some() || form.flag("ResetPolicy") {
        work.aws.set_endpoint_policy(id, policy);
    }
    Ok(done())
}

/// `DeleteVpcEndpoints`; the routes to a gateway endpoint go with it.
pub(super) fn delete(form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    for id in form.list("VpcEndpointId") {
        let before = topology.gateway_endpoints.len() + topology.interface_endpoints.len();
        topology.gateway_endpoints.retain(|endpoint| endpoint.id != id);
        topology.interface_endpoints.retain(|endpoint| endpoint.id != id);
        if before == topology.gateway_endpoints.len() + topology.interface_endpoints.len() {
            return Err(not_found("InvalidVpcEndpointId", "Vpc Endpoint Id", &id));
        }
        for table in &mut topology.route_tables {
            table.routes.retain(|route| route.target != id);
        }
    }
    Ok(vec![node("unsuccessful", vec![])])
}

fn gateway(form: &Form, topology: &mut Topology, id: &str, name: &str) -> Result<(), Fault> {
    let services =
        topology.prefix_lists.iter().filter(|list| list.name.is_none()).map(|list| list.service.clone());
    let mut services = services.filter(|service| service_name(service, &topology.region, true) == name);
    let service = services.next().ok_or_else(|| no_service(name))?;
    topology.gateway_endpoints.push(GatewayEndpoint {
        id: id.to_owned(),
        service: service.clone(),
        answers_at_ttl: 1,
    });
    associate(topology, id, &service, &form.list("RouteTableId"))
}

/// Switches a gateway endpoint between IPv4 and both families, which brings the route for the IPv6 ranges with it.
fn address_type(form: &Form, topology: &mut Topology, id: &str, service: &str) -> Result<(), Fault> {
    let Some(wanted) = form.value("IpAddressType") else { return Ok(()) };
    let Some(ipv6) = topology.ipv6.as_mut().filter(|_| service == "s3") else {
        return Err(invalid(format!("Value ({wanted}) for parameter ipAddressType is invalid.")));
    };
    ipv6.gateway_endpoints.retain(|each| each != id);
    match wanted {
        "ipv4" => {}
        "dualstack" => ipv6.gateway_endpoints.push(id.to_owned()),
        other => return Err(invalid(format!("Value ({other}) for parameter ipAddressType is invalid."))),
    }
    Ok(())
}

/// Lets route tables lead to a gateway endpoint by the prefix list of its service.
fn associate(topology: &mut Topology, id: &str, service: &str, tables: &[String]) -> Result<(), Fault> {
    let list = topology.prefix_lists.iter().find(|list| list.service == service).map(|list| list.id.clone());
    let list = list.ok_or_else(|| no_service(service))?;
    tables.iter().try_for_each(|table| lead(by_id(topology, table)?, &list, id))
}

fn interface(form: &Form, topology: &mut Topology, id: &str, name: &str) -> Result<(), Fault> {
    let end = name.split_once(&format!(".{}.", topology.region)).map(|(_, service)| service);
    let service = end.filter(|service| service_name(service, &topology.region, false) == name);
    let service = service.ok_or_else(|| no_service(name))?.to_owned();
    let groups = form.list("SecurityGroupId");
    if groups.is_empty() {
        // The lab's VPCs have no default group, which EC2 would take here.
        return Err(missing("securityGroupIds"));
    }
    topology.interface_endpoints.push(InterfaceEndpoint {
        id: id.to_owned(),
        service: service.clone(),
        private_dns: false,
        state: "available".to_owned(),
        private_dns_only_for_inbound_resolver: service == "s3",
        network_interfaces: Vec::new(),
        security_groups: groups,
        answers_at_ttl: None,
    });
    add_subnets(topology, id, &form.list("SubnetId"))?;
    // Private DNS is on unless somebody says no, where the service has it at all.
    let has_names = !private_names(&topology.region, &service).is_empty();
    let wanted = form.value("PrivateDnsEnabled").map_or(has_names, |_| form.flag("PrivateDnsEnabled"));
    private_dns(form, topology, id, Some(wanted))
}

fn modify_interface(form: &Form, topology: &mut Topology, id: &str) -> Result<(), Fault> {
    let (added, removed) = (form.list("AddSecurityGroupId"), form.list("RemoveSecurityGroupId"));
    let without = form.list("RemoveSubnetId");
    let endpoint = interface_endpoint(topology, id)?;
    endpoint.security_groups.retain(|group| !removed.contains(group));
    endpoint.security_groups.extend(added);
    if endpoint.security_groups.is_empty() {
        return Err(invalid("An endpoint must have at least one security group."));
    }
    endpoint.network_interfaces.retain(|interface| !without.contains(&interface.subnet));
    add_subnets(topology, id, &form.list("AddSubnetId"))?;
    private_dns(form, topology, id, form.value("PrivateDnsEnabled").map(|_| form.flag("PrivateDnsEnabled")))
}

/// Gives an endpoint a network interface in each of these subnets, one for each zone.
fn add_subnets(topology: &mut Topology, id: &str, subnets: &[String]) -> Result<(), Fault> {
    for wanted in subnets {
        let subnet =
            topology.subnet(wanted).ok_or_else(|| not_found("InvalidSubnetId", "subnet ID", wanted))?;
        let endpoint = topology.interface_endpoints.iter().find(|endpoint| endpoint.id == id);
        let taken = endpoint.into_iter().flat_map(|endpoint| &endpoint.network_interfaces);
        let mut zones = taken.filter_map(|each| topology.subnet(&each.subnet)).map(|subnet| subnet.zone);
        if zones.any(|zone| zone == subnet.zone) {
            let zone = topology.zone_name(subnet);
            let text =
                format!("Found another VPC endpoint subnet in the availability zone {zone} of {wanted}");
            return Err(Fault::new(400, "DuplicateSubnetsInSameZone", text));
        }
        let used: Vec<Ipv4Addr> = addresses(topology).map(|(_, address)| address).collect();
        // The first four addresses are EC2's own; hosts() leaves out one of them and the last.
        let free = subnet.cidr.hosts().skip(3).find(|address| !used.contains(address));
        let address = free.ok_or_else(|| {
            let text =
                format!("There are not enough free addresses in subnet '{wanted}' to satisfy the request.");
            Fault::new(400, "InsufficientFreeAddressesInSubnet", text)
        })?;
        let interface = NetworkInterface {
            id: derived("eni", &[id, wanted]),
            subnet: wanted.clone(),
            address,
            dead: false,
        };
        interface_endpoint(topology, id)?.network_interfaces.push(interface);
    }
    Ok(())
}

/// Switches private DNS, as far as the VPC and the service let it be.
fn private_dns(form: &Form, topology: &mut Topology, id: &str, wanted: Option<bool>) -> Result<(), Fault> {
    let option = "DnsOptions.PrivateDnsOnlyForInboundResolverEndpoint";
    let inbound_only = form.value(option).map(|_| form.flag(option));
    let gateway = |topology: &Topology, service: &str| {
        topology.gateway_endpoints.iter().any(|endpoint| endpoint.service == service)
    };
    let (region, vpc) = (topology.region.clone(), topology.vpc.clone());
    let others = topology.interface_endpoints.iter().filter(|other| other.id != id && other.private_dns);
    let others: Vec<String> = others.map(|other| other.service.clone()).collect();
    let endpoint = interface_endpoint(topology, id)?;
    if wanted == Some(true) && !endpoint.private_dns {
        let names = private_names(&region, &endpoint.service);
        let Some(name) = names.first() else {
            let service = service_name(&endpoint.service, &region, false);
            return Err(Fault::new(
                400,
                "InvalidParameter",
                format!(
                    "Private DNS can't be enabled because the service {service} does not provide a private DNS name."
                ),
            ));
        };
        if !vpc.enable_dns_support || !vpc.enable_dns_hostnames {
            let text = format!(
                "Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for {}",
                vpc.id
            );
            return Err(Fault::new(400, "InvalidParameter", text));
        }
        if others.contains(&endpoint.service) {
            let text = format!(
                "private-dns-enabled cannot be set because there is already a conflicting DNS domain for {name} in the VPC {}",
                vpc.id
            );
            return Err(Fault::new(400, "InvalidParameter", text));
        }
    }
    endpoint.private_dns = wanted.unwrap_or(endpoint.private_dns);
    if endpoint.service == "s3" {
        let only = inbound_only.unwrap_or(endpoint.private_dns_only_for_inbound_resolver);
        endpoint.private_dns_only_for_inbound_resolver = only;
        let (on, service) = (endpoint.private_dns, endpoint.service.clone());
        if on && only && !gateway(topology, &service) {
            let text = "To set PrivateDnsOnlyForInboundResolverEndpoint to true, the VPC must have a Gateway endpoint for \
                        the service.";
            return Err(Fault::new(400, "InvalidParameter", text));
        }
    }
    Ok(())
}

fn interface_endpoint<'t>(topology: &'t mut Topology, id: &str) -> Result<&'t mut InterfaceEndpoint, Fault> {
    let endpoint = topology.interface_endpoints.iter_mut().find(|endpoint| endpoint.id == id);
    endpoint.ok_or_else(|| not_found("InvalidVpcEndpointId", "Vpc Endpoint Id", id))
}

fn policy(text: &str) -> Result<Policy, Fault> {
    Policy::parse(text).map_err(|error| {
        Fault::new(400, "InvalidParameter", format!("Policy document is not valid: {error}"))
    })
}

fn no_service(name: &str) -> Fault {
    Fault::new(400, "InvalidServiceName", format!("The Vpc Endpoint Service '{name}' does not exist"))
}
