//! How much of a pattern with `*` and `?` a beginning of a text uses up.

use std::collections::BTreeSet;

/// What is left of a pattern behind a beginning of a text: every place in it where a match may stand.
#[derive(Debug)]
pub(super) struct Left {
    pattern: Vec<char>,
    places: BTreeSet<usize>,
}

/// Matches a beginning against a pattern.
pub(super) fn after(pattern: &str, beginning: &str) -> Left {
    let pattern: Vec<char> = pattern.chars().collect();
    let mut places = BTreeSet::new();
    stand(&pattern, 0, &mut places);
    for character in beginning.chars() {
        let mut next = BTreeSet::new();
        for place in places {
            match pattern.get(place) {
                Some('*') => stand(&pattern, place, &mut next),
                Some('?') => stand(&pattern, place + 1, &mut next),
                Some(wanted) if *wanted == character => stand(&pattern, place + 1, &mut next),
                _ => {}
            }
        }
        places = next;
    }
    Left { pattern, places }
}

/// A place, and what lies behind the asterisks there: they may stand for nothing.
fn stand(pattern: &[char], mut place: usize, places: &mut BTreeSet<usize>) {
    places.insert(place);
    while pattern.get(place) == Some(&'*') {
        place += 1;
        places.insert(place);
    }
}

impl Left {
    /// Whether the beginning is all that the pattern wants.
    pub(super) fn matches_at_once(&self) -> bool {
        self.places.contains(&self.pattern.len())
    }

    /// Whether some longer text with this beginning matches.
    pub(super) fn matches_some(&self) -> bool {
        self.places.iter().any(|place| *place < self.pattern.len())
    }

    /// Whether every longer text with this beginning matches.
    pub(super) fn matches_all(&self) -> bool {
        let only_asterisks = |place: &usize| self.pattern[*place..].iter().all(|left| *left == '*');
        self.places.iter().any(|place| *place < self.pattern.len() && only_asterisks(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_is_told_from_what_may_and_what_must_follow() {
        let rows = [
            // pattern, beginning, at once, some, all
            ("abc", "abc", true, false, false),
            ("abc*", "abc", true, true, true),
            ("*", "abc", true, true, true),
            ("a*c", "abc", true, true, false),
            ("a?c", "abc", true, false, false),
            ("ab/key", "ab/", false, true, false),
            ("ab/*/x", "ab/", false, true, false),
            ("b*", "abc", false, false, false),
            ("ab", "abc", false, false, false),
            ("a**", "abc", true, true, true),
            ("", "a", false, false, false),
        ];
        for (pattern, beginning, at_once, some, all) in rows {
            let left = after(pattern, beginning);
            let found = (left.matches_at_once(), left.matches_some(), left.matches_all());
            assert_eq!(found, (at_once, some, all), "{pattern} {beginning}");
        }
    }
}
