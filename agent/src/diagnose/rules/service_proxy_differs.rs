//! A service or program of this host takes another way to AWS than this run did: its proxy settings stand in a file of its own.

use probes::environment::{Proxy, ProxyReader, ProxySetting};

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::proxied::recommended;
use crate::diagnose::{Check, Rule};
use crate::proxies::{Client, Scheme};
use crate::report::{Finding, Remedy, Severity, Subject, SubjectKind};

pub(super) const RULE: Rule = Rule {
    id: "service-proxy-differs",
    title: "a service on this host has other proxy settings than this run",
    check,
};

const READERS: [ProxyReader; 5] = [
    ProxyReader::SsmAgent,
    ProxyReader::Docker,
    ProxyReader::Ecs,
    ProxyReader::PackageManager,
    ProxyReader::Shell,
];

fn check(case: &Case<'_>) -> Check {
    let host = &case.recording.environment.host;
    if host.proxy_settings.is_empty() && host.proxies.is_empty() {
        return Check::Clear(
            "no proxy is set here, nor in the files of services that this user may read".to_owned(),
        );
    }
    let findings: Vec<Finding> = READERS.into_iter().filter_map(|reader| of_reader(case, reader)).collect();
    Check::found_or(
        findings,
        Check::Clear("the services whose settings can be read take the same way as this run".to_owned()),
    )
}

fn of_reader(case: &Case<'_>, reader: ProxyReader) -> Option<Finding> {
    let host = &case.recording.environment.host;
    let own: Vec<&ProxySetting> = host
        .proxy_settings
        .iter()
        .filter(|setting| !setting.blanks)
        .filter(|setting| {
            let for_all = setting.reader == ProxyReader::AllServices;
            setting.reader == reader || (for_all && is_service(reader))
        })
        .collect();
    // A service without settings goes directly; that is of interest only for one that is known to be here, and only where
    // the direct way is closed.
    let bare = own.is_empty();
    if bare && !(reader == ProxyReader::SsmAgent && host.services.contains(&reader)) {
        return None;
    }
    let theirs: Vec<Proxy> = own
        .iter()
        .map(|setting| Proxy { variable: setting.variable.clone(), value: setting.value.clone() })
        .collect();
    let mut differing = Vec::new();
    let mut said = None;
    for (target, verdict) in case.targets().filter(|(target, _)| concerns(reader, &target.service)) {
        let client = client(reader);
        let way = |variables: &[Proxy]| {
            client.proxy(variables, Scheme::Https, &target.host).map(|plan| plan.authority())
        };
        let (here, there) = (way(&host.proxies), way(&theirs));
        let direct = verdict.addresses.iter().any(|address| address.reachable == Some(true));
        if here != there && !(bare && direct) {
            differing.push(target.target.as_str());
            said.get_or_insert((here, there));
        }
    }
    let (here, there) = said?;
    let words = |way: &Option<String>| {
        way.as_ref().map_or_else(|| "directly".to_owned(), |proxy| format!("through {proxy}"))
    };
    let mut places: Vec<String> =
        own.iter().map(|setting| format!("{} line {}", setting.file, setting.line)).collect();
    places.dedup();
    let place = if bare { "no file of its own names one".to_owned() } else { places.join(", ") };
    let severity = match reader {
        ProxyReader::PackageManager | ProxyReader::Shell => Severity::Notice,
        _ => Severity::Warning,
    };
    Some(Finding {
        rule: RULE.id.to_owned(),
        severity,
        subject: Subject { kind: SubjectKind::Service, id: name(reader).to_owned() },
        summary: format!(
            "{} reaches {} {}, this run {} ({place}): what was measured here is not what it gets",
            name(reader),
            differing.join(", "),
            words(&there),
            words(&here)
        ),
        facts: own
            .iter()
            .map(|setting| {
                fact(&setting.variable, format!("{} ({} line {})", setting.value, setting.file, setting.line))
            })
            .collect(),
        evidence: vec!["environment/proxy_settings".to_owned(), "environment/proxies".to_owned()],
        causes: vec![
            "its settings stand in a file of its own, and one of the two places was changed alone".to_owned(),
            "a service that systemd starts sees no shell's variables, and a shell none of a unit's"
                .to_owned(),
        ],
        explains: Vec::new(),
        remedy: remedy(case, reader, bare),
    })
}

fn is_service(reader: ProxyReader) -> bool {
    matches!(reader, ProxyReader::SsmAgent | ProxyReader::Docker | ProxyReader::Ecs)
}

/// Which of the services that were asked for it talks to.
fn concerns(reader: ProxyReader, service: &str) -> bool {
    match reader {
        ProxyReader::SsmAgent => {
            matches!(service, "ssm" | "ssmmessages" | "ec2messages" | "s3" | "kms" | "logs")
        }
        ProxyReader::Docker => matches!(service, "ecr.api" | "ecr.dkr" | "s3" | "logs"),
        ProxyReader::Ecs => service.starts_with("ec") || service == "s3" || service == "logs",
        // Packages of Amazon Linux come from S3.
        ProxyReader::PackageManager => service == "s3",
        ProxyReader::Shell | ProxyReader::AllServices => true,
    }
}

fn client(reader: ProxyReader) -> Client {
    match reader {
        ProxyReader::PackageManager => Client::Curl,
        ProxyReader::Shell => Client::Python,
        _ => Client::Go,
    }
}

fn name(reader: ProxyReader) -> &'static str {
    match reader {
        ProxyReader::SsmAgent => "amazon-ssm-agent",
        ProxyReader::Docker => "docker",
        ProxyReader::Ecs => "ecs",
        ProxyReader::PackageManager => "dnf",
        ProxyReader::Shell => "login shell",
        ProxyReader::AllServices => "systemd",
    }
}

/// A drop-in that gives the unit what this run has, or keeps AWS's names out of the proxy it has already.
fn remedy(case: &Case<'_>, reader: ProxyReader, bare: bool) -> Remedy {
    let Some(line) = recommended(case).filter(|_| is_service(reader)) else {
        return Remedy {
            text: "Write the same values in both places; for AWS's own names `vpcprobe explain proxy-without-no-proxy` has the \
                   list that all clients read alike."
                .to_owned(),
            commands: recommended(case).map(|line| line.commands).unwrap_or_default(),
        };
    };
    let unit = name(reader);
    let folder = format!("/etc/systemd/system/{unit}.service.d");
    let plain =
        |value: &str| value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._:/[]".contains(&byte));
    let proxies = case.recording.environment.host.proxies.iter();
    let ours = proxies
        .filter(|proxy| bare && !proxy.variable.eq_ignore_ascii_case("no_proxy") && plain(&proxy.value))
        .map(|proxy| format!("{}={}", proxy.variable, proxy.value));
    let lists = ["no_proxy", "NO_PROXY"].map(|variable| format!("{variable}={}", line.list));
    let settings: Vec<String> =
        ours.chain(lists).map(|setting| format!("'Environment=\"{setting}\"'")).collect();
    Remedy {
        text: format!(
            "As root, write a drop-in for the unit and restart it{}. The list keeps AWS's names and instance metadata out of \
             whatever proxy the unit has; passwords are not repeated here.",
            if reader == ProxyReader::SsmAgent {
                " (from a shell that is not Session Manager's: its sessions end)"
            } else {
                ""
            }
        ),
        commands: vec![
            format!("mkdir -p {folder}"),
            format!("printf '%s\\n' '[Service]' {} > {folder}/zz-vpcprobe.conf", settings.join(" ")),
            format!("systemctl daemon-reload && systemctl restart {unit}"),
        ],
    }
}
