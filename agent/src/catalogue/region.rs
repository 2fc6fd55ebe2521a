//! Matches a region against a partition's pattern, which is a regular expression of one shape only, so that no regular
//! expression engine has to be linked: parts joined by `\-`, each a word, alternatives `(a|b)`, `\w+` or `\d+`.
//! `scripts/refresh-data` refuses patterns of another shape.

/// Whether the region fits the pattern, as `^(us|eu)\-\w+\-\d+$` fits `us-east-1`.
pub(super) fn fits(pattern: &str, region: &str) -> bool {
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let (parts, labels) = (pattern.split(r"\-"), region.split('-'));
    parts.clone().count() == labels.clone().count()
        && parts.zip(labels).all(|(part, label)| part_fits(part, label))
}

fn part_fits(part: &str, label: &str) -> bool {
    match part {
        r"\w+" => !label.is_empty() && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'),
        r"\d+" => !label.is_empty() && label.chars().all(|c| c.is_ascii_digit()),
        _ => part.trim_matches(['(', ')']).split('|').any(|word| word == label),
    }
}

#[cfg(test)]
mod tests {
    use super::fits;

    const AWS: &str = r"^(us|eu|ap)\-\w+\-\d+$";
    const GOV: &str = r"^us\-gov\-\w+\-\d+$";
    const EUSC: &str = r"^eusc\-(de)\-\w+\-\d+$";

    #[test]
    fn a_region_fits_when_every_part_does() {
        assert!(fits(AWS, "us-east-1"));
        assert!(fits(AWS, "ap-somewhere_new-12"));
        assert!(fits(GOV, "us-gov-west-1"));
        assert!(fits(EUSC, "eusc-de-east-1"));
    }

    #[test]
    fn a_part_too_many_too_few_or_of_another_kind_does_not_fit() {
        for region in
            ["us-gov-west-1", "us-east", "us-east-", "us--1", "us-east-1a", "xx-east-1", "", "us-east-1-"]
        {
            assert!(!fits(AWS, region), "{region}");
        }
        assert!(!fits(EUSC, "eusc-fr-east-1"));
    }
}
