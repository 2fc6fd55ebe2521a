//! The list of services and the schema: what this program knows, for people and for machines.

use schemars::generate::SchemaSettings;

use crate::catalogue::{self, EndpointKind, Variant};
use crate::report::Report;
use crate::settings::SettingsError;

/// One line per service: id, host name and endpoint service name in a Region.
///
/// # Errors
/// A Region that belongs to no partition.
pub fn services(region: &str) -> Result<String, SettingsError> {
    if catalogue::partition_of_region(region).is_none() {
        return Err(SettingsError::unknown_region(region));
    }
    let mut rows = vec![["SERVICE", "HOST", "ENDPOINT SERVICE"].map(str::to_owned)];
    for service in catalogue::services() {
        let host = service
            .host(region, Variant::Plain)
            .or_else(|| service.host_for_account("ACCOUNT", region, Variant::Plain))
            .unwrap_or_else(|| "-".to_owned());
        let kind = if service.interface_capable() { EndpointKind::Interface } else { EndpointKind::Gateway };
        let mut names = service.endpoint_service_name(region, kind);
        if service.gateway_capable() {
            let gateway = service.endpoint_service_name(region, EndpointKind::Gateway);
            names = if gateway == names {
                format!("{gateway} (gateway or interface)")
            } else {
                format!("{gateway} (gateway), {names}")
            };
        }
        rows.push([service.id().to_owned(), host, names]);
    }
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    Ok(rows.iter().map(|[id, host, names]| format!("{id:<first$}  {host:<second$}  {names}\n")).collect())
}

/// The JSON schema of the report.
#[must_use]
pub fn schema() -> String {
    // The contract of what is written: a key that is always written is required, also where its value may be null.
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let schema = generator.into_root_schema_for::<Report>();
    format!("{}\n", serde_json::to_string_pretty(&schema).unwrap_or_default())
}

#[cfg(test)]
mod tests;
