//! Elastic IP addresses.

use std::net::Ipv4Addr;

use super::not_found;
use crate::aws::ec2::derived;
use crate::aws::ec2::form::Form;
use crate::aws::ec2::missing;
use crate::aws::ec2::xml::{Node, text};
use crate::aws::errors::Fault;
use crate::topology::{ElasticAddress, Topology};

/// The first address that is given out; the next follow it.
const FIRST: Ipv4Addr = Ipv4Addr::new(18, 204, 77, 10);

/// `AllocateAddress`.
#[expect(clippy::unnecessary_wraps, reason = "every change may be refused")]
pub(super) fn allocate(_: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let count = u32::try_from(topology.elastic_addresses.len()).unwrap_or_default();
    let address = Ipv4Addr::from(u32::from(FIRST) + count);
    let allocation = derived("eipalloc", &[&address.to_string()]);
    let answer = vec![text("allocationId", &allocation), text("publicIp", address), text("domain", "vpc")];
    topology.elastic_addresses.push(ElasticAddress { allocation, address });
    Ok(answer)
}

/// `AssociateAddress`, with the instance's first network interface.
pub(super) fn associate(form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let allocation = form.value("AllocationId").ok_or_else(|| missing("allocationId"))?;
    let found = topology.elastic_addresses.iter().find(|each| each.allocation == allocation);
    let address = found.ok_or_else(|| not_found("InvalidAllocationID", "allocation ID", allocation))?.address;
    let instance = &mut topology.instance;
    match (form.value("NetworkInterfaceId"), form.value("InstanceId")) {
        (Some(id), _) if id != instance.network_interface => {
            return Err(not_found("InvalidNetworkInterfaceID", "networkInterface ID", id));
        }
        (None, Some(id)) if id != instance.id => {
            return Err(not_found("InvalidInstanceID", "instance ID", id));
        }
        (None, None) => return Err(missing("networkInterfaceId")),
        _ => {}
    }
    instance.public_address = Some(address);
    Ok(vec![text("associationId", derived("eipassoc", &[allocation])), text("return", true)])
}
