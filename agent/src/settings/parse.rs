//! Text to meaning, one function per kind of value.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::nearest;
use super::{Detail, Expectation, ExpectedPath, FailOn, Format, PrefixListFile, SettingsError, WantedProofs};
use crate::catalogue;
use crate::redact::Key;

pub(super) fn services(values: &[String]) -> Result<Vec<String>, SettingsError> {
    values.iter().map(|value| service(value)).collect()
}

/// Refuses what is no Region of any partition. A well-formed one that is not listed may be new: it is settled once
/// instance metadata has had its say.
pub(super) fn region(value: &str) -> Result<(), SettingsError> {
    match catalogue::partition_of_region(value) {
        Some(_) => Ok(()),
        None => Err(SettingsError::unknown_region(value)),
    }
}

pub(super) fn expectations(values: &[String]) -> Result<Vec<Expectation>, SettingsError> {
    let mut kept: Vec<Expectation> = Vec::new();
    for value in values {
        let wanted = expectation(value)?;
        let contradicts = |other: &&Expectation| {
            let either = other.path == ExpectedPath::Any || wanted.path == ExpectedPath::Any;
            other.service == wanted.service && other.path != wanted.path && !either
        };
        if let Some(other) = kept.iter().find(contradicts) {
            let (first, second) = (other.as_argument(), wanted.as_argument());
            return Err(SettingsError::ContradictoryExpectations { first, second });
        }
        if !kept.contains(&wanted) {
            kept.push(wanted);
        }
    }
    Ok(kept)
}

pub(super) fn buckets(values: Vec<String>) -> Result<Vec<String>, SettingsError> {
    let right = |name: &str| {
        (3..=63).contains(&name.len())
            && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-'))
            && !name.starts_with(['.', '-'])
            && !name.ends_with(['.', '-'])
            && !name.contains("..")
    };
    all_right(values, right, |value| SettingsError::NotABucket { value })
}

/// Sorts what the path is to be proven with into roles and buckets, each once.
pub(super) fn proofs(values: &[String]) -> Result<WantedProofs, SettingsError> {
    let mut wanted = WantedProofs::default();
    for value in values {
        let (known, name) = match value.split_once('=') {
            Some(("role", arn)) if is_role(arn) => (&mut wanted.roles, arn.to_owned()),
            Some(("role", _)) => return Err(SettingsError::NotARole { value: value.clone() }),
            Some(("bucket", name)) => (&mut wanted.buckets, buckets(vec![name.to_owned()])?.remove(0)),
            _ => return Err(SettingsError::NotAProof { value: value.clone() }),
        };
        if !known.contains(&name) {
            known.push(name);
        }
    }
    Ok(wanted)
}

/// Whether it is the ARN of a role (IAM user guide, "IAM identifiers"): `arn:PARTITION:iam::ACCOUNT:role/[PATH/]NAME`.
fn is_role(arn: &str) -> bool {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let [first, partition, service, region, account, resource] = parts.as_slice() else { return false };
    let plain = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+=.@_-".contains(&byte))
    };
    let name = resource.strip_prefix("role/");
    *first == "arn"
        && partition.starts_with("aws")
        && plain(partition)
        && *service == "iam"
        && region.is_empty()
        && account.len() == 12
        && account.bytes().all(|byte| byte.is_ascii_digit())
        && name.is_some_and(|name| name.split('/').all(plain))
}

pub(super) fn tables(values: Vec<String>) -> Result<Vec<String>, SettingsError> {
    let right = |name: &str| {
        (3..=255).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
    };
    all_right(values, right, |value| SettingsError::NotATable { value })
}

/// The host names under which services are asked instead of their usual ones.
pub(super) fn endpoints(values: &[String]) -> Result<Vec<(String, String)>, SettingsError> {
    let one = |value: &String| {
        let refused = || SettingsError::NotAnEndpoint { value: value.clone() };
        let (name, url) = value.split_once('=').ok_or_else(refused)?;
        let host = url.strip_prefix("https://").ok_or_else(refused)?;
        let host = host.strip_suffix('/').unwrap_or(host);
        let host = host.strip_suffix(":443").unwrap_or(host).to_ascii_lowercase();
        let host = hosts(vec![host]).map_err(|_| refused())?.remove(0);
        Ok((service(name)?, host))
    };
    values.iter().map(one).collect()
}

pub(super) fn hosts(values: Vec<String>) -> Result<Vec<String>, SettingsError> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let right = |name: &str| name.len() <= 253 && name.contains('.') && name.split('.').all(label);
    all_right(values, right, |value| SettingsError::NotAHost { value })
}

/// A length of time that may be none at all.
pub(super) fn duration_or_none(
    option: &'static str,
    value: Option<&str>,
    default: Duration,
) -> Result<Duration, SettingsError> {
    match value {
        Some("0ms" | "0s" | "0m") => Ok(Duration::ZERO),
        value => duration(option, value, default),
    }
}

pub(super) fn duration(
    option: &'static str,
    value: Option<&str>,
    default: Duration,
) -> Result<Duration, SettingsError> {
    let Some(value) = value else { return Ok(default) };
    let refused = || SettingsError::NotADuration { option, value: value.to_owned() };
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = value.split_at(digits);
    let number: u64 = number.parse().map_err(|_| refused())?;
    let milliseconds = match unit {
        "ms" => Some(number),
        "s" => number.checked_mul(1_000),
        "m" => number.checked_mul(60_000),
        _ => None,
    };
    // A day is more than any run may take, and keeps sums of times far from overflow.
    match milliseconds {
        Some(milliseconds @ 1..=86_400_000) => Ok(Duration::from_millis(milliseconds)),
        _ => Err(refused()),
    }
}

pub(super) fn prefix_list_files(values: &[String]) -> Result<Vec<PrefixListFile>, SettingsError> {
    let mut files = Vec::new();
    for value in values {
        // The part before the sign is a service only if it looks like one: a path may hold the sign too.
        let (named, path) = match value.split_once('=') {
            Some((name, path)) if !name.contains('/') => (Some(service(name)?), PathBuf::from(path)),
            _ => (None, PathBuf::from(value)),
        };
        let text = read(&path, "prefix-list file")?;
        files.push(PrefixListFile { path, service: named, text });
    }
    Ok(files)
}

pub(super) fn ca_bundle(path: &Path) -> Result<(), SettingsError> {
    let text = read(path, "CA bundle")?;
    if text.contains("-----BEGIN CERTIFICATE-----") || text.contains("-----BEGIN TRUSTED CERTIFICATE-----") {
        return Ok(());
    }
    Err(SettingsError::EmptyCaBundle { path: path.to_owned() })
}

/// The key that a file holds.
#[expect(clippy::disallowed_methods, reason = "files that a setting names are read, once")]
pub(super) fn redaction_key(path: &Path) -> Result<Key, SettingsError> {
    let secret = std::fs::read(path).map_err(|source| SettingsError::Unreadable {
        what: "redaction key",
        path: path.to_owned(),
        source,
    })?;
    Key::from_secret(&secret).ok_or_else(|| SettingsError::ShortKey { path: path.to_owned() })
}

pub(super) fn fail_on(value: Option<&str>) -> Result<FailOn, SettingsError> {
    let known = [("error", FailOn::Error), ("warning", FailOn::Warning), ("never", FailOn::Never)];
    word("--fail-on severity", value.unwrap_or("error"), &known)
}

/// A format, and the file it goes to where one is named.
pub(super) fn output(value: &str) -> Result<(Format, Option<PathBuf>), SettingsError> {
    match value.split_once('=') {
        Some((_, "")) => Err(SettingsError::OutputWithoutFile { value: value.to_owned() }),
        Some((name, path)) => Ok((format(name)?, Some(PathBuf::from(path)))),
        None => Ok((format(value)?, None)),
    }
}

pub(super) fn format(value: &str) -> Result<Format, SettingsError> {
    word("format", value, &Format::ALL)
}

pub(super) fn detail(value: Option<&str>) -> Result<Detail, SettingsError> {
    word("detail", value.unwrap_or("brief"), &[("brief", Detail::Brief), ("full", Detail::Full)])
}

pub(super) fn only_one(slot: &mut Option<Format>, format: Format) -> Result<(), SettingsError> {
    match slot.replace(format) {
        Some(earlier) if earlier != format => Err(SettingsError::TwoFormatsOnStdout),
        Some(_) | None => Ok(()),
    }
}

fn service(value: &str) -> Result<String, SettingsError> {
    match catalogue::service(value.trim()) {
        Some(service) => Ok(service.id().to_owned()),
        None => Err(SettingsError::unknown_service(value)),
    }
}

fn expectation(value: &str) -> Result<Expectation, SettingsError> {
    let Some((name, path)) = value.split_once('=') else {
        return Err(SettingsError::NotAnExpectation { value: value.to_owned() });
    };
    let known = [
        ("gateway", ExpectedPath::Gateway),
        ("interface", ExpectedPath::Interface),
        ("internet", ExpectedPath::Internet),
        ("proxy", ExpectedPath::Proxy),
        ("any", ExpectedPath::Any),
    ];
    let expectation = Expectation { service: service(name)?, path: word("path", path, &known)? };
    let gateway_capable =
        catalogue::service(&expectation.service).is_some_and(catalogue::Service::gateway_capable);
    if expectation.path == ExpectedPath::Gateway && !gateway_capable {
        return Err(SettingsError::ImpossibleExpectation {
            value: value.to_owned(),
            service: expectation.service,
            kind: "gateway",
        });
    }
    Ok(expectation)
}

fn all_right(
    values: Vec<String>,
    right: impl Fn(&str) -> bool,
    refused: impl Fn(String) -> SettingsError,
) -> Result<Vec<String>, SettingsError> {
    match values.iter().find(|value| !right(value)) {
        Some(value) => Err(refused(value.clone())),
        None => Ok(values),
    }
}

fn word<T: Copy>(what: &'static str, value: &str, known: &[(&'static str, T)]) -> Result<T, SettingsError> {
    known.iter().find(|(name, _)| *name == value).map(|(_, meaning)| *meaning).ok_or_else(|| {
        SettingsError::UnknownWord {
            what,
            value: value.to_owned(),
            nearest: nearest(value, known.iter().map(|(name, _)| *name)),
            known: known.iter().map(|(name, _)| *name).collect(),
        }
    })
}

#[expect(clippy::disallowed_methods, reason = "files that a setting names are read, once")]
fn read(path: &Path, what: &'static str) -> Result<String, SettingsError> {
    std::fs::read_to_string(path).map_err(|source| SettingsError::Unreadable {
        what,
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_need_a_unit_and_stay_below_a_day() {
        let parse = |text| duration("--timeout", Some(text), Duration::ZERO).ok();
        assert_eq!(parse("500ms"), Some(Duration::from_millis(500)));
        assert_eq!(parse("3s"), Some(Duration::from_secs(3)));
        assert_eq!(parse("2m"), Some(Duration::from_mins(2)));
        for wrong in ["3", "s", "-1s", "0s", "1.5s", "3 s", "99999999999999999999s", "2000m"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn bucket_names_are_names_and_not_addresses() {
        for right in ["abc", "my.bucket-1"] {
            assert!(buckets(vec![right.into()]).is_ok(), "{right}");
        }
        for wrong in ["ab", "s3://abc", "arn:aws:s3:::abc", "Abc", "-abc", "a..b", "a/b"] {
            assert!(buckets(vec![wrong.into()]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_endpoint_is_a_service_with_an_https_url_of_a_host_alone() {
        let right = ["ssm=https://ssm.example.com", "ssm=https://SSM.example.com:443/"];
        for right in right {
            let parsed = endpoints(&[right.into()]).unwrap();
            assert_eq!(parsed, [("ssm".to_owned(), "ssm.example.com".to_owned())], "{right}");
        }
        for wrong in
            ["ssm", "ssm=ssm.example.com", "ssm=http://a.b", "ssm=https://a.b/c", "ssm=https://a.b:8443"]
        {
            let text = endpoints(&[wrong.into()]).unwrap_err().to_string();
            assert!(text.contains(wrong) && text.contains("SERVICE=URL"), "{text}");
        }
        assert!(matches!(endpoints(&["sss=https://a.b".into()]), Err(SettingsError::UnknownService { .. })));
    }

    #[test]
    fn a_proof_is_made_with_a_role_by_its_arn_or_with_a_bucket_by_its_name() {
        let values = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        let role = "arn:aws-cn:iam::111122223333:role/ops/path-proof";
        let wanted = format!("role={role}");
        let wanted = proofs(&values(&[&wanted, "bucket=probe-bucket", &wanted])).unwrap();
        assert_eq!((wanted.roles, wanted.buckets), (vec![role.to_owned()], vec!["probe-bucket".to_owned()]));
        let wrong = [
            ("probe-bucket", "role=ARN or bucket=NAME"),
            ("user=arn:aws:iam::111122223333:user/u", "role=ARN or bucket=NAME"),
            ("role=path-proof", "arn:aws:iam::ACCOUNT_ID:role/NAME"),
            ("role=arn:aws:sts::111122223333:assumed-role/app/i-1", "arn:aws:iam::ACCOUNT_ID:role/NAME"),
            ("role=arn:aws:iam::111122223333:role/a b", "arn:aws:iam::ACCOUNT_ID:role/NAME"),
            ("bucket=s3://probe-bucket", "bucket"),
            ("bucket=", "bucket"),
        ];
        for (value, hint) in wrong {
            let text = proofs(&values(&[value])).unwrap_err().to_string();
            assert!(text.contains(hint), "{value}: {text}");
        }
    }

    #[test]
    fn a_gateway_cannot_be_expected_of_a_service_that_has_none() {
        assert!(expectation("s3=gateway").is_ok());
        let text = expectation("ssm=gateway").unwrap_err().to_string();
        assert!(text.contains("ssm has no gateway endpoint"), "{text}");
    }
}
