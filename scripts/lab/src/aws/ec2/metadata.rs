//! The instance's metadata options, which the metadata service obeys at once.

use std::sync::PoisonError;

use super::form::Form;
use super::xml::{Node, node, text};
use super::{View, missing};
use crate::aws::errors::Fault;
use crate::imds::{Fault as MetadataFault, HttpTokens};

/// `ModifyInstanceMetadataOptions`.
pub(super) fn modify(view: &View<'_>, form: &Form) -> Result<Vec<Node>, Fault> {
    let id = form.value("InstanceId").ok_or_else(|| missing("instanceId"))?;
    if id != view.topology.instance.id {
        let text = format!("The instance ID '{id}' does not exist");
        return Err(Fault::new(400, "InvalidInstanceID.NotFound", text));
    }
    let metadata = view.work.aws.metadata();
    let mut options = metadata.write().unwrap_or_else(PoisonError::into_inner);
    match form.value("HttpEndpoint") {
        Some("enabled") if options.fault == MetadataFault::Disabled => options.fault = MetadataFault::None,
        Some("disabled") => options.fault = MetadataFault::Disabled,
        _ => {}
    }
    match form.value("HttpTokens") {
        Some("required") => options.http_tokens = HttpTokens::Required,
        Some("optional") => options.http_tokens = HttpTokens::Optional,
        _ => {}
    }
    if let Some(limit) = form.value("HttpPutResponseHopLimit") {
        options.hop_limit = limit.parse().ok().filter(|limit| (1..=64).contains(limit)).ok_or_else(|| {
            let text = format!("Value ({limit}) for parameter HttpPutResponseHopLimit is invalid.");
            Fault::new(400, "InvalidParameterValue", text)
        })?;
    }
    let required = options.http_tokens == HttpTokens::Required;
    Ok(vec![
        text("instanceId", id),
        node(
            "instanceMetadataOptions",
            vec![
                text("state", "pending"),
                text("httpTokens", if required { "required" } else { "optional" }),
                text("httpPutResponseHopLimit", options.hop_limit),
                text("httpEndpoint", "enabled"),
            ],
        ),
    ])
}
