//! Which of a service's host names clients on this host use: what was asked for, else what the SDKs' own settings say.
//!
//! The settings are those of the AWS SDKs and Tools reference guide ("Dual-stack and FIPS endpoints"), and for S3 alone the one of
//! the AWS CLI and boto ("AWS CLI S3 configuration"). They stand in the report with their source, under
//! `environment/client_settings`.

use probes::Environment;

use crate::catalogue::Variant;
use crate::settings::Settings;

/// Services that only the SSM agent uses, which makes its host names itself and has a setting of its own for them.
const OF_THE_SSM_AGENT: [&str; 2] = ["ec2messages", "ssmmessages"];

/// The variant of a service's names.
pub(super) fn variant(environment: &Environment, settings: &Settings, service: &str) -> Variant {
    let said = |name: &str| {
        let found = environment.client_settings.iter().find(|setting| setting.name == name)?;
        boolean(&found.value).filter(|_| !OF_THE_SSM_AGENT.contains(&service))
    };
    let for_s3 = || said("s3.use_dualstack_endpoint").filter(|_| service == "s3");
    let dual_stack = settings.dual_stack.or_else(|| said("AWS_USE_DUALSTACK_ENDPOINT")).or_else(for_s3);
    let fips = settings.fips.or_else(|| said("AWS_USE_FIPS_ENDPOINT"));
    Variant::from_settings(dual_stack.unwrap_or(false), fips.unwrap_or(false))
}

/// What SDKs take for yes and no; anything else they refuse or pass over.
fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}
