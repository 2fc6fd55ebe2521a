//! The VPC's own attributes.

use super::{done, not_found};
use crate::aws::ec2::form::Form;
use crate::aws::ec2::missing;
use crate::aws::ec2::xml::Node;
use crate::aws::errors::Fault;
use crate::aws::service_call::ServiceCall;
use crate::topology::Topology;

/// `ModifyVpcAttribute`, which takes one attribute at a time.
pub(super) fn modify(_: &ServiceCall<'_>, form: &Form, topology: &mut Topology) -> Result<Vec<Node>, Fault> {
    let id = form.value("VpcId").ok_or_else(|| missing("vpcId"))?;
    if id != topology.vpc.id {
        return Err(not_found("InvalidVpcID", "vpc ID", id));
    }
    let support = form.value("EnableDnsSupport.Value").map(|_| form.flag("EnableDnsSupport.Value"));
    let hostnames = form.value("EnableDnsHostnames.Value").map(|_| form.flag("EnableDnsHostnames.Value"));
    match (support, hostnames) {
        (Some(support), None) => topology.vpc.enable_dns_support = support,
        (None, Some(hostnames)) => topology.vpc.enable_dns_hostnames = hostnames,
        (Some(_), Some(_)) => {
            let text = "Fields for multiple attribute types specified";
            return Err(Fault::new(400, "InvalidParameterCombination", text));
        }
        (None, None) => {
            let text = "No attributes specified.";
            return Err(Fault::new(400, "InvalidParameterCombination", text));
        }
    }
    Ok(done())
}
