//! DNS resolution is off in the VPC: its resolver answers nobody, while everything else about the network may be right.

use probes::observations::{Lookup, LookupFailure, ResolverKind};

use crate::diagnose::case::Case;
use crate::diagnose::phrases::{fact, in_words};
use crate::diagnose::{Check, Rule, names};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule = Rule {
    id: "vpc-dns-support-off",
    title: "DNS resolution is off in the VPC, or its resolver answers nothing at all",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let all = case.recording.targets.iter().chain(&case.recording.controls);
    let asked: Vec<&Lookup> = all
        .flat_map(|target| &target.lookups)
        .filter(|lookup| lookup.kind == ResolverKind::Vpc && lookup.a.skip_reason().is_none())
        .collect();
    let certain = match names::dns_attributes(case) {
        Some(attributes) if attributes.support => {
            return Check::Clear("EC2 says that enableDnsSupport is on".to_owned());
        }
        Some(_) => true,
        None => false,
    };
    let Some(first) = asked.first() else {
        return if certain { Check::Found(vec![finding(case, None, &asked)]) } else { not_asked() };
    };
    if certain {
        return Check::Found(vec![finding(case, Some(&first.resolver), &asked)]);
    }
    let own_name = names::own_name(case).map(|check| (check.a.failed(), check.a.done().is_some()));
    // An error that comes at once is this host's own firewall or route, and not the VPC.
    let silent = |failure: Option<&LookupFailure>| {
        matches!(failure, Some(LookupFailure::TimedOut | LookupFailure::Refused))
    };
    let own_name_answers = own_name.is_some_and(|(failure, done)| done || !silent(failure));
    if own_name_answers || !asked.iter().all(|lookup| silent(lookup.a.failed())) {
        return Check::Clear("the VPC resolver answers".to_owned());
    }
    // The resolver is as near as instance metadata, by the same link-local way. Where both are silent, it is not the VPC's DNS.
    if case.recording.environment.host.imds.token.as_ref().is_none_or(|step| step.done().is_none()) {
        return Check::CannotTell("instance metadata does not answer either".to_owned());
    }
    Check::Found(vec![finding(case, Some(&first.resolver), &asked)])
}

fn not_asked() -> Check {
    Check::CannotTell("the VPC resolver was not asked".to_owned())
}

fn finding(case: &Case<'_>, resolver: Option<&str>, asked: &[&Lookup]) -> Finding {
    let host = &case.recording.environment.host;
    let certain = names::dns_attributes(case).is_some();
    let unresolved: Vec<&str> = case
        .targets()
        .filter(|(target, _)| target.attempts.is_empty() && !target.host.is_empty())
        .map(|(target, _)| target.target.as_str())
        .collect();
    let mut consequence = names::consequence(case, &unresolved);
    // A host that resolves by servers of its own misses the private names of interface endpoints only.
    if unresolved.is_empty() && !host.resolvers.iter().any(|used| Some(used.to_string().as_str()) == resolver)
    {
        consequence.severity = Severity::Notice;
    }
    let mut explains = consequence.explains;
    explains.extend(
        asked.iter().map(|lookup| names::claim("resolver-dead", names::resolver_subject(&lookup.resolver))),
    );
    explains.dedup();
    let server =
        resolver.map_or_else(|| "the VPC resolver".to_owned(), |server| format!("the VPC resolver {server}"));
    let so = match unresolved.len() {
        0 => {
            "names resolve by other servers only, without the private names of interface endpoints".to_owned()
        }
        count => format!("no name resolves ({count} targets affected)"),
    };
    let summary = if certain {
        format!("DNS resolution is off in this VPC (enableDnsSupport), so {server} answers nobody and {so}")
    } else {
        format!(
            "{server} answers nothing, not even this instance's own name, while instance metadata answers: most likely DNS \
             resolution is off in this VPC (enableDnsSupport), and {so}"
        )
    };
    let causes = if certain {
        Vec::new()
    } else {
        [
            "DNS resolution is off in the VPC (enableDnsSupport): describe-vpc-attribute tells",
            "this host's own firewall drops the packets: `nft list ruleset` tells",
            "this host exceeds 1,024 packets a second to link-local addresses: then it comes and goes with load, and metadata \
             with it",
        ]
        .map(str::to_owned)
        .into()
    };
    Finding {
        rule: RULE.id.to_owned(),
        severity: consequence.severity,
        subject: names::vpc_subject(case),
        summary,
        facts: vec![fact("questions", asked.len()), fact("answers", 0)],
        evidence: evidence(case, resolver, certain),
        causes,
        explains,
        remedy: remedy(case),
    }
}

fn evidence(case: &Case<'_>, resolver: Option<&str>, certain: bool) -> Vec<String> {
    let mut places: Vec<String> = certain.then(|| "control_plane/dns".to_owned()).into_iter().collect();
    if let Some(resolver) = resolver {
        let targets = case.recording.targets.iter().take(2);
        places.extend(targets.map(|target| format!("{}/lookups/{resolver}", target.target)));
    }
    if names::own_name(case).is_some() {
        places.push("name_checks/own_name".to_owned());
    }
    places.push("environment/imds".to_owned());
    places
}

fn remedy(case: &Case<'_>) -> Remedy {
    let host = &case.recording.environment.host;
    let (Some(region), Some(vpc)) = (&host.region, &host.vpc_id) else {
        return in_words("Switch DNS resolution on in the VPC (enableDnsSupport).");
    };
    Remedy {
        text: "Switch DNS resolution on in the VPC; it takes effect within a minute or so, without a restart. This instance \
               cannot resolve EC2's own name while it is off, so run the commands from elsewhere."
            .to_owned(),
        commands: vec![
            format!("aws ec2 describe-vpc-attribute --region {region} --vpc-id {vpc} --attribute enableDnsSupport"),
            format!(
                "aws ec2 modify-vpc-attribute --region {region} --vpc-id {vpc} --enable-dns-support '{{\"Value\":true}}'"
            ),
        ],
    }
}
