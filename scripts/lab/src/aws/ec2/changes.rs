//! The calls that change the VPC while it runs: what somebody would type to mend it.
//!
//! Each is an edit of the topology, which [`crate::live`] checks and carries out; what cannot be carried out changes nothing and is an
//! error in EC2's words.

mod acls;
mod addresses;
mod attributes;
mod dhcp;
mod endpoints;
mod groups;
mod public_access;
mod routes;

use super::form::Form;
use super::missing;
use super::xml::{Node, text};
use crate::aws::errors::Fault;
use crate::aws::service_call::ServiceCall;
use crate::live::ChangeError;
use crate::topology::{Invalid, Topology};

/// One operation that changes something.
#[derive(Clone, Copy)]
pub(super) struct Change {
    operation: &'static str,
    /// The kind of resource that is changed, as in its ARN, and the parameter that names it.
    resource: (&'static str, &'static str),
    edit: Edit,
}

/// Makes the change and says what the answer holds.
type Edit = fn(&ServiceCall<'_>, &Form, &mut Topology) -> Result<Vec<Node>, Fault>;

/// All operations that change something.
const CHANGES: [Change; 21] = [
    change("AllocateAddress", ("elastic-ip", "Domain"), |_, form, topology| {
        addresses::allocate(form, topology)
    }),
    change("AssociateAddress", ("elastic-ip", "AllocationId"), |_, form, topology| {
        addresses::associate(form, topology)
    }),
    change("AssociateDhcpOptions", ("vpc", "VpcId"), dhcp::associate),
    change("AssociateRouteTable", ("route-table", "RouteTableId"), routes::associate),
    change("AuthorizeSecurityGroupEgress", GROUP, |_, form, topology| {
        groups::authorize(form, topology, true)
    }),
    change("AuthorizeSecurityGroupIngress", GROUP, |_, form, topology| {
        groups::authorize(form, topology, false)
    }),
    change("CreateNetworkAclEntry", ACL, |_, form, topology| acls::create(form, topology)),
    // What is made has no id yet; a set without any option is none.
    change("CreateDhcpOptions", ("dhcp-options", "DhcpConfiguration.1.Key"), dhcp::create),
    change("CreateRoute", ("route-table", "RouteTableId"), routes::create),
    change("CreateSecurityGroup", ("vpc", "VpcId"), |_, form, topology| groups::create(form, topology)),
    change("CreateVpcBlockPublicAccessExclusion", EXCLUSION, public_access::exclude),
    change("CreateVpcEndpoint", ("vpc", "VpcId"), endpoints::create),
    change("DeleteNetworkAclEntry", ACL, |_, form, topology| acls::delete(form, topology)),
    change("DeleteRoute", ("route-table", "RouteTableId"), routes::delete),
    change("DeleteVpcEndpoints", ("vpc-endpoint", "VpcEndpointId.1"), |_, form, topology| {
        endpoints::delete(form, topology)
    }),
    change("ModifyVpcAttribute", ("vpc", "VpcId"), attributes::modify),
    change("ModifyVpcBlockPublicAccessOptions", ACCOUNT, public_access::modify),
    change("ModifyVpcEndpoint", ("vpc-endpoint", "VpcEndpointId"), endpoints::modify),
    change("ReplaceRoute", ("route-table", "RouteTableId"), routes::replace),
    change("RevokeSecurityGroupEgress", GROUP, |_, form, topology| groups::revoke(form, topology, true)),
    change("RevokeSecurityGroupIngress", GROUP, |_, form, topology| groups::revoke(form, topology, false)),
];

const ACL: (&str, &str) = ("network-acl", "NetworkAclId");
const GROUP: (&str, &str) = ("security-group", "GroupId");
/// What may be allowed for these two is everything or nothing.
const ACCOUNT: (&str, &str) = ("vpc-block-public-access-options", "InternetGatewayBlockMode");
const EXCLUSION: (&str, &str) = ("vpc-block-public-access-exclusion", "InternetGatewayExclusionMode");

/// The operation of this name, if it changes something.
pub(super) fn find(operation: &str) -> Option<Change> {
    CHANGES.into_iter().find(|change| change.operation == operation)
}

impl Change {
    /// The ARN of what is changed.
    pub(super) fn resource(&self, work: &ServiceCall<'_>, form: &Form) -> String {
        let (kind, parameter) = self.resource;
        work.arn(&format!("{kind}/{}", form.value(parameter).unwrap_or("*")))
    }

    /// Changes the VPC.
    ///
    /// # Errors
    ///
    /// EC2's refusal of what was asked for, or an internal error if the network could not be changed.
    pub(super) fn make(&self, work: &ServiceCall<'_>, form: &Form) -> Result<Vec<Node>, Fault> {
        let (_, parameter) = self.resource;
        form.value(parameter).ok_or_else(|| missing(parameter))?;
        work.aws.live.change(|topology| (self.edit)(work, form, topology)).map_err(|error| match error {
            ChangeError::Refused(fault) => fault,
            ChangeError::Invalid(Invalid::Unknown { id, .. }) => unknown(&id),
            ChangeError::Invalid(reason) => invalid(reason.to_string()),
            ChangeError::Rebuild => {
                let text = "This change cannot be made to a VPC of the lab while it runs.";
                Fault::new(400, "UnsupportedOperation", text)
            }
            ChangeError::Realise(reason) => Fault::new(500, "InternalError", reason.to_string()),
        })
    }
}

const fn change(operation: &'static str, resource: (&'static str, &'static str), edit: Edit) -> Change {
    Change { operation, resource, edit }
}

/// The answer of an operation that has nothing to tell.
fn done() -> Vec<Node> {
    vec![text("return", true)]
}

/// The error for something that is not there.
fn not_found(code: &str, noun: &str, id: &str) -> Fault {
    Fault::new(400, &format!("{code}.NotFound"), format!("The {noun} '{id}' does not exist"))
}

/// The error for an id that the changed VPC refers to and does not have.
fn unknown(id: &str) -> Fault {
    let (code, noun) = match id.split('-').next().unwrap_or_default() {
        "igw" | "vgw" => ("InvalidGatewayID", "gateway ID"),
        "eigw" => ("InvalidGatewayID", "eigw ID"),
        "nat" => ("InvalidNatGatewayID", "natGateway ID"),
        "tgw" => ("InvalidTransitGatewayID", "transitGateway ID"),
        "eni" => ("InvalidNetworkInterfaceID", "networkInterface ID"),
        "i" => ("InvalidInstanceID", "instance ID"),
        "acl" => ("InvalidNetworkAclID", "networkAcl ID"),
        "pl" => ("InvalidPrefixListID", "prefix list ID"),
        "sg" => ("InvalidGroup", "security group"),
        "subnet" => ("InvalidSubnetID", "subnet ID"),
        "rtb" => ("InvalidRouteTableID", "routeTable ID"),
        _ => return invalid(format!("Value ({id}) is invalid.")),
    };
    not_found(code, noun, id)
}

fn invalid(text: impl Into<String>) -> Fault {
    Fault::new(400, "InvalidParameterValue", text)
}
