//! The snapshot, the CLI's output in good and bad forms, and membership against a definition by bits.

use proptest::prelude::*;

use super::*;

const DESCRIBED: &str = r#"{"PrefixLists": [
  {"Cidrs": ["52.94.0.0/22", "52.119.224.0/20"], "PrefixListId": "pl-02cd2c6b", "PrefixListName": "com.amazonaws.us-east-1.dynamodb"},
  {"Cidrs": ["3.5.0.0/19", "52.216.0.0/15"], "PrefixListId": "pl-63a5400a", "PrefixListName": "com.amazonaws.us-east-1.s3"},
  {"Cidrs": ["169.254.171.0/24"], "PrefixListId": "pl-07d4", "PrefixListName": "com.amazonaws.us-east-1.vpc-lattice"},
  {"Cidrs": ["10.0.0.0/8"], "PrefixListId": "pl-0123", "PrefixListName": "offices"}]}"#;
const ENTRIES: &str =
    r#"{"Entries": [{"Cidr": "52.216.0.0/15"}, {"Cidr": "2600:1fa0:8000::/39", "Description": ""}]}"#;

fn parsed(text: &str, hint: Option<&str>, region: &str) -> Vec<(String, Option<String>, usize)> {
    let lists = parse_cli_json(text, hint, region).unwrap();
    assert!(lists.iter().all(|list| list.source == Source::File && list.region == region));
    lists.into_iter().map(|list| (list.service, list.id, list.cidrs.len())).collect()
}

fn refusal(text: &str, hint: Option<&str>, region: &str) -> String {
    parse_cli_json(text, hint, region).unwrap_err().to_string()
}

#[test]
fn described_lists_give_the_services_with_gateway_endpoints() {
    let id = |id: &str| Some(id.to_owned());
    let both = [("dynamodb".into(), id("pl-02cd2c6b"), 2), ("s3".into(), id("pl-63a5400a"), 2)];
    assert_eq!(parsed(DESCRIBED, None, "us-east-1"), both);
    assert_eq!(parsed(DESCRIBED, Some("ddb"), "us-east-1"), both[..1]);
}

#[test]
fn entries_belong_to_the_service_said() {
    assert_eq!(parsed(ENTRIES, Some("s3"), "eu-west-1"), [("s3".into(), None, 2)]);
}

#[test]
fn names_are_understood_in_china_and_for_ipv6() {
    let list = |name: &str| {
        format!(r#"{{"PrefixLists": [{{"Cidrs": ["54.222.64.0/23"], "PrefixListName": "{name}"}}]}}"#)
    };
    for name in
        ["com.amazonaws.cn-north-1.s3", "cn.com.amazonaws.cn-north-1.s3", "com.amazonaws.cn-north-1.ipv6.s3"]
    {
        assert_eq!(parsed(&list(name), None, "cn-north-1"), [("s3".into(), None, 1)]);
    }
}

#[test]
fn another_regions_list_is_refused_naming_both() {
    let text = refusal(DESCRIBED, None, "eu-west-1");
    assert!(text.contains("us-east-1") && text.contains("--region eu-west-1"), "{text}");
}

#[test]
fn bad_input_is_refused_in_one_sentence_that_says_what_would_be_right() {
    let managed = r#"{"PrefixLists": [{"PrefixListName": "com.amazonaws.us-east-1.s3", "MaxEntries": 9}]}"#;
    let network = r#"{"Entries": [{"Cidr": "52.216.0.0/33"}]}"#;
    let page = r#"{"Entries": [{"Cidr": "52.216.0.0/15"}], "NextToken": "eyJ"}"#;
    for (text, hint, said) in [
        ("PREFIXLISTS\tpl-63a5400a", None, "--output json"),
        (r#"{"Vpcs": []}"#, None, "describe-prefix-lists"),
        ("[]", None, "describe-prefix-lists"),
        (r#"{"PrefixLists": {}}"#, None, "PrefixLists"),
        (r#"{"Entries": [{"Network": "x"}]}"#, Some("s3"), "Entries"),
        (r#"{"Entries": []}"#, Some("s3"), "s3"),
        (r#"{"PrefixLists": []}"#, None, "--region us-east-1"),
        (managed, None, "describe-managed-prefix-lists"),
        (network, Some("s3"), "52.216.0.0/33"),
        (page, Some("s3"), "NextToken"),
        (ENTRIES, None, "SERVICE=FILE"),
        (ENTRIES, Some("dynamo"), "did you mean dynamodb?"),
        (ENTRIES, Some("sqs"), "sqs"),
        (DESCRIBED, Some("s3express"), "s3express"),
    ] {
        let refusal = refusal(text, hint, "us-east-1");
        assert!(refusal.contains(said) && !refusal.contains('\n'), "{text}: {refusal}");
    }
}

#[test]
fn the_snapshot_has_a_date_and_both_services_in_every_region_it_lists() {
    assert!(snapshot_provenance().as_of.parse::<jiff::civil::Date>().is_ok());
    for service in ["s3", "dynamodb"] {
        let list = snapshot(service, "us-east-1").unwrap();
        assert_eq!(
            (list.source, list.as_of.as_deref()),
            (Source::Snapshot, Some(snapshot_provenance().as_of))
        );
        assert!(!list.cidrs.is_empty() && !list.outside_is_conclusive());
    }
    assert!(snapshot("s3", "cn-northwest-1").unwrap().cidrs.len() > 5);
}

#[test]
fn an_unknown_region_or_service_has_no_snapshot_rather_than_an_empty_one() {
    assert_eq!(snapshot("s3", "us-iso-east-1"), None);
    assert_eq!(snapshot("s3", "GLOBAL"), None);
    assert_eq!(snapshot("ssm", "us-east-1"), None);
}

#[test]
fn a_list_survives_being_written_and_read() {
    let list = snapshot("s3", "eu-central-1").unwrap();
    let text = serde_json::to_string(&list).unwrap();
    assert!(text.contains(r#""source":"snapshot""#));
    assert_eq!(serde_json::from_str::<PrefixList>(&text).unwrap(), list);
}

#[test]
fn the_api_has_more_authority_than_a_file_and_a_file_than_the_snapshot() {
    assert!(Source::Ec2Api < Source::File && Source::File < Source::Snapshot);
}

/// Addresses and networks drawn from a few bits, so that they meet often.
fn address() -> impl Strategy<Value = IpAddr> {
    let v4 = (0u32..16, 0u32..4).prop_map(|(high, low)| IpAddr::V4((high << 28 | low).into()));
    let v6 = (0u128..16, 0u128..4).prop_map(|(high, low)| IpAddr::V6((high << 124 | low).into()));
    prop_oneof![v4, v6]
}

fn network() -> impl Strategy<Value = IpNet> {
    (address(), prop_oneof![0u8..=5, 28u8..=32]).prop_map(|(ip, bits)| IpNet::new(ip, bits).unwrap().trunc())
}

fn list(cidrs: Vec<IpNet>) -> PrefixList {
    let (service, region) = ("s3".to_owned(), "us-east-1".to_owned());
    PrefixList { service, region, source: Source::File, id: None, as_of: None, cidrs, left_out: 0 }
}

/// Membership by definition: the same family and the same leading bits.
fn holds(network: &IpNet, address: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => format!("4{:032b}", u32::from(ip)),
        IpAddr::V6(ip) => format!("6{:0128b}", u128::from(ip)),
    };
    let length = 1 + usize::from(network.prefix_len());
    bits(network.network())[..length] == bits(address)[..length]
}

proptest! {
    #[test]
    fn the_match_is_the_longest_of_all_networks_that_hold_the_address(
        cidrs in prop::collection::vec(network(), 0..12),
        address in address(),
    ) {
        let longest = cidrs.iter().filter(|network| holds(network, address)).map(IpNet::prefix_len).max();
        let found = list(cidrs.clone()).contains(address);
        prop_assert_eq!(found.map(|network| network.prefix_len()), longest);
        prop_assert!(found.is_none_or(|network| cidrs.contains(&network) && holds(&network, address)));
    }

    #[test]
    fn the_order_of_networks_does_not_matter(cidrs in prop::collection::vec(network(), 0..12), address in address()) {
        let reversed = cidrs.iter().rev().copied().collect();
        prop_assert_eq!(list(cidrs).contains(address), list(reversed).contains(address));
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_counts_as_ipv4(cidrs in prop::collection::vec(network(), 0..12), ip: u32) {
        let ip = std::net::Ipv4Addr::from(ip);
        let list = list(cidrs);
        prop_assert_eq!(list.contains(ip.into()), list.contains(ip.to_ipv6_mapped().into()));
    }

    #[test]
    fn any_text_is_read_or_refused_without_a_panic(text in ".{0,60}", hint in prop::option::of("[a-z3]{0,8}")) {
        let _ = parse_cli_json(&text, hint.as_deref(), "us-east-1");
        let wrapped = format!(r#"{{"Entries": [{{"Cidr": {}}}]}}"#, serde_json::to_string(&text).unwrap());
        if let Ok(lists) = parse_cli_json(&wrapped, Some("s3"), "us-east-1") {
            prop_assert_eq!(lists[0].cidrs.len(), 1);
        }
    }
}

#[test]
fn what_ec2_says_takes_the_place_of_the_snapshot_for_its_own_region_only() {
    let managed = |name: &str| ManagedPrefixList {
        id: "pl-1".into(),
        name: name.into(),
        cidrs: vec!["192.0.2.0/24".parse().unwrap()],
    };
    let snapshots = || vec![snapshot("s3", "us-east-1").unwrap(), snapshot("dynamodb", "us-east-1").unwrap()];
    let lists = with_ec2s_own(snapshots(), &[managed("com.amazonaws.us-east-1.s3")], "us-east-1");
    let s3 = lists.iter().find(|list| list.service == "s3").unwrap();
    assert_eq!((s3.source, s3.id.as_deref()), (Source::Ec2Api, Some("pl-1")));
    assert_eq!(lists.iter().find(|list| list.service == "dynamodb").unwrap().source, Source::Snapshot);

    let lists = with_ec2s_own(snapshots(), &[managed("com.amazonaws.eu-west-1.s3")], "us-east-1");
    assert!(lists.iter().all(|list| list.source == Source::Snapshot));
}
