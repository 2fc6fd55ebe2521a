//! EC2: what it says of the VPC that was built, in its own protocol.
//!
//! Every answer is made from the lab's [`Topology`], the same value that the network was compiled from, so that the two cannot
//! disagree; [`changes`] changes both. This module finds the operation and asks the policies; each resource has a module below.

mod changes;
mod endpoints;
mod firewalls;
mod form;
mod gateways;
mod interfaces;
mod listing;
mod metadata;
mod prefix_lists;
mod public_access;
mod route_tables;
#[cfg(test)]
mod tests;
mod vpc;
mod xml;

use sha2::{Digest as _, Sha256};

use super::Aws;
use super::access::Ask;
use super::errors::Fault;
use super::names::partition_of;
use super::request::{Call, Reply};
use super::service_call::ServiceCall;
use crate::topology::Topology;
use form::Form;
use listing::Listing;
use xml::{Node, text};

/// The answer of EC2.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let work = ServiceCall::new(aws, "ec2", call);
    let form = Form::new(call.form());
    match operate(&work, &form) {
        Ok((operation, nodes)) => success(call, operation, &nodes),
        Err(fault) => fault.reply("ec2", call),
    }
}

/// The operations that list resources.
const LISTINGS: [&Listing; 14] = [
    &endpoints::VPC_ENDPOINTS,
    &firewalls::NETWORK_ACLS,
    &firewalls::SECURITY_GROUPS,
    &gateways::INTERNET_GATEWAYS,
    &gateways::NAT_GATEWAYS,
    &interfaces::INSTANCES,
    &interfaces::NETWORK_INTERFACES,
    &prefix_lists::MANAGED_PREFIX_LISTS,
    &prefix_lists::PREFIX_LISTS,
    &public_access::EXCLUSIONS,
    &route_tables::ROUTE_TABLES,
    &vpc::DHCP_OPTIONS,
    &vpc::SUBNETS,
    &vpc::VPCS,
];

/// An operation that answers something else than a list of resources.
type Special = fn(&View<'_>, &Form) -> Result<Vec<Node>, Fault>;

/// The other operations.
const SPECIALS: [(&str, Special); 4] = [
    ("DescribeVpcAttribute", vpc::attribute),
    ("DescribeVpcBlockPublicAccessOptions", public_access::options),
    ("GetManagedPrefixListEntries", prefix_lists::entries),
    ("ModifyInstanceMetadataOptions", metadata::modify),
];

/// When everything in the account was made, which is when the instance was started.
const CREATED: &str = "2026-01-15T09:30:00.000Z";

/// What the resources are described from.
struct View<'a> {
    topology: &'a Topology,
    work: &'a ServiceCall<'a>,
}

impl View<'_> {
    /// The account that owns everything.
    fn account(&self) -> &str {
        &self.work.aws.config.account_id
    }

    fn region(&self) -> &str {
        &self.topology.region
    }

    fn partition(&self) -> &'static str {
        partition_of(self.region()).id
    }

    fn owner(&self) -> Node {
        text("ownerId", self.account())
    }

    fn vpc(&self) -> Node {
        text("vpcId", &self.topology.vpc.id)
    }
}

fn operate<'a>(work: &ServiceCall<'_>, form: &'a Form) -> Result<(&'a str, Vec<Node>), Fault> {
    let who = work.caller()?;
    let Some(operation) = form.value("Action") else {
        return Err(Fault::new(400, "MissingParameter", "The request must contain the parameter Action"));
    };
    let action = format!("ec2:{operation}");
    let change = changes::find(operation);
    // Describing is allowed for everything or nothing; changing, for the resource that is changed.
    let resource = change.map_or_else(|| "*".to_owned(), |change| change.resource(work, form));
    let ask = Ask { resource_in_text: change.is_some(), ..Ask::own(work.aws, &action, resource) };
    work.allow(&who, &ask)?;
    let listing = LISTINGS.into_iter().find(|listing| listing.operation == operation);
    let special = SPECIALS.into_iter().find(|(name, _)| *name == operation);
    let topology = work.aws.live.topology();
    // An empty answer would claim that there is nothing: of another Region's resources the lab knows nothing at all.
    let here = work.scope.region == topology.region;
    if !here || (listing.is_none() && special.is_none() && change.is_none()) {
        let text = "The requested operation is not supported in the lab.";
        return Err(Fault::new(400, "UnsupportedOperation", text));
    }
    if form.flag("DryRun") {
        let text = "Request would have succeeded, but DryRun flag is set.";
        return Err(Fault::new(412, "DryRunOperation", text));
    }
    let view = View { topology: &topology, work };
    let nodes = match (listing, special, change) {
        (Some(listing), ..) => listing.answer(&view, form)?,
        (None, Some((_, special)), _) => special(&view, form)?,
        (None, None, Some(change)) => change.make(work, form)?,
        (None, None, None) => Vec::new(),
    };
    Ok((operation, nodes))
}

fn success(call: &Call, operation: &str, nodes: &[Node]) -> Reply {
    let mut body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{operation}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\n    \
         <requestId>{}</requestId>\n",
        call.id
    );
    xml::render(nodes, 1, &mut body);
    body.push_str("</");
    body.push_str(operation);
    body.push_str("Response>");
    Reply::new(200, "text/xml;charset=UTF-8", body)
        .with("x-amzn-requestid", call.id.clone())
        .with("server", "AmazonEC2")
}

/// The id of something that a topology does not name: always the same for the same parts.
fn derived(prefix: &str, parts: &[&str]) -> String {
    let digest = hex::encode(Sha256::digest(parts.join("/")));
    format!("{prefix}-0{}", &digest[..16])
}

/// The error for a parameter that must be there.
fn missing(parameter: &str) -> Fault {
    let text = format!("The request must contain the parameter {parameter}");
    Fault::new(400, "MissingParameter", text)
}
