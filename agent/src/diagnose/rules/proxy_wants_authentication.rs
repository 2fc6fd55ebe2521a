//! The proxy asks who is there (HTTP 407): the variable carries no password, or one that the proxy does not take.

use probes::observations::{Proxied, ProxyFailure};

use crate::diagnose::case::Case;
use crate::diagnose::proxied::{failing, leave_out, sent};
use crate::diagnose::{Check, Rule};
use crate::report::Remedy;

pub(super) const RULE: Rule = Rule {
    id: "proxy-wants-authentication",
    title: "the proxy asks for a user and password (HTTP 407)",
    check,
};

fn check(case: &Case<'_>) -> Check {
    if sent(case).is_empty() {
        return Check::NotApplicable("no proxy takes any of the hosts".to_owned());
    }
    let findings = failing(case, RULE.id, "connect", what, |sent, direct| {
        let remedy = if direct {
            leave_out(case)
        } else {
            Remedy {
                text: format!(
                    "Put the user and password into the variable (https_proxy=http://USER:PASSWORD@{}, characters like @ and / \
                     percent-encoded), or have the proxy let this instance's address in without.",
                    sent.proxied.proxy
                ),
                commands: Vec::new(),
            }
        };
        (causes(sent.proxied), remedy)
    });
    Check::found_or(findings, Check::Clear("the proxy asks nobody who they are".to_owned()))
}

fn what(proxied: &Proxied) -> Option<String> {
    match proxied.connect.failed()? {
        ProxyFailure::AuthenticationRequired { sent: true, .. } => {
            Some("does not accept the user and password of its variable (HTTP 407)".to_owned())
        }
        ProxyFailure::AuthenticationRequired { sent: false, .. } => {
            Some("asks for a user and password (HTTP 407), and its variable has none".to_owned())
        }
        _ => None,
    }
}

fn causes(proxied: &Proxied) -> Vec<String> {
    let Some(ProxyFailure::AuthenticationRequired { sent, schemes }) = proxied.connect.failed() else {
        return Vec::new();
    };
    let basic = schemes.is_empty() || schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case("basic"));
    let mut causes = Vec::new();
    if !basic {
        causes.push(format!(
            "the proxy takes {} only; what AWS's SDKs and the CLI send from the variable is Basic (not verified for each SDK)",
            schemes.join(", ")
        ));
    }
    causes.push(
        if *sent {
            "the user or password in the variable is wrong or has expired"
        } else {
            "the variable lacks the user and password"
        }
        .to_owned(),
    );
    causes
}
