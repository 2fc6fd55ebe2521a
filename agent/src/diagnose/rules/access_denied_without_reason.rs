//! A refusal that names no policy: never blamed on one, but on a list of what refuses without a word.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::show_policies;
use crate::diagnose::policies::show_bucket_policy;
use crate::diagnose::refused::{self, Kind, Refused, Together, Told};
use crate::diagnose::{Check, Rule};
use crate::report::{Path, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "access-denied-without-reason",
    title: "a service refused a call and did not say which policy it was",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::Unexplained, Together::OfOneResource, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let through_endpoint = matches!(first.verdict.path, Path::GatewayEndpoint | Path::InterfaceEndpoint);
    let mut causes = Vec::new();
    let bucket = first.bucket();
    // The policy that every endpoint gets by itself refuses nothing.
    let endpoints = case.recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let endpoint = endpoints.and_then(|endpoints| {
        endpoints.iter().find(|endpoint| Some(&endpoint.id) == first.verdict.vpc_endpoint_id.as_ref())
    });
    let may_be_endpoint = through_endpoint && endpoint.is_none_or(|endpoint| endpoint.has_policy);
    let refuses_others = refused::all(case)
        .iter()
        .any(|other| other.kind == Kind::EndpointPolicy && other.target.service == first.target.service);
    if first.reply.operation == "s3:ListBucket" && first.reply.follow_up.is_none() {
        causes.push("the second request, which reads the reason, was not answered: run again".to_owned());
    }
    if bucket.is_some() {
        causes.push(
            "the bucket belongs to an account outside the organization, and its policy does not allow this role: its owner can \
             see it with get-bucket-policy"
                .to_owned(),
        );
        if refuses_others {
            causes.insert(
                0,
                "it belongs to another account of the organization, and the VPC endpoint's policy does not allow it: such \
                 refusals are not named, and this endpoint's policy refused another call of the service by name"
                    .to_owned(),
            );
        } else if may_be_endpoint {
            causes.push(
                "it belongs to another account of the organization, and the VPC endpoint's policy does not allow it: such \
                 refusals are not named. A bucket of this account that the endpoint refuses as well would be, so name one with \
                 --bucket; or ask from where no endpoint is in the way"
                    .to_owned(),
            );
        }
        causes.push(
            "it is a directory bucket (S3 Express), whose refusals are never named: its name ends in --x-s3"
                .to_owned(),
        );
        causes.push("it is a Requester Pays bucket: `--request-payer requester` gets through".to_owned());
        causes.push(
            "objects alone: another account owns them (object ownership, ACL); listing works then".to_owned(),
        );
    } else {
        causes.push("the resource belongs to an account outside the organization".to_owned());
        causes.push("something between this instance and the service refuses in its place".to_owned());
    }
    let mut commands = if may_be_endpoint { show_policies(case, &first.target.service) } else { Vec::new() };
    commands.extend(bucket.map(show_bucket_policy));
    Told {
        severity: first.severity(),
        subject: None,
        what: "refused without naming a policy, so which one it was cannot be told".to_owned(),
        facts: Vec::new(),
        causes,
        explains: Vec::new(),
        remedy: Remedy {
            text: "Go through the causes in order, the owner of the bucket with the request id at hand; do not change the \
                   bucket's policy on a guess."
                .to_owned(),
            commands,
        },
    }
}
