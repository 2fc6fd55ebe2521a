//! The words that this program knows, and that therefore tell nothing of whoever made a report: its own, the names of
//! services, Regions and their hosts, and what AWS, the system and the libraries say when something goes wrong.
//!
//! The last are a list (`agent/data/words.txt`). It holds no word only because it is common: a bucket may be called `orders`.
//! A word that is missing there costs a reader something and nobody a secret.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde_json::Value;

use crate::catalogue::{self, Variant};
use crate::listing;
use crate::packed::text;

/// The first labels of S3's own host names that are no bucket.
const PARTS_OF_S3: &[&str] = &["bucket", "accesspoint", "control"];

static WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let listed = text!("words.txt");
    let lines = listed.lines().filter(|line| !line.starts_with('#'));
    let mut words: HashSet<String> = lines.map(str::to_lowercase).collect();
    if let Ok(schema) = serde_json::from_str(&listing::schema("report")) {
        fixed_by(&schema, &mut words);
    }
    words.extend(
        probes::control_plane::ACTIONS.iter().flat_map(|action| action.split(':')).map(str::to_lowercase),
    );
    let labels = names_of_aws().flat_map(|name| name.split('.').map(str::to_lowercase).collect::<Vec<_>>());
    words.extend(labels.filter(|label| !label.is_empty()));
    words
});

/// Whether it is a word that tells nothing, also with a number after it.
pub(super) fn is_known(word: &str) -> bool {
    let word = word.to_lowercase();
    let without_number = word.trim_end_matches(|character: char| character.is_ascii_digit());
    let without_zone = word.trim_end_matches(|character: char| character.is_ascii_lowercase());
    WORDS.contains(&word)
        || without_number.len() > 1 && WORDS.contains(without_number)
        || word.len() == without_zone.len() + 1 && catalogue::is_known_region(without_zone)
        || is_zone_id(&word)
        || is_endpoint_variable(&word)
}

/// Whether it is the variable by which SDKs are told where to find one service (SDKs and tools guide, "Service-specific
/// endpoints").
fn is_endpoint_variable(word: &str) -> bool {
    word.strip_prefix("aws_endpoint_url_").is_some_and(|service| WORDS.contains(&service.replace('_', "")))
}

/// Whether it has the form of a zone's id, such as `use1-az4`.
fn is_zone_id(word: &str) -> bool {
    let digits = |text: &str| (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    word.split_once("-az").is_some_and(|(region, number)| {
        let letters = region.trim_end_matches(|character: char| character.is_ascii_digit());
        (3..=5).contains(&letters.len()) && digits(&region[letters.len()..]) && digits(number)
    })
}

/// Whether a label is that of a domain of AWS's.
pub(super) fn is_domain_of_aws(label: &str) -> bool {
    ["amazonaws", "aws", "amazonwebservices"].contains(&label)
}

/// Whether a label before that of S3 is part of the service's own name, or a VPC endpoint's.
pub(super) fn is_part_of_s3(label: &str) -> bool {
    PARTS_OF_S3.contains(&label) || label == "*"
}

/// The words that a JSON schema leaves no choice about.
fn fixed_by(schema: &Value, words: &mut HashSet<String>) {
    match schema {
        Value::Object(members) => {
            let choices = members
                .get("const")
                .into_iter()
                .chain(members.get("enum").and_then(Value::as_array).into_iter().flatten());
            words.extend(choices.filter_map(Value::as_str).map(str::to_lowercase));
            members.values().for_each(|member| fixed_by(member, words));
        }
        Value::Array(members) => members.iter().for_each(|member| fixed_by(member, words)),
        _ => {}
    }
}

/// Services, Regions and host names, in one Region of every partition: names differ between Regions by the Region alone.
fn names_of_aws() -> impl Iterator<Item = String> {
    let partitions = catalogue::partitions().iter().flat_map(|partition| {
        let region = partition.regions.first().map(String::as_str).unwrap_or_default();
        let hosts = catalogue::services().iter().flat_map(move |service| {
            Variant::ALL.into_iter().filter_map(move |variant| service.host_for_account("", region, variant))
        });
        let names = [&partition.name, &partition.dns_suffix, &partition.dual_stack_suffix];
        let control = catalogue::control_host(&partition.name).to_owned();
        hosts.chain(names.into_iter().cloned()).chain(partition.regions.iter().cloned()).chain([control])
    });
    let services = catalogue::services().iter().flat_map(|service| {
        let names = [service.id(), service.endpoint_suffix()].into_iter().map(str::to_owned);
        names.chain(service.aliases().iter().cloned())
    });
    partitions.chain(services)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_the_schema_of_aws_and_of_errors_are_known() {
        let words = [
            "gateway_endpoint",
            "vpc_endpoint",
            "timed_out",
            "dynamodb",
            "ssmmessages",
            "us-east-1",
            "eu-central-1b",
            "amazonaws",
            "AccessDenied",
            "DescribeRouteTables",
            "identity-based",
            "checkip",
            "s3-fips",
            "eth0",
            "vpce",
            "AWS_ENDPOINT_URL_ELASTIC_BEANSTALK",
            "usgw1-az3",
        ];
        for word in words {
            assert!(is_known(word), "{word}");
        }
    }

    #[test]
    fn what_a_set_of_roots_may_say_is_known() {
        use probes::observations::Verification;
        let said = [
            Verification::Trusted,
            Verification::UnknownIssuer,
            Verification::Expired,
            Verification::NotYetValid,
            Verification::WrongName,
            Verification::NoRoots,
            Verification::NotRead,
        ];
        for verification in said {
            assert!(is_known(&String::from(verification.clone())), "{verification:?}");
        }
    }

    #[test]
    fn words_that_a_name_may_be_made_of_are_not() {
        for word in
            ["orders", "billing", "acme", "prod", "team", "web", "app", "111122223333", "us-orders-1", ""]
        {
            assert!(!is_known(word), "{word}");
        }
    }

    #[test]
    fn the_list_is_sorted_and_names_each_word_once() {
        let listed = text!("words.txt");
        let words: Vec<&str> = listed.lines().filter(|line| !line.starts_with('#')).collect();
        let mut sorted = words.clone();
        sorted.sort_by_key(|word| word.to_lowercase());
        sorted.dedup();
        assert_eq!(words, sorted);
    }
}
