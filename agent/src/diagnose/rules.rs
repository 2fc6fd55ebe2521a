//! The table of rules. A rule is here, in a file of its name, on a page of its name, and in a scenario of the lab.
//!
//! The order is the order of causes: what explains more comes first.

mod access_denied_without_reason;
mod answers_from_another_region;
mod blackhole_route;
mod bucket_in_another_region;
mod bucket_missing;
mod bucket_policy_denies_endpoint_traffic;
mod bucket_policy_wants_endpoint;
mod ca_bundle_wrong;
mod certificate_name_mismatch;
mod certificate_not_valid_now;
mod clock_skewed;
mod connection_tracking_limit_exceeded;
mod container_network;
mod credentials_expired;
mod credentials_missing;
mod credentials_of_another_partition;
mod credentials_rejected;
mod dynamodb_account_name_blocked;
mod dynamodb_egress_through_internet_gateway;
mod dynamodb_egress_through_nat;
mod dynamodb_interface_endpoint_unused;
mod endpoint_in_another_zone;
mod endpoint_missing;
mod endpoint_network_acl;
mod endpoint_not_available;
mod endpoint_policy_denies;
mod endpoint_policy_denies_aws_buckets;
mod endpoint_security_group_closed;
mod endpoint_url_configured;
mod evidence_contradicts_itself;
mod expectation_not_met;
mod fips_name_without_endpoint;
mod gateway_endpoint_not_associated;
mod global_endpoint_configured;
mod host_firewall;
mod hosts_file_override;
mod identity_policy_denies;
mod imds_disabled;
mod instance_role_broken;
mod ipv4_missing;
mod ipv6_address_unreachable;
mod ipv6_bypasses_gateway_endpoint;
mod large_packets_lost;
mod link_local_limit_exceeded;
mod metadata_hop_limit;
mod metadata_through_proxy;
mod metadata_unavailable;
mod more_specific_route;
mod name_blocked;
mod nat_gateway_not_available;
mod network_acl_blocks_outbound;
mod network_acl_blocks_return;
mod network_acl_stale_ranges;
mod no_egress;
mod no_instance_profile;
mod no_proxy_dialects_disagree;
mod no_proxy_malformed;
mod no_public_address;
mod no_route_out;
mod one_endpoint_address_dead;
mod optional_service_unreachable;
mod partition_roots_missing;
mod path_proof_failed;
mod path_undetermined;
mod permissions_boundary_denies;
mod private_dns_for_inbound_resolvers_only;
mod private_dns_off;
mod private_zone_overrides_service;
mod proxy_case_precedence;
mod proxy_refuses;
mod proxy_unreachable;
mod proxy_wants_authentication;
mod proxy_without_no_proxy;
mod region_settings_disagree;
mod region_unknown;
mod required_service_unreachable;
mod resolver_answers_differ;
mod resolver_dead;
mod resolver_outside_vpc_unreachable;
mod resolver_rule_forwards_elsewhere;
mod resource_control_policy_denies;
mod resource_policy_allows_nothing;
mod s3_egress_through_internet_gateway;
mod s3_egress_through_nat;
mod same_vpc_perimeter;
mod search_list_answers;
mod second_interface_without_endpoint_route;
mod security_group_egress_closed;
mod security_group_egress_stale_ranges;
mod security_group_egress_without_prefix_list;
mod server_name_filtered;
mod service_call_refused;
mod service_control_policy_denies;
mod service_fault;
mod service_proxy_differs;
mod session_policy_denies;
mod some_addresses_unreachable;
mod source_address_of_another_interface;
mod ssm_agent_hibernating;
mod ssm_agent_not_running;
mod static_credentials_shadow_role;
mod subnet_uses_main_route_table;
mod table_missing;
mod throttled;
mod tls_intercepted;
mod tls_version_refused;
mod trust_store_missing;
mod trust_store_outdated;
mod unauthorized_in_china;
mod vpc_block_public_access;
mod vpc_dns_hostnames_off;
mod vpc_dns_support_off;
mod wrong_server_answers;

use super::Rule;

/// Every rule.
pub const RULES: &[Rule] = &[
    region_unknown::RULE,
    imds_disabled::RULE,
    metadata_hop_limit::RULE,
    metadata_unavailable::RULE,
    container_network::RULE,
    clock_skewed::RULE,
    vpc_dns_support_off::RULE,
    resolver_rule_forwards_elsewhere::RULE,
    resolver_outside_vpc_unreachable::RULE,
    resolver_dead::RULE,
    wrong_server_answers::RULE,
    server_name_filtered::RULE,
    large_packets_lost::RULE,
    tls_version_refused::RULE,
    certificate_not_valid_now::RULE,
    certificate_name_mismatch::RULE,
    partition_roots_missing::RULE,
    tls_intercepted::RULE,
    trust_store_missing::RULE,
    no_proxy_malformed::RULE,
    proxy_case_precedence::RULE,
    no_proxy_dialects_disagree::RULE,
    proxy_unreachable::RULE,
    proxy_wants_authentication::RULE,
    proxy_refuses::RULE,
    metadata_through_proxy::RULE,
    host_firewall::RULE,
    source_address_of_another_interface::RULE,
    second_interface_without_endpoint_route::RULE,
    blackhole_route::RULE,
    gateway_endpoint_not_associated::RULE,
    subnet_uses_main_route_table::RULE,
    more_specific_route::RULE,
    vpc_block_public_access::RULE,
    nat_gateway_not_available::RULE,
    no_public_address::RULE,
    no_route_out::RULE,
    security_group_egress_closed::RULE,
    security_group_egress_without_prefix_list::RULE,
    network_acl_blocks_outbound::RULE,
    network_acl_blocks_return::RULE,
    endpoint_security_group_closed::RULE,
    endpoint_network_acl::RULE,
    endpoint_not_available::RULE,
    endpoint_missing::RULE,
    security_group_egress_stale_ranges::RULE,
    network_acl_stale_ranges::RULE,
    one_endpoint_address_dead::RULE,
    endpoint_in_another_zone::RULE,
    hosts_file_override::RULE,
    search_list_answers::RULE,
    resolver_answers_differ::RULE,
    answers_from_another_region::RULE,
    name_blocked::RULE,
    private_zone_overrides_service::RULE,
    dynamodb_account_name_blocked::RULE,
    vpc_dns_hostnames_off::RULE,
    private_dns_for_inbound_resolvers_only::RULE,
    private_dns_off::RULE,
    fips_name_without_endpoint::RULE,
    dynamodb_interface_endpoint_unused::RULE,
    ipv4_missing::RULE,
    ipv6_address_unreachable::RULE,
    ipv6_bypasses_gateway_endpoint::RULE,
    no_egress::RULE,
    expectation_not_met::RULE,
    required_service_unreachable::RULE,
    credentials_expired::RULE,
    credentials_of_another_partition::RULE,
    credentials_rejected::RULE,
    static_credentials_shadow_role::RULE,
    no_instance_profile::RULE,
    instance_role_broken::RULE,
    credentials_missing::RULE,
    bucket_in_another_region::RULE,
    same_vpc_perimeter::RULE,
    bucket_policy_wants_endpoint::RULE,
    endpoint_policy_denies::RULE,
    endpoint_policy_denies_aws_buckets::RULE,
    bucket_policy_denies_endpoint_traffic::RULE,
    service_control_policy_denies::RULE,
    resource_control_policy_denies::RULE,
    permissions_boundary_denies::RULE,
    session_policy_denies::RULE,
    identity_policy_denies::RULE,
    resource_policy_allows_nothing::RULE,
    access_denied_without_reason::RULE,
    bucket_missing::RULE,
    table_missing::RULE,
    unauthorized_in_china::RULE,
    throttled::RULE,
    service_fault::RULE,
    service_call_refused::RULE,
    region_settings_disagree::RULE,
    global_endpoint_configured::RULE,
    endpoint_url_configured::RULE,
    ssm_agent_not_running::RULE,
    ssm_agent_hibernating::RULE,
    link_local_limit_exceeded::RULE,
    connection_tracking_limit_exceeded::RULE,
    some_addresses_unreachable::RULE,
    s3_egress_through_nat::RULE,
    dynamodb_egress_through_nat::RULE,
    s3_egress_through_internet_gateway::RULE,
    dynamodb_egress_through_internet_gateway::RULE,
    ca_bundle_wrong::RULE,
    trust_store_outdated::RULE,
    proxy_without_no_proxy::RULE,
    service_proxy_differs::RULE,
    optional_service_unreachable::RULE,
    path_proof_failed::RULE,
    evidence_contradicts_itself::RULE,
    path_undetermined::RULE,
];

/// The rule of this id.
#[must_use]
pub fn rule(id: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.id == id)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    fn names_in(folder: &str, extension: &str) -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|found| found == extension))
            .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn every_file_of_the_folder_is_a_rule_of_the_table_and_the_other_way_round() {
        let files: BTreeSet<String> =
            names_in("src/diagnose/rules", "rs").into_iter().map(|name| name.replace('_', "-")).collect();
        let table: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(files, table);
    }

    #[test]
    fn every_rule_has_the_page_of_its_name_and_no_page_is_left_over() {
        let pages = names_in("pages", "md");
        let table: BTreeSet<String> = RULES.iter().map(|rule| rule.id.to_owned()).collect();
        assert_eq!(pages, table);
        for rule in RULES {
            let page = crate::packed::page(rule.id).unwrap();
            for part in [
                "## What it means",
                "## How the agent knows",
                "## Why it matters",
                "## How to fix it",
                "## Sources",
            ] {
                assert!(page.contains(part), "{} lacks {part:?}", rule.id);
            }
        }
    }

    /// What somebody has seen and looks for stands on one line, so that it is found.
    #[test]
    fn no_message_that_a_page_quotes_is_broken_over_two_lines() {
        for rule in RULES {
            let page = crate::packed::page(rule.id).unwrap();
            let from = page.find("## Why it matters").unwrap();
            let to = page.find("## How to fix it").unwrap();
            for line in page[from..to].lines() {
                assert!(line.matches('`').count().is_multiple_of(2), "{}: {line}", rule.id);
            }
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a test looks into the lab's scenarios")]
    fn every_rule_fires_in_a_scenario_of_the_lab() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts/lab/scenarios");
        let scenarios: String = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap())
            .collect();
        let fires = |rule: &&Rule| scenarios.contains(&format!("rule = \"{}\"", rule.id));
        let never: Vec<&str> = RULES.iter().filter(|rule| !fires(rule)).map(|rule| rule.id).collect();
        assert!(never.is_empty(), "{never:?}");
    }

    #[test]
    fn no_id_stands_twice() {
        let unique: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
        assert_eq!(unique.len(), RULES.len());
    }
}
