//! Whole reports: what may not be shown is nowhere, and nothing is judged otherwise.

use probes::observations::CallFailure;
use probes::{Outcome, Step};

use super::*;
use crate::testing;

/// A report of the lab's default scenario, with all its observations.
const REPORT: &str = include_str!("../../tests/data/mixed.json");

fn key() -> Key {
    Key::from_secret(b"the key of these tests").unwrap()
}

fn redactor<'a>(key: &'a Key, known: &[&str]) -> Redactor<'a> {
    let published = prefix_lists::all_published().copied();
    let vpc = ["10.0.0.0/16".parse().unwrap()];
    let known = known.iter().map(|word| (*word).to_owned()).collect();
    Redactor { key, addresses: Addresses::new(key, published, &vpc), known }
}

fn text(text: &str) -> String {
    redactor(&key(), &[]).text(text)
}

#[test]
fn a_report_is_judged_as_before_and_holds_no_name() {
    let report = judge(serde_json::from_str(REPORT).unwrap());
    let redacted = redacted(&report, &key()).unwrap();
    assert_eq!(redacted.changed, [""; 0]);
    assert!(redacted.report.recording.run.redacted);
    let shown = serde_json::to_string(&redacted.report).unwrap();
    let host = &report.recording.environment.host;
    let names = [&host.instance_id, &host.account_id, &host.vpc_id, &host.subnet_id, &host.role];
    let names = names.into_iter().flatten().cloned().chain(host.private_ips.iter().map(ToString::to_string));
    for name in names {
        assert!(!shown.contains(&name), "{name}");
    }
    assert!(shown.contains("s3.us-east-1.amazonaws.com") && shown.contains("169.254.169.254"));
}

#[test]
fn the_same_key_gives_the_same_report_and_another_key_another_one() {
    let report = judge(serde_json::from_str(REPORT).unwrap());
    let shown = |key: &Key| serde_json::to_string(&redacted(&report, key).unwrap().report).unwrap();
    // Not assert_eq: two reports of fifty thousand characters help nobody.
    assert!(shown(&key()) == shown(&key()));
    assert!(shown(&key()) != shown(&Key::new([7; 32])));
}

#[test]
fn ids_accounts_and_arns_keep_their_form_and_lose_their_content() {
    let arn = text("arn:aws:sts::111122223333:assumed-role/app-instance-role/i-0123456789abcdef0");
    let parts: Vec<&str> = arn.split([':', '/']).collect();
    assert_eq!([parts[0], parts[1], parts[2], parts[3], parts[5]], ["arn", "aws", "sts", "", "assumed-role"]);
    assert_eq!(parts[4], text("111122223333"), "the account is the same wherever it stands");
    assert_eq!(parts[6], text("app-instance-role"));
    assert_eq!(parts[7], text("i-0123456789abcdef0"));
    assert!(parts[4].len() == 12 && parts[4].bytes().all(|byte| byte.is_ascii_digit()));
    for name in ["111122223333", "app-instance-role", "0123456789abcdef0"] {
        assert!(!arn.contains(name), "{arn}");
    }
    for id in ["i-0123456789abcdef0", "vpc-0aaaaaaaaaaaaaaa1", "pl-12345678", "vpce-svc-0a1b2c3d4e5f60718"] {
        let image = text(id);
        assert_eq!(image.len(), id.len());
        assert_eq!(image.rsplit_once('-').unwrap().0, id.rsplit_once('-').unwrap().0);
        assert_ne!(image, id);
    }
    let uuid = text("4f8d1b2e-60fe-4cc2-9d43-0f2f0f9c6b11");
    assert!(uuid.len() == 36 && uuid.split('-').count() == 5 && !uuid.contains("4f8d"), "{uuid}");
    assert_eq!(
        text("arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore").rsplit('/').next(),
        Some("AmazonSSMManagedInstanceCore")
    );
}

#[test]
fn names_of_hosts_keep_what_is_awss() {
    let own = text("my-logs.s3.us-east-1.amazonaws.com");
    assert!(own.ends_with(".s3.us-east-1.amazonaws.com") && !own.contains("logs"), "{own}");
    assert_eq!(own.split('.').next().unwrap(), text("s3:my-logs").strip_prefix("s3:").unwrap());
    // A bucket may be called like a service: what it is called stands before the service's name.
    let service = text("logs.s3.us-east-1.amazonaws.com");
    assert!(!service.starts_with("logs.") && service.ends_with(".s3.us-east-1.amazonaws.com"), "{service}");
    assert!(text("111122223333.ddb.us-east-1.amazonaws.com").ends_with(".ddb.us-east-1.amazonaws.com"));
    let endpoint = text("bucket.vpce-0123456789abcdef0-a1b2c3d4-us-east-1a.s3.us-east-1.vpce.amazonaws.com");
    assert!(
        endpoint.starts_with("bucket.vpce-")
            && endpoint.ends_with("-us-east-1a.s3.us-east-1.vpce.amazonaws.com")
    );
    assert!(!endpoint.contains("a1b2c3d4") && !endpoint.contains("0123456789abcdef0"), "{endpoint}");
    for kept in [
        "ssm.eu-central-1.amazonaws.com",
        "s3.dualstack.us-east-1.amazonaws.com",
        "ec2.internal",
        "*.s3.amazonaws.com",
    ] {
        assert_eq!(text(kept), kept);
    }
    // What ends with a domain of the customer's does so afterwards.
    let domain = text("corp.example");
    assert!(text("s3.us-east-1.amazonaws.com.corp.example").ends_with(&format!(".{domain}")));
    assert!(
        text("ip-10-0-1-23.ec2.internal").starts_with(&format!("ip-{}", text("10.0.1.23").replace('.', "-")))
    );
}

#[test]
fn the_words_of_a_refusal_stay_and_its_names_do_not() {
    let refusal = "User: arn:aws:sts::111122223333:assumed-role/billing/i-0123456789abcdef0 is not authorized to perform: \
                   s3:ListBucket on resource: \"arn:aws:s3:::invoices\" because no VPC endpoint policy allows the \
                   s3:ListBucket action";
    let image = text(refusal);
    assert!(image.ends_with("because no VPC endpoint policy allows the s3:ListBucket action"), "{image}");
    assert!(
        image.contains("is not authorized to perform: s3:ListBucket on resource: \"arn:aws:s3:::x"),
        "{image}"
    );
    assert!(!["billing", "invoices", "111122223333"].iter().any(|name| image.contains(name)), "{image}");
}

#[test]
fn a_text_that_nobody_foresaw_loses_every_word_that_is_not_known() {
    let image = text(
        "The Contoso gateway (ticket ACME-4711, owner jürgen@contoso.test) said: no — über-quota für 203.0.113.9",
    );
    for word in
        ["ontoso", "ACME", "4711-", "jürgen", "test", "über", "für", "203.0.113.9", "ticket", "quota-"]
    {
        assert!(!image.contains(word), "{word} in {image}");
    }
    assert!(image.starts_with("The x") && image.contains(" gateway ("), "{image}");
}

#[test]
fn lists_for_proxies_keep_their_punctuation() {
    let list =
        "localhost,127.0.0.1, .amazonaws.com;*.corp.example,10.0.0.0/8,10.0.,169.254.169.254,[fd12:3456::1]";
    let image = text(list);
    let shape = |text: &str| text.chars().filter(|each| ",; *[]/".contains(*each)).collect::<String>();
    assert_eq!(shape(&image), shape(list));
    assert!(image.starts_with("localhost,127.0.0.1, .amazonaws.com;*.x"), "{image}");
    assert!(image.contains(",10.0.0.0/8,") && image.contains(",169.254.169.254,"), "{image}");
    assert!(!image.contains(",10.0.,") && !image.contains("3456"), "{image}");
}

#[test]
fn times_numbers_and_codes_stay() {
    for kept in [
        "2026-10-26",
        "2026-10-26T08:30:00.123Z",
        "HTTP 403 AccessDenied",
        "os error 113",
        "-1",
        "1.3",
        "squid/5.7",
    ] {
        assert_eq!(text(kept), kept);
    }
}

#[test]
fn an_address_that_is_written_badly_is_not_shown_in_parts() {
    for text in
        ["fd12:3456:789a::1%eth0", "fd12:3456:789a::1:443", "fd12:3456:789a:1", "10.0.1.23:443", "10.0.1.23."]
    {
        let image = self::text(text);
        assert!(!image.contains("3456") && !image.contains("789a") && !image.contains("10.0.1"), "{image}");
    }
}

#[test]
fn a_name_may_be_any_word() {
    let key = key();
    let redactor = redactor(&key, &[]);
    for name in ["endpoint", "s3", "default", "gateway-endpoint", "team/endpoint"] {
        let image = redactor.name(name);
        assert!(image.split('/').all(|part| part.starts_with('x')), "{name}: {image}");
    }
    assert_eq!(
        redactor.text("arn:aws:iam::111122223333:role/endpoint").rsplit('/').next().unwrap(),
        redactor.name("endpoint")
    );
    let recording = Recording { environment: named("endpoint"), ..testing::recording() };
    let image = redacted(&judge(recording), &key).unwrap().report;
    assert_eq!(image.recording.environment.host.role, Some(redactor.name("endpoint")));
}

fn named(role: &str) -> crate::report::EnvironmentRecord {
    let mut environment = testing::recording().environment;
    environment.host.role = Some(role.to_owned());
    environment
}

#[test]
fn the_command_line_keeps_options_and_plain_values() {
    let given =
        ["--bucket", "logs", "--service=s3,ssm", "--table=orders", "--timeout", "3s", "-q", "/srv/acme/x"];
    let given: Vec<String> = given.iter().map(|each| (*each).to_owned()).collect();
    let key = key();
    let image = arguments(&given, &redactor(&key, &[]));
    let kept: Vec<&str> = [0, 2, 4, 5, 6].iter().map(|place: &usize| image[*place].as_str()).collect();
    assert_eq!(kept, ["--bucket", "--service=s3,ssm", "--timeout", "3s", "-q"]);
    assert!(
        !image.concat().contains("logs")
            && !image.concat().contains("orders")
            && !image.concat().contains("acme")
    );
}

#[test]
fn a_difference_in_the_judgement_is_told() {
    let report = judge(serde_json::from_str(REPORT).unwrap());
    let mut other = report.clone();
    assert_eq!(changed(&report, &other), [""; 0]);
    other.verdicts[0].reachable = None;
    other.findings.pop();
    assert_eq!(changed(&report, &other), ["verdicts", "findings"]);
}

#[test]
fn an_error_text_inside_a_step_is_rewritten() {
    let mut recording = testing::recording();
    let mut attempt = testing::answering(testing::PRIVATE);
    attempt.call = Step {
        outcome: Outcome::Failed(CallFailure::Closed { text: "contoso-egress said no".into() }),
        ..attempt.call
    };
    recording.targets = vec![testing::target("ssm", true, vec![attempt])];
    let image = redacted(&judge(recording), &key()).unwrap().report;
    let failure = image.recording.targets[0].attempts[0].call.failed();
    let Some(CallFailure::Closed { text }) = failure else { panic!("{failure:?}") };
    assert!(text.ends_with(" no") && !text.contains("contoso"), "{text}");
}
