//! From what is kept of the reports to the overview: counting, and nothing else.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::history::Since;
use super::overview::{
    FLEET_VERSION, Fix, FleetFinding, FleetSummary, Group, InstanceRow, Leak, LeakPlace, Overview, Place,
    PlaceCount, SubjectCount, Undetermined, Unreadable, VerdictRow,
};
use super::{Fleet, Found, Instance, told};
use crate::catalogue;
use crate::judge::exit;
use crate::report::{Confidence, Path, Remedy, Severity, Status, SubjectKind, Via};
use crate::settings::FailOn;

/// Who reports four times a day and is silent for a day is probably gone, or cut off.
const SILENT_AFTER: SignedDuration = SignedDuration::from_hours(24);

impl Fleet {
    /// The overview, with what could not be read beside it.
    #[must_use]
    pub fn overview(&self, fail_on: FailOn, unreadable: Vec<Unreadable>) -> Overview {
        Overview {
            fleet_version: FLEET_VERSION,
            summary: self.summary(fail_on, unreadable.len()),
            fixes: self.fixes(),
            groups: self.groups(),
            findings: self.findings(),
            through_nat: self.through_nat(),
            undetermined: self.undetermined(),
            instances: self.rows(),
            unreadable,
        }
    }

    fn summary(&self, fail_on: FailOn, unreadable: usize) -> FleetSummary {
        let count = |status| self.instances.values().filter(|each| each.newest.status == status).count();
        let last = self.instances.values().map(|each| each.newest.at).max();
        let silent = |instance: &&Instance| {
            last.is_some_and(|last| last.duration_since(instance.newest.at) > SILENT_AFTER)
        };
        let found = self.instances.values().flat_map(|each| &each.newest.found);
        let inconclusive = count(Status::Inconclusive);
        let exit_code = if found.map(|found| found.severity).any(|severity| severity.fails(fail_on)) {
            exit::FINDINGS
        } else if fail_on != FailOn::Never && inconclusive + unreadable > 0 {
            exit::INCONCLUSIVE
        } else {
            exit::OK
        };
        FleetSummary {
            exit_code,
            instances: self.instances.len(),
            failing: count(Status::Failing),
            inconclusive,
            degraded: count(Status::Degraded),
            healthy: count(Status::Healthy),
            reports: self.reports,
            repeated: self.repeated,
            unreadable,
            first_report_at: self.instances.values().filter_map(|each| each.history.first()).min().map(stamp),
            last_report_at: last.map(stamp),
            silent: self.instances.values().filter(silent).count(),
        }
    }

    fn fixes(&self) -> Vec<Fix> {
        let mut fixes: BTreeMap<(&str, u32), Helped<'_>> = BTreeMap::new();
        let mut with_rule: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (id, instance, found, since) in self.found() {
            let rule = self.claims.value(found.claim).rule.as_str();
            with_rule.entry(rule).or_default().insert(id);
            let helped = fixes.entry((rule, found.remedy)).or_insert_with(|| Helped {
                tally: Tally::default(),
                worst: found.severity,
                at_worst: BTreeSet::new(),
                example: instance,
                found,
            });
            helped.tally.add(id, self.places.value(instance.newest.place), since);
            if found.severity > helped.worst {
                helped.worst = found.severity;
                helped.at_worst.clear();
            }
            if found.severity == helped.worst {
                helped.at_worst.insert(id);
            }
        }
        let mut fixes: Vec<_> = fixes.into_iter().collect();
        // The number of a remedy comes from the order of reading; what it says does not.
        fixes.sort_by_key(|((rule, remedy), helped)| {
            let most = (helped.worst, helped.at_worst.len(), helped.tally.instances.len());
            let remedy = self.remedies.value(*remedy);
            (Reverse(most), *rule, &remedy.commands, &remedy.text)
        });
        fixes
            .into_iter()
            .map(|((rule, remedy), helped)| {
                let remedy = self.remedies.value(remedy);
                let own_ids = &helped.example.newest.own_ids;
                let (commands, for_each) = told::with_own_ids(&remedy.commands, own_ids);
                let (since, or_before) = helped.tally.since();
                Fix {
                    rule: rule.to_owned(),
                    severity: helped.worst,
                    instances: helped.tally.instances.len(),
                    of: with_rule[rule].len(),
                    since,
                    or_before,
                    // Instances come in the order of their ids, so the example is the first.
                    example: helped.tally.instances.first().copied().unwrap_or_default().to_owned(),
                    for_each,
                    causes: self.causes.value(helped.found.causes).clone(),
                    remedy: Remedy { text: remedy.text.clone(), commands },
                    places: helped.tally.places(),
                }
            })
            .collect()
    }

    fn groups(&self) -> Vec<Group> {
        /// Who is in a group, and what was found on any of them.
        type Members<'a> = (Vec<String>, BTreeSet<&'a str>);
        let mut groups: BTreeMap<(&Place, u8, &Vec<VerdictRow>), Members<'_>> = BTreeMap::new();
        for (id, instance) in &self.instances {
            let newest = &instance.newest;
            let place = self.places.value(newest.place);
            let (ids, rules) =
                groups.entry((place, rank(newest.status), self.verdicts.value(newest.verdicts))).or_default();
            ids.push(id.clone());
            rules.extend(newest.found.iter().map(|found| self.claims.value(found.claim).rule.as_str()));
        }
        let mut ordered: Vec<_> = groups.into_iter().collect();
        // A stable sort: groups of the same rank and size stay in the order of their places.
        ordered.sort_by_key(|((_, rank, _), (ids, _))| (*rank, Reverse(ids.len())));
        ordered
            .into_iter()
            .map(|((place, rank, verdicts), (instance_ids, rules))| Group {
                status: STATUSES[usize::from(rank)],
                instances: instance_ids.len(),
                place: place.clone(),
                verdicts: verdicts.clone(),
                rules: rules.into_iter().map(str::to_owned).collect(),
                instance_ids,
            })
            .collect()
    }

    fn findings(&self) -> Vec<FleetFinding> {
        type Subjects<'a> = BTreeMap<(SubjectKind, &'a str), BTreeSet<&'a str>>;
        let mut findings: BTreeMap<(Reverse<Severity>, &str), (Tally, Subjects<'_>)> = BTreeMap::new();
        for (id, instance, found, since) in self.found() {
            let claim = self.claims.value(found.claim);
            let (tally, subjects) =
                findings.entry((Reverse(found.severity), claim.rule.as_str())).or_default();
            tally.add(id, self.places.value(instance.newest.place), since);
            if claim.subject.kind != SubjectKind::Instance {
                subjects.entry((claim.subject.kind, claim.subject.id.as_str())).or_default().insert(id);
            }
        }
        let mut ordered: Vec<FleetFinding> = findings
            .into_iter()
            .map(|((Reverse(severity), rule), (tally, subjects))| {
                let (since, or_before) = tally.since();
                let mut subjects: Vec<SubjectCount> = subjects
                    .into_iter()
                    .map(|((kind, id), ids)| SubjectCount { kind, id: id.to_owned(), instances: ids.len() })
                    .collect();
                subjects.sort_by_key(|subject| Reverse(subject.instances));
                FleetFinding {
                    rule: rule.to_owned(),
                    severity,
                    instances: tally.instances.len(),
                    since,
                    or_before,
                    subjects,
                    places: tally.places(),
                    instance_ids: tally.instances.iter().map(|id| (*id).to_owned()).collect(),
                }
            })
            .collect();
        ordered.sort_by_key(|finding| (Reverse(finding.severity), Reverse(finding.instances)));
        ordered
    }

    fn through_nat(&self) -> Vec<Leak> {
        let mut leaks: BTreeMap<&str, BTreeMap<&Place, LeakPlace>> = BTreeMap::new();
        for (id, instance) in &self.instances {
            let place = self.places.value(instance.newest.place);
            for row in
                self.verdicts.value(instance.newest.verdicts).iter().filter(|row| leaks_through_nat(row))
            {
                let here = leaks.entry(&row.service).or_default().entry(place).or_insert_with(|| LeakPlace {
                    place: place.clone(),
                    instances: 0,
                    confidence: Some(Confidence::Proven),
                    instance_ids: Vec::new(),
                });
                here.confidence = here.confidence.min(row.confidence);
                // Several targets of a service on one instance are one instance.
                if here.instance_ids.last() != Some(id) {
                    here.instance_ids.push(id.clone());
                    here.instances += 1;
                }
            }
        }
        leaks
            .into_iter()
            .map(|(service, places)| {
                let mut places: Vec<LeakPlace> = places.into_values().collect();
                places.sort_by_key(|place| Reverse(place.instances));
                let instances = places.iter().map(|place| place.instances).sum();
                Leak { service: service.to_owned(), instances, places }
            })
            .collect()
    }

    fn undetermined(&self) -> Vec<Undetermined> {
        let mut targets: BTreeMap<&str, Undetermined> = BTreeMap::new();
        for (id, instance) in &self.instances {
            let rows = self.verdicts.value(instance.newest.verdicts);
            for row in rows.iter().filter(|row| row.path == Path::Undetermined) {
                let seen = targets.entry(&row.target).or_insert_with(|| Undetermined {
                    target: row.target.clone(),
                    instances: 0,
                    answering: 0,
                    instance_ids: Vec::new(),
                });
                seen.instances += 1;
                seen.answering += usize::from(row.reachable == Some(true));
                seen.instance_ids.push(id.clone());
            }
        }
        let mut ordered: Vec<Undetermined> = targets.into_values().collect();
        ordered.sort_by_key(|target| Reverse(target.instances));
        ordered
    }

    fn rows(&self) -> Vec<InstanceRow> {
        self.instances
            .iter()
            .map(|(id, instance)| InstanceRow {
                instance_id: id.clone(),
                status: instance.newest.status,
                place: self.places.value(instance.newest.place).clone(),
                reports: instance.history.count(),
                first_report_at: stamp(instance.history.first().unwrap_or(instance.newest.at)),
                last_report_at: stamp(instance.newest.at),
            })
            .collect()
    }

    /// Every finding of every newest report, with since when that instance has it.
    fn found(&self) -> impl Iterator<Item = (&str, &Instance, &Found, Since)> {
        self.instances.iter().flat_map(move |(id, instance)| {
            instance.newest.found.iter().filter_map(move |found| {
                let has = |set| self.claim_sets.value(set).binary_search(&found.claim).is_ok();
                Some((id.as_str(), instance, found, instance.history.since(has)?))
            })
        })
    }
}

/// Whom a fix helps.
struct Helped<'a> {
    tally: Tally<'a>,
    worst: Severity,
    /// Those who have the finding at that severity.
    at_worst: BTreeSet<&'a str>,
    example: &'a Instance,
    found: &'a Found,
}

/// Instances, where they are, and since when.
#[derive(Default)]
struct Tally<'a> {
    instances: BTreeSet<&'a str>,
    since: Option<Since>,
    places: BTreeMap<&'a Place, (BTreeSet<&'a str>, Option<Since>)>,
}

impl<'a> Tally<'a> {
    fn add(&mut self, id: &'a str, place: &'a Place, since: Since) {
        self.instances.insert(id);
        self.since = Some(earlier(self.since, since));
        let (ids, here) = self.places.entry(place).or_default();
        ids.insert(id);
        *here = Some(earlier(*here, since));
    }

    fn since(&self) -> (String, bool) {
        told_since(self.since)
    }

    fn places(&self) -> Vec<PlaceCount> {
        let mut places: Vec<PlaceCount> = self
            .places
            .iter()
            .map(|(place, (ids, since))| {
                let (since, or_before) = told_since(*since);
                PlaceCount { place: (*place).clone(), instances: ids.len(), since, or_before }
            })
            .collect();
        places.sort_by_key(|place| Reverse(place.instances));
        places
    }
}

/// The earlier of two; at the same time the one that may be older still.
fn earlier(known: Option<Since>, other: Since) -> Since {
    known.map_or(other, |known| known.min(other))
}

fn told_since(since: Option<Since>) -> (String, bool) {
    since.map_or((String::new(), false), |since| (stamp(since.at), !since.known))
}

/// RFC 3339 in UTC to the millisecond, as reports have it.
fn stamp(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Whether it is a service with gateway endpoints whose packets leave through NAT. The one responder that could be NAT or
/// another appliance counts: an S3 endpoint would have kept the packets from it.
fn leaks_through_nat(row: &VerdictRow) -> bool {
    row.path == Path::Internet
        && matches!(row.via, Some(Via::NatGateway | Via::NatInstance | Via::NatOrAppliance))
        && catalogue::services()
            .iter()
            .any(|service| service.id() == row.service && service.gateway_capable())
}

/// The states, worst first: what is not known comes before what is known to work.
const STATUSES: [Status; 4] = [Status::Failing, Status::Inconclusive, Status::Degraded, Status::Healthy];

fn rank(status: Status) -> u8 {
    match status {
        Status::Failing => 0,
        Status::Inconclusive => 1,
        Status::Degraded => 2,
        Status::Healthy => 3,
    }
}
