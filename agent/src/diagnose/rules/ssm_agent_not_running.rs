//! The SSM agent is to be started at boot, and does not run.

use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "ssm-agent-not-running", title: "the SSM agent does not run", check };

fn check(case: &Case<'_>) -> Check {
    match case.recording.environment.host.ssm_agent_active {
        None => Check::NotApplicable("systemd does not start it here, or does not say".to_owned()),
        Some(true) => Check::Clear("it runs".to_owned()),
        Some(false) => Check::Found(vec![finding(case)]),
    }
}

fn finding(case: &Case<'_>) -> Finding {
    let reached =
        case.targets().any(|(target, verdict)| target.service == "ssm" && verdict.reachable == Some(true));
    Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!(
            "systemd is to start the SSM agent at boot, and it does not run: the node is offline for Systems Manager{}",
            if reached { ", though ssm can be reached" } else { "" }
        ),
        facts: Vec::new(),
        evidence: vec!["environment/ssm_agent_active".to_owned()],
        causes: vec![
            "it ended and was not started again: its journal tells why".to_owned(),
            "somebody stopped it".to_owned(),
            "this host is still booting, and it comes later".to_owned(),
        ],
        explains: Vec::new(),
        remedy: Remedy {
            text: "Look why it ended, and start it.".to_owned(),
            commands: vec![
                "sudo journalctl --unit amazon-ssm-agent --lines 50 --no-pager".to_owned(),
                "sudo systemctl restart amazon-ssm-agent".to_owned(),
            ],
        },
    }
}
