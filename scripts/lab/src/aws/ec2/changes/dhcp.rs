//! DHCP option sets: making one, and giving it to the VPC.

use std::net::Ipv4Addr;

use super::{done, invalid, not_found};
use crate::aws::ec2::form::Form;
use crate::aws::ec2::vpc::{dhcp_options, dhcp_options_id};
use crate::aws::ec2::xml::{Node, node};
use crate::aws::ec2::{View, derived, missing};
use crate::aws::errors::Fault;
use crate::aws::request::uuid;
use crate::aws::service_call::ServiceCall;
use crate::dns;
use crate::topology::{DhcpOptions, Topology};

/// `CreateDhcpOptions`, as far as it is about DNS.
pub(super) fn create(
    work: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let mut made = DhcpOptions { id: Some(derived("dopt", &[&uuid()])), ..DhcpOptions::default() };
    // Without a list of servers, instances get none; the lab's keep Amazon's.
    for member in form.members("DhcpConfiguration") {
        let key = form.value(&format!("{member}.Key")).ok_or_else(|| missing("key"))?;
        let values = form.list(&format!("{member}.Value"));
        match key {
            "domain-name" => {
                made.domain_names = Some(
                    values.iter().flat_map(|value| value.split_whitespace()).map(str::to_owned).collect(),
                );
            }
            "domain-name-servers" if values == ["AmazonProvidedDNS"] => made.name_servers = None,
            "domain-name-servers" => {
                let servers = values.iter().map(|value| server(value));
                made.name_servers = Some(servers.collect::<Result<_, _>>()?);
            }
            other => return Err(invalid(format!("Value ({other}) for parameter key is invalid."))),
        }
    }
    let described = dhcp_options(&View { topology, work }, &made);
    topology.dhcp_options.push(made);
    Ok(vec![node("dhcpOptions", described)])
}

/// `AssociateDhcpOptions`. The instance's lease is renewed at once.
pub(super) fn associate(
    _: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let vpc = form.value("VpcId").ok_or_else(|| missing("vpcId"))?;
    if vpc != topology.vpc.id {
        return Err(not_found("InvalidVpcID", "vpc ID", vpc));
    }
    let wanted = form.value("DhcpOptionsId").ok_or_else(|| missing("dhcpOptionsId"))?;
    let ids: Vec<String> = topology.dhcp_options.iter().map(|each| dhcp_options_id(topology, each)).collect();
    let place = ids.iter().position(|id| id == wanted);
    topology.dhcp = place.ok_or_else(|| not_found("InvalidDhcpOptionID", "dhcpOption ID", wanted))?;
    dns::renew_lease(topology).map_err(|error| Fault::new(500, "InternalError", error.to_string()))?;
    Ok(done())
}

fn server(text: &str) -> Result<Ipv4Addr, Fault> {
    text.parse().map_err(|_| invalid(format!("Value ({text}) for parameter value is invalid.")))
}
