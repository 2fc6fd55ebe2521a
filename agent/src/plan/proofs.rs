//! What path proofs are to be made with: the roles and buckets that were named, and what the host knows that they need.

use probes::Environment;
use probes::plan::{ProofPlan, TargetPlan};

use super::variants::variant;
use crate::catalogue::{self, EndpointKind};
use crate::settings::Settings;

/// The services whose calls a proof may rest on: `aws:SourceVpce` is known to be in requests to them, and their harmless calls
/// can be allowed and refused by policies.
const PROVABLE: &[&str] = &["s3", "dynamodb", "ssm"];

/// STS takes session names of up to 64 of these: letters, digits and `_+=,.@-` (STS API reference, `AssumeRole`).
const LONGEST_SESSION_NAME: usize = 64;

/// The plan of the proofs; `None` where nobody asked for one.
pub(super) fn proofs(
    environment: &Environment,
    settings: &Settings,
    targets: &[TargetPlan],
) -> Option<ProofPlan> {
    let wanted = &settings.proofs;
    if wanted.roles.is_empty() && wanted.buckets.is_empty() {
        return None;
    }
    let region = environment.region.as_deref();
    let custom = |service: &str| {
        settings.endpoints.iter().find(|(named, _)| named == service).map(|(_, host)| host.clone())
    };
    let host = |service: &str| {
        let usual = || catalogue::service(service)?.host(region?, variant(environment, settings, service));
        custom(service).or_else(usual)
    };
    let names = |service: &&str| {
        let found = catalogue::service(service)?;
        let region = region?;
        let kinds = [EndpointKind::Gateway, EndpointKind::Interface];
        let mut names: Vec<String> =
            kinds.iter().map(|kind| found.endpoint_service_name(region, *kind)).collect();
        names.extend(found.fips_endpoint_service_name(region));
        names.dedup();
        Some(((*service).to_owned(), names))
    };
    let takes_part = |service: &&&str| targets.iter().any(|target| target.service == **service);
    Some(ProofPlan {
        roles: wanted.roles.clone(),
        buckets: wanted.buckets.clone(),
        region: region.map(ToOwned::to_owned),
        sts_host: host("sts"),
        s3_host: host("s3"),
        session_name: session_name(environment.instance_id.as_deref()),
        vpc_id: environment.vpc_id.clone(),
        endpoint_services: PROVABLE.iter().filter(takes_part).filter_map(names).collect(),
    })
}

/// What `CloudTrail` shows beside the role: this program, and the instance that it ran on.
fn session_name(instance_id: Option<&str>) -> String {
    let allowed =
        |c: &char| c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-');
    let whole = format!("vpcprobe-{}", instance_id.unwrap_or("path-proof"));
    whole.chars().filter(allowed).take(LONGEST_SESSION_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::RunArguments;
    use crate::plan::plan;
    use crate::settings::Surroundings;

    fn planned(prove_with: &[&str], environment: &Environment) -> Option<ProofPlan> {
        let arguments = RunArguments {
            prove_with: Some(prove_with.iter().map(|value| (*value).to_owned()).collect()),
            service: Some(vec!["ssm".into(), "kms".into()]),
            ..RunArguments::default()
        };
        let quiet = Surroundings { stdout_is_terminal: false, aws_ca_bundle: None };
        plan(environment, &Settings::resolve(&arguments, quiet).unwrap(), &[]).proofs
    }

    fn instance(region: &str) -> Environment {
        Environment {
            region: Some(region.into()),
            instance_id: Some("i-0123456789abcdef0".into()),
            vpc_id: Some("vpc-1".into()),
            ..Environment::default()
        }
    }

    #[test]
    fn nothing_is_proven_unless_somebody_asks_for_it() {
        assert_eq!(planned(&[], &instance("us-east-1")), None);
    }

    #[test]
    fn a_role_proof_knows_sts_and_the_names_of_the_services_that_take_part() {
        let role = "arn:aws-cn:iam::111122223333:role/path-proof";
        let plan = planned(&[&format!("role={role}")], &instance("cn-north-1")).unwrap();
        assert_eq!(plan.roles, [role]);
        assert_eq!(plan.sts_host.as_deref(), Some("sts.cn-north-1.amazonaws.com.cn"));
        assert_eq!(plan.session_name, "vpcprobe-i-0123456789abcdef0");
        let services: Vec<&str> =
            plan.endpoint_services.iter().map(|(service, _)| service.as_str()).collect();
        assert_eq!(services, ["ssm"]);
    }

    #[test]
    fn a_probe_bucket_makes_s3_a_target() {
        let plan = planned(&["bucket=probe-bucket"], &instance("us-east-1")).unwrap();
        assert_eq!(plan.s3_host.as_deref(), Some("s3.us-east-1.amazonaws.com"));
        let (service, names) = &plan.endpoint_services[0];
        assert_eq!((service.as_str(), names[0].as_str()), ("s3", "com.amazonaws.us-east-1.s3"));
    }

    #[test]
    fn without_a_region_there_is_no_host_to_ask_at() {
        let plan = planned(&["bucket=probe-bucket"], &Environment::default()).unwrap();
        assert_eq!((plan.sts_host, plan.s3_host, plan.region), (None, None, None));
    }
}
