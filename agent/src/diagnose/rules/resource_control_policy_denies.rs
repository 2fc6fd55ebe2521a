//! A resource control policy of the organization refuses what was asked.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::{in_words, lead_to_gateway_endpoint};
use crate::diagnose::refused::{self, Kind, Refused, Together, Told, leak_of};
use crate::diagnose::{Check, Rule};
use crate::report::{Path, Remedy};

pub(super) const RULE: Rule = Rule {
    id: "resource-control-policy-denies",
    title: "a resource control policy of the organization refuses what was asked",
    check,
};

fn check(case: &Case<'_>) -> Check {
    refused::check(case, &RULE, Kind::ResourceControl, Together::OfOneService, |group| tell(case, group))
}

fn tell(case: &Case<'_>, group: &[Refused<'_>]) -> Told {
    let first = &group[0];
    let over_internet = first.verdict.path == Path::Internet;
    let (causes, remedy) = if over_internet {
        let (_, lead) = lead_to_gateway_endpoint(case, &first.target.service);
        let causes = [
            "a data perimeter around the organization's resources asks for requests from its own VPCs (aws:SourceVpc, \
             aws:SourceVpce, aws:VpceOrgID), and this one came over the internet",
            "it asks for other public addresses (aws:SourceIp), or for principals of the organization (aws:PrincipalOrgID)",
        ];
        let text = format!("Lead the traffic through an endpoint first. {}", lead.text);
        (causes.map(str::to_owned).to_vec(), Remedy { text, commands: lead.commands })
    } else {
        let causes = [
            "a data perimeter around the organization's resources asks for principals of the organization \
             (aws:PrincipalOrgID), and this account is none of it",
            "it asks for other endpoints, VPCs or addresses than this request came through",
        ];
        let text = "Nothing in this account can allow it. Ask whoever manages the organization's policies (AWS Organizations) \
                    for an exception, and give them the request id and, where one is shown, the policy's ARN.";
        (causes.map(str::to_owned).to_vec(), in_words(text))
    };
    Told {
        severity: first.severity(),
        subject: None,
        what: format!("{} a resource control policy", first.deny_or_no_allow()),
        facts: Vec::new(),
        causes,
        explains: if over_internet { leak_of(&first.target.service) } else { Vec::new() },
        remedy,
    }
}
