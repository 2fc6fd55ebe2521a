//! Something answers in the place of a service: in plain HTTP on port 443, or with a page that no service of AWS sends.

use probes::observations::{Attempt, TlsFailure};

use crate::classify::evidence::is_foreign;
use crate::diagnose::case::Case;
use crate::diagnose::cause::consequence;
use crate::diagnose::phrases::fact;
use crate::diagnose::wire::words;
use crate::diagnose::{Check, Rule};
use crate::report::{Explained, Finding, Remedy, Subject, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "wrong-server-answers",
    title: "what answers is none of AWS: a captive page, a proxy, a web server",
    check,
};

fn check(case: &Case<'_>) -> Check {
    let mut wrong: Vec<(&str, &str, &Attempt)> = Vec::new();
    for (target, _) in case.targets() {
        let attempt = Case::counted(target).find(|attempt| plain(attempt) || foreign(attempt));
        wrong.extend(attempt.map(|attempt| (target.target.as_str(), target.host.as_str(), attempt)));
    }
    let Some((_, host, first)) = wrong.first() else {
        return Check::Clear("every answer is one of AWS's services".to_owned());
    };
    let targets: Vec<&str> = wrong.iter().map(|(target, _, _)| *target).collect();
    let follows = consequence(case, &targets);
    let what = match first.call.done().filter(|_| foreign(first)) {
        Some(reply) => format!("a page (HTTP {}) without a request id of AWS comes back", reply.status),
        None => "what comes back is not TLS but plain text, as of a captive page or proxy".to_owned(),
    };
    let issuers = wrong.iter().filter_map(|(_, _, attempt)| attempt.tls.done());
    let mut explains = follows.explains;
    explains.extend(issuers.map(|session| Explained {
        rule: "tls-intercepted".to_owned(),
        subject: Subject {
            kind: SubjectKind::Issuer,
            id: crate::classify::evidence::common_name(&session.issuer).to_owned(),
        },
    }));
    explains.dedup();
    let hosts: Vec<&str> = wrong.iter().map(|(_, host, _)| *host).collect();
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: follows.severity,
        subject: case.instance(),
        summary: format!("something else answers for {} at {}: {what}", targets.join(", "), first.address),
        facts: vec![fact("hosts", hosts.join(" ")), fact("address", first.address)],
        evidence: wrong
            .iter()
            .take(4)
            .map(|(target, _, attempt)| {
                format!("{target}/{}/{}", attempt.address, if plain(attempt) { "tls" } else { "call" })
            })
            .collect(),
        causes: words(&[
            "a transparent proxy or captive portal takes the connections of this network and shows a page of its own",
            "a record of one's own (private hosted zone, hosts file) leads the name to a server that is none of AWS's",
        ]),
        explains,
        remedy: Remedy {
            text: "Find out whose page it is and have AWS's names exempted there; if the address is none of AWS's, correct the record \
                   that gives it."
                .to_owned(),
            commands: vec![format!("curl -skv --max-time 5 https://{host}/"), format!("getent ahosts {host}")],
        },
    }])
}

fn plain(attempt: &Attempt) -> bool {
    matches!(attempt.tls.failed(), Some(TlsFailure::NotTls { .. }))
}

fn foreign(attempt: &Attempt) -> bool {
    attempt.call.done().is_some_and(is_foreign)
}
