//! VPC Block Public Access, as EC2 describes it.

use super::form::Form;
use super::listing::Listing;
use super::xml::{Node, node, text};
use super::{CREATED, View};
use crate::aws::errors::Fault;
use crate::topology::{BlockMode, Exclusion};

/// `DescribeVpcBlockPublicAccessOptions`.
#[expect(clippy::unnecessary_wraps, reason = "operations of its kind can fail")]
pub(super) fn options(view: &View<'_>, _: &Form) -> Result<Vec<Node>, Fault> {
    Ok(vec![node(
        "vpcBlockPublicAccessOptions",
        describe_options(view.account(), view.region(), view.topology.vpc.block_public_access),
    )])
}

/// The elements of the options.
pub(super) fn describe_options(account: &str, region: &str, mode: BlockMode) -> Vec<Node> {
    let state = if mode == BlockMode::Off { "default-state" } else { "update-complete" };
    vec![
        text("awsAccountId", account),
        text("awsRegion", region),
        text("state", state),
        text("internetGatewayBlockMode", mode.name()),
        text("lastUpdateTimestamp", CREATED),
        text("managedBy", "account"),
        text("exclusionsAllowed", "allowed"),
    ]
}

/// `DescribeVpcBlockPublicAccessExclusions`.
pub(super) const EXCLUSIONS: Listing = Listing {
    operation: "DescribeVpcBlockPublicAccessExclusions",
    set: "vpcBlockPublicAccessExclusionSet",
    ids: ("ExclusionId", "exclusionId"),
    unknown: ("InvalidVpcBlockPublicAccessExclusionId", "VPC Block Public Access exclusion ID"),
    page: (5, 1000),
    filters: &[
        ("internet-gateway-exclusion-mode", "internetGatewayExclusionMode"),
        ("resource-arn", "resourceArn"),
        ("state", "state"),
        ("tag-key", "tagSet/key"),
    ],
    items: |view| {
        let exclusions = view.topology.vpc.public_access_exclusions.iter();
        exclusions
            .map(|each| {
                describe(&format!("arn:{}:ec2:{}:{}", view.partition(), view.region(), view.account()), each)
            })
            .collect()
    },
};

/// The elements of one exclusion; `prefix` is all of an ARN before the kind of resource.
pub(super) fn describe(prefix: &str, exclusion: &Exclusion) -> Vec<Node> {
    let kind = exclusion.resource.split('-').next().unwrap_or_default();
    let mode = if exclusion.inward_too { "allow-bidirectional" } else { "allow-egress" };
    vec![
        text("exclusionId", &exclusion.id),
        text("internetGatewayExclusionMode", mode),
        text("resourceArn", format!("{prefix}:{kind}/{}", exclusion.resource)),
        text("state", "create-complete"),
        text("creationTimestamp", CREATED),
        node("tagSet", vec![]),
    ]
}
