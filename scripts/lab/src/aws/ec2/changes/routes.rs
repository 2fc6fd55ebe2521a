//! Routes, and which table holds for a subnet.

use ipnet::IpNet;

use super::{done, invalid, not_found};
use crate::aws::ec2::derived;
use crate::aws::ec2::form::Form;
use crate::aws::ec2::missing;
use crate::aws::ec2::xml::{Node, node, text};
use crate::aws::errors::Fault;
use crate::aws::service_call::ServiceCall;
use crate::topology::{Route, RouteTable, Topology};

/// `CreateRoute`.
pub(super) fn create(_: &ServiceCall<'_>, form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let (destination, target) = (destination(form)?, target(form)?);
    let table = table(form, topology)?;
    if table.routes.iter().any(|route| route.destination == destination) {
        let text = format!("The route identified by {destination} already exists.");
        return Err(Fault::new(400, "RouteAlreadyExists", text));
    }
    table.routes.push(Route { destination, target, blackhole: false });
    Ok(done())
}

/// `ReplaceRoute`.
pub(super) fn replace(_: &ServiceCall<'_>, form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let (destination, target) = (destination(form)?, target(form)?);
    let table = table(form, topology)?;
    let route = table.routes.iter_mut().find(|route| route.destination == destination).ok_or_else(|| {
        invalid(format!(
            "There is no route defined for '{destination}' in the route table. Use CreateRoute instead."
        ))
    })?;
    *route = Route { destination, target, blackhole: false };
    Ok(done())
}

/// `DeleteRoute`; a route to an endpoint goes away with the endpoint's association only.
pub(super) fn delete(_: &ServiceCall<'_>, form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let destination = destination(form)?;
    let table = table(form, topology)?;
    let position =
        table.routes.iter().position(|route| route.destination == destination).ok_or_else(|| {
            let text =
                format!("no route with destination-cidr-block {destination} in route table {}", table.id);
            Fault::new(400, "InvalidRoute.NotFound", text)
        })?;
    let route = table.routes.remove(position);
    if route.target.starts_with("vpce-") {
        return Err(invalid(format!(
            "cannot remove VPC endpoint route {} in route table {}",
            route.target, table.id
        )));
    }
    Ok(done())
}

/// `AssociateRouteTable`, for a subnet that has no association of its own.
pub(super) fn associate(
    _: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let id = table(form, topology)?.id.clone();
    let wanted = form.value("SubnetId").ok_or_else(|| missing("subnetId"))?;
    let subnet = topology.subnets.iter_mut().find(|subnet| subnet.id == wanted);
    let subnet = subnet.ok_or_else(|| not_found("InvalidSubnetID", "subnet ID", wanted))?;
    if let Some(existing) = &subnet.route_table {
        let association = derived("rtbassoc", &[existing, wanted]);
        let text = format!(
            "the specified association for route table {existing} conflicts with an existing association {association}"
        );
        return Err(Fault::new(400, "Resource.AlreadyAssociated", text));
    }
    let association = derived("rtbassoc", &[&id, wanted]);
    subnet.route_table = Some(id);
    Ok(vec![text("associationId", association), node("associationState", vec![text("state", "associated")])])
}

/// Lets a route table lead to a gateway endpoint.
pub(super) fn lead(table: &mut RouteTable, list: &str, endpoint: &str) -> Result<(), Fault> {
    if table.routes.iter().any(|route| route.destination == list && route.target != endpoint) {
        let text =
            format!("route table {} already has a route with destination-prefix-list-id {list}", table.id);
        return Err(Fault::new(400, "RouteAlreadyExists", text));
    }
    table.routes.retain(|route| route.destination != list);
    table.routes.push(Route { destination: list.to_owned(), target: endpoint.to_owned(), blackhole: false });
    Ok(())
}

/// A route table by its id.
pub(super) fn by_id<'t>(topology: &'t mut Topology, id: &str) -> Result<&'t mut RouteTable, Fault> {
    let table = topology.route_tables.iter_mut().find(|table| table.id == id);
    table.ok_or_else(|| not_found("InvalidRouteTableID", "routeTable ID", id))
}

fn table<'t>(form: &Form, topology: &'t mut Topology) -> Result<&'t mut RouteTable, Fault> {
    by_id(topology, form.value("RouteTableId").ok_or_else(|| missing("routeTableId"))?)
}

fn destination(form: &Form) -> Result<String, Fault> {
    if let Some(list) = form.value("DestinationPrefixListId") {
        return Ok(list.to_owned());
    }
    let (name, cidr) = ["DestinationCidrBlock", "DestinationIpv6CidrBlock"]
        .into_iter()
        .find_map(|name| form.value(name).map(|value| (name, value)))
        .ok_or_else(|| missing("destinationCidrBlock"))?;
    let small = format!("{}{}", name[..1].to_ascii_lowercase(), &name[1..]);
    let malformed = || {
        invalid(format!("Value ({cidr}) for parameter {small} is invalid. This is not a valid CIDR block."))
    };
    let parsed: IpNet = cidr.parse().map_err(|_| malformed())?;
    Ok(parsed.trunc().to_string())
}

/// The target that was named; whether it exists is checked with the whole topology.
fn target(form: &Form) -> Result<String, Fault> {
    let parameters = [
        "GatewayId",
        "NatGatewayId",
        "TransitGatewayId",
        "NetworkInterfaceId",
        "InstanceId",
        "EgressOnlyInternetGatewayId",
        "VpcPeeringConnectionId",
        "VpcEndpointId",
    ];
    let id = parameters.into_iter().find_map(|name| form.value(name)).ok_or_else(|| missing("gatewayId"))?;
    if id.starts_with("vpce-") {
        // EC2 adds such routes itself, when an endpoint is associated with the table.
        return Err(invalid(format!("cannot add or replace a route to VPC endpoint {id}")));
    }
    Ok(id.to_owned())
}
