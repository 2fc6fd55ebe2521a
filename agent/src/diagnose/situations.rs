//! Which rule answers which of the known situations, or why an instance cannot tell: the map of what this program covers.
//!
//! The numbers are those of the project's two lists: `F01` to `F94` are failures met in the field, `G1` to `G11`, `C1` to `C7`
//! and `B1` to `B6` what Amazon's own troubleshooting articles ask to check. Nothing is decided here: a test holds the map
//! against the table of rules, and `vpcprobe explain situations` prints it.

mod articles;
mod calls;
mod dns;
mod routes;
mod wire;

/// One situation.
#[derive(Debug)]
pub struct Situation {
    /// Its number.
    pub id: &'static str,
    /// What is the matter, or what the article asks to check, in a few words.
    pub what: &'static str,
    /// The rules that report it, the one that names it first.
    pub rules: &'static [&'static str],
    /// What the rules cannot tell, or why there is none; empty where nothing is left to say.
    pub limit: &'static str,
}

/// Every situation, by area and number.
pub fn all() -> impl Iterator<Item = &'static Situation> {
    [dns::SITUATIONS, routes::SITUATIONS, calls::SITUATIONS, wire::SITUATIONS, articles::SITUATIONS]
        .into_iter()
        .flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::diagnose::rules;

    #[test]
    fn every_rule_that_the_map_names_is_in_the_table_of_rules() {
        for situation in all() {
            for rule in situation.rules {
                assert!(rules::rule(rule).is_some(), "{}: there is no rule {rule}", situation.id);
            }
        }
    }

    #[test]
    fn a_situation_without_a_rule_says_why() {
        for situation in all() {
            assert!(!situation.what.is_empty(), "{}", situation.id);
            assert!(!situation.rules.is_empty() || !situation.limit.is_empty(), "{}", situation.id);
        }
    }

    #[test]
    fn every_rule_has_a_row() {
        let named: BTreeSet<&str> = all().flat_map(|situation| situation.rules).copied().collect();
        let table: BTreeSet<&str> = rules::RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(table.difference(&named).collect::<Vec<_>>(), Vec::<&&str>::new());
    }

    #[test]
    fn the_map_is_complete() {
        let numbers = |letter: char, last: usize| (1..=last).map(move |number| (letter, number));
        let lists = numbers('G', 11).chain(numbers('C', 7)).chain(numbers('B', 6));
        let articles = lists.map(|(letter, number)| format!("{letter}{number}"));
        let expected: BTreeSet<String> =
            (1..=94).map(|number| format!("F{number:02}")).chain(articles).collect();
        let present: BTreeSet<String> = all().map(|situation| situation.id.to_owned()).collect();
        assert_eq!(present, expected);
    }

    #[test]
    fn no_situation_stands_twice() {
        let unique: BTreeSet<&str> = all().map(|situation| situation.id).collect();
        assert_eq!(unique.len(), all().count());
    }
}
