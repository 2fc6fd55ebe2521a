//! What the rules about EC2's limits on a network interface share: which interfaces went over one, and when.
//!
//! The counters run from the start of the driver on. What was dropped while this program ran is a warning; what was dropped before
//! may be long over, and is worth knowing.

use probes::environment::{Allowance, Limit};

use super::Check;
use super::case::Case;
use super::phrases::fact;
use crate::report::{Finding, Remedy, Severity};

/// What is said of one limit.
pub(super) struct About {
    pub(super) rule: &'static str,
    pub(super) limit: Limit,
    /// The driver's name for the counter.
    pub(super) counter: &'static str,
    /// What was dropped, and for which limit.
    pub(super) what: &'static str,
    pub(super) causes: &'static [&'static str],
    pub(super) remedy: &'static str,
}

/// Whether any interface went over the limit. `commands` are those for one of them, after the one that shows its counter.
pub(super) fn check(case: &Case<'_>, about: &About, commands: impl Fn(&str) -> Vec<String>) -> Check {
    let counted = case.recording.environment.host.allowances.iter().filter(|each| each.limit == about.limit);
    let counted: Vec<&Allowance> = counted.collect();
    if counted.is_empty() {
        return Check::NotApplicable(format!("no network driver of this host counts it ({})", about.counter));
    }
    let over: Vec<&Allowance> = counted.into_iter().filter(|each| each.exceeded > 0).collect();
    let Some(worst) = over.iter().max_by_key(|each| (each.during_run, each.exceeded)) else {
        return Check::Clear("none was dropped since the driver started".to_owned());
    };
    let now = worst.during_run > 0;
    let when = if now {
        format!("{} while this program ran, {} since the driver started", worst.during_run, worst.exceeded)
    } else {
        format!("{} since the driver started, none of them while this program ran", worst.exceeded)
    };
    let name = &worst.interface;
    let mut shown = vec![format!("ethtool -S {name} | grep {}", about.counter)];
    shown.extend(commands(name));
    Check::Found(vec![Finding {
        rule: about.rule.to_owned(),
        severity: if now { Severity::Warning } else { Severity::Notice },
        subject: case.instance(),
        summary: format!("EC2 dropped {} at {name}: {when}", about.what),
        facts: over
            .iter()
            .flat_map(|each| {
                let (total, rise) = (each.exceeded, each.during_run);
                [fact(&each.interface, total), fact(&format!("{}_during_run", each.interface), rise)]
            })
            .collect(),
        evidence: vec!["environment/allowances".to_owned()],
        causes: about.causes.iter().map(|cause| (*cause).to_owned()).collect(),
        explains: Vec::new(),
        remedy: Remedy { text: about.remedy.to_owned(), commands: shown },
    }])
}
