//! The environment sends requests for instance metadata to a proxy, which cannot answer them for this instance.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::proxied::leave_out;
use crate::diagnose::{Check, Rule};
use crate::proxies::{CLIENTS, Scheme};
use crate::report::{Finding, Severity};

pub(super) const RULE: Rule =
    Rule { id: "metadata-through-proxy", title: "instance metadata is not left out of the proxy", check };

const METADATA: &str = "169.254.169.254";

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.ec2_signs.is_empty() {
        return Check::NotApplicable("nothing shows that this is an EC2 instance".to_owned());
    }
    let through: Vec<_> = CLIENTS
        .iter()
        .filter_map(|client| Some((*client, client.proxy(&host.proxies, Scheme::Http, METADATA)?)))
        .collect();
    let Some((_, proxy)) = through.first() else {
        return Check::Clear("no proxy for HTTP, or metadata is left out of it for every client".to_owned());
    };
    let clients: Vec<&str> = through.iter().map(|(client, _)| client.words()).collect();
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!(
            "{} sends {} to proxy {} for instance metadata ({METADATA}): they find no role credentials and no Region",
            proxy.variable,
            clients.join(", "),
            proxy.authority()
        ),
        facts: vec![fact("clients", clients.join("; ")), fact("proxy", proxy.authority())],
        evidence: vec!["environment/proxies".to_owned(), "environment/imds".to_owned()],
        causes: vec![format!(
            "no_proxy lacks {METADATA}, or names it in a form that these clients do not read"
        )],
        explains: Vec::new(),
        remedy: leave_out(case),
    }])
}
