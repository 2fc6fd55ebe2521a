//! The SSM agent sleeps after a refusal, and sleeps on when the refusal is gone.

use crate::diagnose::case::Case;
use crate::diagnose::phrases::fact;
use crate::diagnose::{Check, Rule};
use crate::refusal::{essence, last_word};
use crate::report::{Finding, Remedy, Severity};

pub(super) const RULE: Rule =
    Rule { id: "ssm-agent-hibernating", title: "the SSM agent sleeps after a refusal", check };

fn check(case: &Case<'_>) -> Check {
    let Some(seen) = &case.recording.environment.host.ssm_agent else {
        return Check::CannotTell("the agent's log says nothing of it, or only root may read it".to_owned());
    };
    let accepted = case.targets().any(|(target, _)| {
        target.service == "ssm"
            && Case::signed_replies(target).any(|(_, reply)| last_word(reply).status < 300)
    });
    Check::Found(vec![Finding {
        rule: RULE.id.to_owned(),
        severity: Severity::Warning,
        subject: case.instance(),
        summary: format!(
            "the SSM agent hibernates since {}{}: the node is offline for Systems Manager for up to an hour more",
            seen.hibernating_since,
            if accepted { ", though ssm accepts this host's calls now" } else { "" }
        ),
        facts: vec![fact("since", &seen.hibernating_since), fact("because", essence(&seen.because))],
        evidence: vec!["environment/ssm_agent".to_owned()],
        causes: vec![format!("it was refused then: {}", essence(&seen.because))],
        explains: Vec::new(),
        remedy: Remedy {
            text: if accepted {
                "The refusal is gone: restart the agent, and it is online at once."
            } else {
                "Mend what refuses it first, then restart the agent."
            }
            .to_owned(),
            commands: vec!["sudo systemctl restart amazon-ssm-agent".to_owned()],
        },
    }])
}
