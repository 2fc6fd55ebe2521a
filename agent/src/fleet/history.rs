//! When an instance reported, and what was found then: what "since when" is told from.

use jiff::Timestamp;

/// The reports of one instance, each with the number of its set of findings.
#[derive(Debug, Default)]
pub(super) struct History {
    reports: Vec<(Timestamp, u32)>,
}

/// Since when something is so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Since {
    /// The first report of the unbroken series that has it and that reaches to the newest report.
    pub(super) at: Timestamp,
    /// Whether that is not the oldest report that was read, so that it is known when it was not so.
    pub(super) known: bool,
}

impl History {
    pub(super) fn push(&mut self, at: Timestamp, set: u32) {
        // Reports mostly come in the order in which they were made, and then this is a push at the end.
        let place = self.reports.partition_point(|(other, _)| *other < at);
        self.reports.insert(place, (at, set));
    }

    pub(super) fn holds(&self, at: Timestamp) -> bool {
        self.reports.binary_search_by_key(&at, |(other, _)| *other).is_ok()
    }

    pub(super) fn count(&self) -> usize {
        self.reports.len()
    }

    pub(super) fn first(&self) -> Option<Timestamp> {
        self.reports.first().map(|(at, _)| *at)
    }

    /// Since when the sets for which this holds follow each other up to the newest report; `None` where it does not hold for
    /// that.
    pub(super) fn since(&self, has: impl Fn(u32) -> bool) -> Option<Since> {
        let series = self.reports.iter().rev().take_while(|(_, set)| has(*set)).count();
        let first = self.reports.len().checked_sub(series).filter(|_| series > 0)?;
        Some(Since { at: self.reports[first].0, known: first > 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3600).unwrap()
    }

    fn history(reports: &[(i64, u32)]) -> History {
        let mut history = History::default();
        for (hour, set) in reports {
            history.push(at(*hour), *set);
        }
        history
    }

    #[test]
    fn a_finding_that_came_back_counts_from_its_return() {
        let history = history(&[(3, 0), (1, 1), (4, 1), (2, 1), (5, 1)]);
        assert_eq!(history.since(|set| set == 1), Some(Since { at: at(4), known: true }));
    }

    #[test]
    fn what_the_oldest_report_has_may_be_older() {
        assert_eq!(history(&[(2, 1), (1, 1)]).since(|set| set == 1), Some(Since { at: at(1), known: false }));
    }

    #[test]
    fn what_the_newest_report_lacks_is_over() {
        assert_eq!(history(&[(1, 1), (2, 0)]).since(|set| set == 1), None);
        assert_eq!(History::default().since(|_| true), None);
    }
}
