//! Finds the name a user probably meant. It only compares spellings and knows nothing about what the names stand for.

/// The value of the candidate (spelling, value) nearest to the text, if any is near enough to be worth suggesting: at
/// most one edit and one more per four characters, or the only completion of a beginning of three characters or more.
pub(super) fn nearest<'a>(
    text: &str,
    candidates: impl Iterator<Item = (&'a str, &'a str)>,
) -> Option<&'a str> {
    let text = text.trim().to_ascii_lowercase();
    let candidates: Vec<_> = candidates.collect();
    let allowed = 1 + text.chars().count() / 4;
    let by_distance = candidates
        .iter()
        .map(|(spelling, value)| (strsim::damerau_levenshtein(&text, spelling), *value))
        .filter(|(distance, _)| *distance <= allowed)
        .min();
    by_distance.map(|(_, value)| value).or_else(|| completion(&text, &candidates))
}

fn completion<'a>(text: &str, candidates: &[(&'a str, &'a str)]) -> Option<&'a str> {
    if text.len() < 3 {
        return None;
    }
    let mut values =
        candidates.iter().filter(|(spelling, _)| spelling.starts_with(text)).map(|(_, value)| *value);
    let first = values.next()?;
    values.all(|other| other == first).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    fn among<'a>(text: &str, names: &[&'a str]) -> Option<&'a str> {
        nearest(text, names.iter().map(|name| (*name, *name)))
    }

    #[test]
    fn a_slip_of_the_finger_finds_the_name() {
        let names = ["us-east-1", "us-east-2", "eu-west-1"];
        assert_eq!(among("us-eats-1", &names), Some("us-east-1"));
        assert_eq!(among("US-EAST-1a", &names), Some("us-east-1"));
        assert_eq!(among("useast2", &names), Some("us-east-2"));
    }

    #[test]
    fn a_beginning_finds_the_only_name_it_can_become() {
        assert_eq!(among("elasticbean", &["elasticbeanstalk", "sqs"]), Some("elasticbeanstalk"));
        assert_eq!(among("elastic", &["elasticbeanstalk", "elasticache-x"]), None);
    }

    #[test]
    fn nothing_near_gives_nothing() {
        assert_eq!(among("frankfurt", &["us-east-1", "eu-west-1"]), None);
    }
}
