//! VPC Block Public Access, switched and excluded from.

use super::{invalid, unknown};
use crate::aws::ec2::derived;
use crate::aws::ec2::form::Form;
use crate::aws::ec2::missing;
use crate::aws::ec2::public_access::{describe, describe_options};
use crate::aws::ec2::xml::{Node, node};
use crate::aws::errors::Fault;
use crate::aws::service_call::ServiceCall;
use crate::topology::{BlockMode, Exclusion, Topology};

/// `ModifyVpcBlockPublicAccessOptions`.
pub(super) fn modify(
    work: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let name = form.value("InternetGatewayBlockMode").ok_or_else(|| missing("InternetGatewayBlockMode"))?;
    let mode = BlockMode::of(name).ok_or_else(|| {
        invalid(format!("Value ({name}) for parameter InternetGatewayBlockMode is invalid."))
    })?;
    topology.vpc.block_public_access = mode;
    let described = describe_options(&work.aws.config.account_id, &topology.region, mode);
    Ok(vec![node("vpcBlockPublicAccessOptions", described)])
}

/// `CreateVpcBlockPublicAccessExclusion`, for the VPC or for a subnet.
pub(super) fn exclude(
    work: &ServiceCall<'_>,
    form: &Form,
    topology: &mut Topology,
) -> Result<Vec<Node>, Fault> {
    let resource = match (form.value("VpcId"), form.value("SubnetId")) {
        (Some(vpc), None) if vpc == topology.vpc.id => vpc,
        (None, Some(subnet)) if topology.subnet(subnet).is_some() => subnet,
        (Some(id), None) | (None, Some(id)) => return Err(unknown(id)),
        _ => return Err(invalid("Exactly one of VpcId and SubnetId must be specified.")),
    };
    let inward_too = match form.value("InternetGatewayExclusionMode") {
        Some("allow-egress") => false,
        Some("allow-bidirectional") => true,
        Some(other) => {
            return Err(invalid(format!(
                "Value ({other}) for parameter InternetGatewayExclusionMode is invalid."
            )));
        }
        None => return Err(missing("InternetGatewayExclusionMode")),
    };
    let exclusion =
        Exclusion { id: derived("vpcbpa-exclude", &[resource]), resource: resource.to_owned(), inward_too };
    let arn = work.arn("");
    let described = describe(arn.trim_end_matches(':'), &exclusion);
    let exclusions = &mut topology.vpc.public_access_exclusions;
    exclusions.retain(|each| each.id != exclusion.id);
    exclusions.push(exclusion);
    Ok(vec![node("vpcBlockPublicAccessExclusion", described)])
}
