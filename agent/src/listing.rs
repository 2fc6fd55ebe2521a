//! The list of services and the schema: what this program knows, for people and for machines.

use clap::CommandFactory;

use crate::catalogue::{self, EndpointKind, Variant};
use crate::cli::Cli;
use crate::packed::text;
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

/// The JSON schema of the report, or of what `fleet` says of many, as it was derived from the types when they last changed.
#[must_use]
pub fn schema(of: &str) -> String {
    match of {
        "fleet" => text!("fleet.schema.json"),
        _ => text!("report.schema.json"),
    }
}

/// The completions of a shell, made from the command line's definition.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vpcprobe", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// The manual page with all subcommands, made from the same definition.
#[must_use]
pub fn manual() -> String {
    let mut page = Vec::new();
    let command = Cli::command();
    let main = clap_mangen::Man::new(command.clone());
    // Writing to memory cannot fail.
    let _ = main.render(&mut page);
    String::from_utf8_lossy(&page).into_owned()
}

#[cfg(test)]
mod tests;
