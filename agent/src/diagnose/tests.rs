//! Every rule against a clean baseline and one thing changed about it.

use probes::environment::{Allowance, CredentialSource, CredentialsSeen, Ec2Sign, Imds, ImdsFailure, Limit};
use probes::observations::{LookupFailure, Reply, TargetObservation};
use probes::{SkipReason, Step};

use crate::judge::judge;
use crate::report::{CheckOutcome, Recording, Report, Severity, Status};
use crate::settings::{Expectation, ExpectedPath};
use crate::testing::{
    DYNAMODB, ELSEWHERE, NAT, PRIVATE, RESOLVER, S3, S3_TOO, answering, control, dead_control, failed,
    recording, replying, silent, target, unresolved, walked, walked_right_behind,
};

/// S3 and `DynamoDB` by gateway endpoint, SSM by interface endpoint, no internet.
fn healthy() -> Recording {
    Recording {
        targets: vec![
            target("s3", true, vec![walked(answering(S3), &[])]),
            target("ssm", true, vec![answering(PRIVATE)]),
            target("dynamodb", false, vec![walked(answering(DYNAMODB), &[])]),
        ],
        controls: vec![dead_control()],
        ..recording()
    }
}

fn findings(report: &Report) -> Vec<(&str, Severity, &str)> {
    report
        .findings
        .iter()
        .map(|found| (found.rule.as_str(), found.severity, found.subject.id.as_str()))
        .collect()
}

fn outcome(report: &Report, rule: &str) -> CheckOutcome {
    report.checks.iter().find(|check| check.rule == rule).unwrap().outcome
}

fn refused(code: &str, message: &str) -> Reply {
    Reply {
        operation: "s3:ListBucket".into(),
        signed: true,
        status: 403,
        code: Some(code.into()),
        message: Some(message.into()),
        ..Reply::default()
    }
}

#[test]
fn a_healthy_instance_has_no_finding_and_a_line_for_every_rule() {
    let report = judge(healthy());
    assert_eq!(findings(&report), []);
    assert_eq!((report.summary.status, report.summary.exit_code), (Status::Healthy, 0));
    assert_eq!(report.checks.len(), super::rules::RULES.len());
}

#[test]
fn a_required_service_that_does_not_answer_is_an_error_and_an_optional_one_a_notice() {
    let mut recording = healthy();
    recording.targets[1].attempts = vec![silent(PRIVATE)];
    recording.targets[2].attempts = vec![silent(DYNAMODB)];
    let report = judge(recording);
    assert_eq!(
        findings(&report),
        [
            ("required-service-unreachable", Severity::Error, "ssm"),
            ("optional-service-unreachable", Severity::Notice, "dynamodb"),
        ]
    );
    assert_eq!((report.summary.status, report.summary.exit_code), (Status::Failing, 1));
}

#[test]
fn services_that_were_never_tried_leave_the_answer_open() {
    let mut recording = healthy();
    recording.targets[0].attempts[0].tcp = Step::skipped(SkipReason::OutOfTime);
    let report = judge(recording);
    assert_eq!((report.summary.status, report.summary.exit_code), (Status::Inconclusive, 3));
    assert_eq!(outcome(&report, "required-service-unreachable"), CheckOutcome::CannotTell);
}

#[test]
fn when_nothing_answers_there_is_one_finding_and_not_one_for_every_service() {
    let mut recording = healthy();
    recording.targets[0].attempts = vec![silent(S3)];
    recording.targets[1].attempts = vec![silent("52.46.1.1")];
    recording.targets[2].attempts = vec![silent(DYNAMODB)];
    let report = judge(recording);
    assert_eq!(findings(&report), [("no-egress", Severity::Error, "i-0123456789abcdef0")]);
    assert_eq!(report.findings[0].explains.len(), 3);
    assert_eq!(outcome(&report, "required-service-unreachable"), CheckOutcome::Explained);
}

#[test]
fn a_dead_resolver_is_one_finding_that_explains_the_rest() {
    let mut recording = healthy();
    recording.targets = vec![
        unresolved("s3", true, &LookupFailure::ServerFailure),
        unresolved("ssm", true, &LookupFailure::ServerFailure),
        unresolved("dynamodb", false, &LookupFailure::ServerFailure),
    ];
    recording.controls.clear();
    let report = judge(recording);
    assert_eq!(findings(&report), [("resolver-dead", Severity::Error, RESOLVER)]);
    assert_eq!(report.findings[0].explains.len(), 3);
}

#[test]
fn a_resolver_that_knows_no_such_name_is_alive() {
    let failure = LookupFailure::NoSuchName { soa: None };
    let mut recording = healthy();
    recording.targets = vec![unresolved("s3", true, &failure), unresolved("ssm", true, &failure)];
    recording.controls.clear();
    let report = judge(recording);
    assert_eq!(outcome(&report, "resolver-dead"), CheckOutcome::Clear);
    assert_eq!(outcome(&report, "required-service-unreachable"), CheckOutcome::Found);
}

#[test]
fn s3_and_dynamodb_behind_nat_are_warnings_and_one_per_service() {
    let mut recording = healthy();
    recording.controls = vec![control(&[NAT])];
    recording.targets = vec![
        target("s3", true, vec![walked(answering(S3), &[NAT])]),
        target("s3:bucket", true, vec![walked(answering(S3_TOO), &[NAT])]),
        target("dynamodb", false, vec![walked(answering(DYNAMODB), &[NAT])]),
    ];
    let report = judge(recording);
    assert_eq!(
        findings(&report),
        [
            ("s3-egress-through-nat", Severity::Warning, "s3"),
            ("dynamodb-egress-through-nat", Severity::Warning, "dynamodb"),
        ]
    );
    assert_eq!((report.summary.status, report.summary.exit_code), (Status::Degraded, 0));
    let commands = report.findings[0].remedy.commands.join("\n");
    assert!(
        commands.contains("com.amazonaws.us-east-1.s3") && commands.contains("vpc-0a1b2c3d"),
        "{commands}"
    );
}

#[test]
fn s3_and_dynamodb_behind_an_internet_gateway_are_notices() {
    let mut recording = healthy();
    recording.environment.host.public_ipv4 = Some("198.51.100.4".parse().unwrap());
    recording.controls = vec![control(&["240.0.56.65"])];
    recording.targets = vec![
        target("s3", true, vec![walked(answering(S3), &["240.0.56.65"])]),
        target("dynamodb", false, vec![walked(answering(DYNAMODB), &["240.0.56.65"])]),
    ];
    assert_eq!(
        findings(&judge(recording)),
        [
            ("s3-egress-through-internet-gateway", Severity::Notice, "s3"),
            ("dynamodb-egress-through-internet-gateway", Severity::Notice, "dynamodb"),
        ]
    );
}

#[test]
fn a_path_that_is_only_possibly_nat_is_no_finding() {
    let mut recording = healthy();
    recording.targets = vec![target("s3", true, vec![walked(answering(S3), &[NAT])])];
    let report = judge(recording);
    assert_eq!(findings(&report), []);
    assert_eq!(outcome(&report, "s3-egress-through-nat"), CheckOutcome::CannotTell);
}

/// What lies behind the NAT is unsure, that the traffic is paid for there is not.
#[test]
fn a_service_right_behind_nat_is_a_finding_whatever_lies_behind() {
    let mut recording = healthy();
    recording.targets = vec![target("s3", true, vec![walked_right_behind(answering(S3), &[NAT])])];
    assert_eq!(findings(&judge(recording)), [("s3-egress-through-nat", Severity::Warning, "s3")]);
}

#[test]
fn a_service_that_answers_by_an_unknown_path_is_a_notice() {
    let mut recording = healthy();
    recording.controls.clear();
    recording.targets.truncate(1);
    assert_eq!(findings(&judge(recording)), [("path-undetermined", Severity::Notice, "s3")]);
}

#[test]
fn one_dead_address_of_two_is_a_warning() {
    let mut recording = healthy();
    recording.targets[1] = target("ssm", true, vec![answering(PRIVATE), silent("10.0.2.50")]);
    assert_eq!(findings(&judge(recording)), [("one-endpoint-address-dead", Severity::Warning, "ssm")]);
    let mut recording = healthy();
    recording.targets[0].attempts.push(silent(S3_TOO));
    assert!(findings(&judge(recording)).contains(&("some-addresses-unreachable", Severity::Warning, "s3")));
}

#[test]
fn metadata_that_does_not_answer_explains_missing_credentials() {
    let mut recording = healthy();
    let host = &mut recording.environment.host;
    host.instance_id = None;
    host.ec2_signs = vec![Ec2Sign::SearchDomain];
    host.imds = Imds { token: Some(failed(ImdsFailure::TimedOut)), ..Imds::default() };
    host.credentials = CredentialsSeen::default();
    let report = judge(recording);
    assert_eq!(findings(&report), [("metadata-unavailable", Severity::Warning, "this host")]);
    assert_eq!(outcome(&report, "credentials-missing"), CheckOutcome::Explained);
}

#[test]
fn a_host_without_any_sign_of_ec2_is_not_blamed_for_lacking_metadata() {
    let mut recording = healthy();
    let host = &mut recording.environment.host;
    host.instance_id = None;
    host.ec2_signs = Vec::new();
    host.imds = Imds { token: Some(failed(ImdsFailure::TimedOut)), ..Imds::default() };
    assert_eq!(outcome(&judge(recording), "metadata-unavailable"), CheckOutcome::NotApplicable);
}

#[test]
fn an_instance_without_a_role_has_no_credentials() {
    let mut recording = healthy();
    recording.environment.host.credentials = CredentialsSeen::default();
    recording.environment.host.imds.credentials = Some(failed(ImdsFailure::NotFound));
    let report = judge(recording);
    assert_eq!(findings(&report), [("no-instance-profile", Severity::Warning, "i-0123456789abcdef0")]);
    assert!(report.findings[0].summary.contains("no instance profile"), "{}", report.findings[0].summary);
}

#[test]
fn refused_credentials_are_one_finding_however_many_services_say_so() {
    let mut recording = healthy();
    let reply = refused("SignatureDoesNotMatch", "The request signature we calculated does not match");
    recording.targets[0].attempts = vec![replying(walked(answering(S3), &[]), reply.clone())];
    recording.targets[1].attempts = vec![replying(answering(PRIVATE), reply)];
    let report = judge(recording);
    assert_eq!(findings(&report), [("credentials-rejected", Severity::Error, "instance role")]);
    assert_eq!(outcome(&report, "service-call-refused"), CheckOutcome::Clear);
}

#[test]
fn keys_in_the_environment_are_named_as_what_to_remove() {
    let mut recording = healthy();
    recording.environment.host.credentials.source = Some(CredentialSource::EnvironmentVariables);
    let reply = refused("InvalidAccessKeyId", "does not exist");
    recording.targets[0].attempts = vec![replying(walked(answering(S3), &[]), reply)];
    let report = judge(recording);
    assert!(report.findings[0].remedy.commands[0].starts_with("unset AWS_ACCESS_KEY_ID"));
}

#[test]
fn a_default_call_that_the_roles_own_policy_does_not_allow_is_no_finding() {
    let mut recording = healthy();
    let reply =
        refused("AccessDenied", "because no identity-based policy allows the s3:ListAllMyBuckets action");
    recording.targets[0].attempts = vec![replying(walked(answering(S3), &[]), reply)];
    assert_eq!(findings(&judge(recording)), []);
}

#[test]
fn a_named_bucket_that_is_refused_is_an_error_with_the_policy_type() {
    let mut recording = healthy();
    let reply = refused("AccessDenied", "because no identity-based policy allows the s3:ListBucket action");
    recording.targets.push(target("s3:mine", true, vec![replying(walked(answering(S3_TOO), &[]), reply)]));
    let report = judge(recording);
    assert_eq!(findings(&report), [("identity-policy-denies", Severity::Error, "s3:mine")]);
    assert!(report.findings[0].summary.contains("identity-based"), "{}", report.findings[0].summary);
}

#[test]
fn a_plain_refusal_is_never_blamed_on_a_policy() {
    let mut recording = healthy();
    let reply = refused("AccessDenied", "Access Denied");
    recording.targets.push(target("s3:mine", true, vec![replying(walked(answering(S3_TOO), &[]), reply)]));
    let report = judge(recording);
    assert!(report.findings[0].summary.contains("without naming a policy"), "{}", report.findings[0].summary);
    assert!(report.findings[0].causes.len() > 1);
}

#[test]
fn a_bucket_in_another_region_is_said_to_be_there() {
    let mut recording = healthy();
    let reply =
        Reply { status: 301, bucket_region: Some("eu-west-1".into()), ..refused("PermanentRedirect", "") };
    recording.targets.push(target("s3:far", true, vec![replying(answering(ELSEWHERE), reply)]));
    let report = judge(recording);
    let found = report.findings.iter().find(|found| found.subject.id == "s3:far").unwrap();
    assert!(found.summary.contains("eu-west-1"), "{}", found.summary);
}

#[test]
fn an_expectation_is_met_unmet_or_left_open() {
    let with = |path, change: fn(&mut Recording)| {
        let mut recording = healthy();
        recording.run.settings.expect = vec![Expectation { service: "s3".into(), path }];
        change(&mut recording);
        judge(recording)
    };
    let keep: fn(&mut Recording) = |_| {};
    let met = with(ExpectedPath::Gateway, keep);
    assert_eq!((outcome(&met, "expectation-not-met"), met.summary.exit_code), (CheckOutcome::Clear, 0));

    let unmet = with(ExpectedPath::Internet, keep);
    assert_eq!(findings(&unmet), [("expectation-not-met", Severity::Error, "s3")]);

    let open = with(ExpectedPath::Gateway, |recording| recording.controls.clear());
    assert_eq!(
        (outcome(&open, "expectation-not-met"), open.summary.exit_code),
        (CheckOutcome::CannotTell, 3)
    );

    let any = with(ExpectedPath::Any, |recording| recording.controls.clear());
    assert_eq!(outcome(&any, "expectation-not-met"), CheckOutcome::Clear);
}

#[test]
fn on_ec2_without_a_region_that_is_the_finding() {
    let mut recording = healthy();
    recording.environment.host.region = None;
    for target in &mut recording.targets {
        target.host.clear();
        target.attempts.clear();
        target.lookups.clear();
    }
    recording.controls.clear();
    let report = judge(recording);
    assert_eq!(findings(&report), [("region-unknown", Severity::Error, "i-0123456789abcdef0")]);
}

#[test]
fn a_missing_table_is_one_finding_under_both_names_and_does_not_vanish() {
    let mut recording = healthy();
    let reply = Reply {
        operation: "dynamodb:DescribeTable".into(),
        status: 400,
        ..refused("ResourceNotFoundException", "Table: nope not found")
    };
    recording.targets[2].attempts = vec![replying(walked(answering(DYNAMODB), &[]), reply)];
    recording
        .targets
        .push(TargetObservation { target: "dynamodb:account".into(), ..recording.targets[2].clone() });
    let report = judge(recording);
    assert_eq!(findings(&report), [("table-missing", Severity::Error, "dynamodb")]);
}

#[test]
fn findings_that_explain_each_other_do_not_both_vanish() {
    let finding = |id: &str, explains: &str| crate::report::Finding {
        explains: vec![crate::report::Explained {
            rule: "r".into(),
            subject: super::case::target_subject(explains),
        }],
        rule: "r".into(),
        severity: Severity::Error,
        subject: super::case::target_subject(id),
        summary: String::new(),
        facts: Vec::new(),
        evidence: Vec::new(),
        causes: Vec::new(),
        remedy: super::phrases::in_words(""),
    };
    let explained = super::explained_by(&[finding("a", "b"), finding("b", "a")]);
    assert_eq!(explained.len(), 1);
}

#[test]
fn an_id_that_is_none_never_gets_into_a_command() {
    let mut recording = healthy();
    recording.environment.host.vpc_id = Some("vpc-1; touch /tmp/x".into());
    recording.controls = vec![control(&[NAT])];
    recording.targets = vec![target("s3", true, vec![walked(answering(S3), &[NAT])])];
    let report = judge(recording);
    assert_eq!(findings(&report).len(), 1);
    assert!(report.findings[0].remedy.commands.iter().all(|command| !command.contains("touch")));
}

#[test]
fn a_service_without_a_host_name_stays_in_the_report_and_leaves_the_answer_open() {
    let mut recording = healthy();
    recording.run.settings.expect = vec![Expectation { service: "kms".into(), path: ExpectedPath::Any }];
    let mut nameless = target("sagemaker-studio", true, Vec::new());
    nameless.host.clear();
    nameless.lookups.clear();
    recording.targets.push(nameless);
    let report = judge(recording);
    assert_eq!(report.summary.exit_code, 3);
    assert_eq!(outcome(&report, "expectation-not-met"), CheckOutcome::CannotTell);
}

#[test]
fn closed_interface_endpoints_are_not_taken_for_a_missing_way_out() {
    let mut recording = healthy();
    recording.targets[0].attempts = vec![silent(S3)];
    recording.targets[1].attempts = vec![silent(PRIVATE)];
    recording.targets[2].attempts = vec![silent(DYNAMODB)];
    let report = judge(recording);
    let found = findings(&report);
    assert!(found.contains(&("required-service-unreachable", Severity::Error, "ssm")), "{found:?}");
}

fn counted(limit: Limit, exceeded: u64, during_run: u64) -> Recording {
    let mut recording = healthy();
    let interface = "eth0".into();
    recording.environment.host.allowances = vec![Allowance { interface, limit, exceeded, during_run }];
    recording
}

#[test]
fn packets_that_ec2_drops_for_its_limits_are_a_warning_while_it_lasts() {
    for (limit, rule) in [
        (Limit::LinkLocal, "link-local-limit-exceeded"),
        (Limit::ConnectionTracking, "connection-tracking-limit-exceeded"),
    ] {
        let report = judge(counted(limit, 901, 12));
        assert_eq!(findings(&report), [(rule, Severity::Warning, "i-0123456789abcdef0")]);
        let summary = &report.findings[0].summary;
        assert!(summary.contains("eth0: 12 while this program ran, 901 since"), "{summary}");
        let past = judge(counted(limit, 901, 0));
        assert_eq!(findings(&past), [(rule, Severity::Notice, "i-0123456789abcdef0")]);
        assert_eq!(outcome(&judge(counted(limit, 0, 0)), rule), CheckOutcome::Clear);
        assert_eq!(outcome(&judge(healthy()), rule), CheckOutcome::NotApplicable);
    }
}
