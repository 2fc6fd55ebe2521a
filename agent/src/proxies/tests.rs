//! What each family of clients makes of the variables.

use super::*;

const S3: &str = "s3.us-east-1.amazonaws.com";
const METADATA: &str = "169.254.169.254";

fn set(pairs: &[(&str, &str)]) -> Vec<Proxy> {
    pairs
        .iter()
        .map(|(variable, value)| Proxy { variable: (*variable).into(), value: (*value).into() })
        .collect()
}

fn way_with(pairs: &[(&str, &str)], host: &str) -> Way {
    way(&set(pairs), host)
}

fn proxied(way: &Way) -> bool {
    matches!(way, Way::Proxied(_))
}

#[test]
fn without_a_proxy_for_https_the_way_is_direct() {
    assert_eq!(way_with(&[], S3), Way::Direct);
    assert_eq!(way_with(&[("http_proxy", "http://proxy:3128")], S3), Way::Direct);
    assert_eq!(way_with(&[("https_proxy", "socks5://proxy:1080")], S3), Way::Direct);
}

#[test]
fn a_proxy_for_https_takes_what_is_not_left_out() {
    let Way::Proxied(proxy) = way_with(&[("HTTPS_PROXY", "http://user@proxy.corp:3128/")], S3) else {
        panic!("not proxied")
    };
    assert_eq!(
        (proxy.host.as_str(), proxy.port, proxy.variable.as_str()),
        ("proxy.corp", 3128, "HTTPS_PROXY")
    );
    assert!(proxied(&way_with(&[("https_proxy", "http://p:1"), ("no_proxy", "169.254.169.254,corp")], S3)));
}

#[test]
fn a_name_or_a_domain_that_all_clients_read_alike_is_left_out() {
    for list in
        [S3, "us-east-1.amazonaws.com", ".us-east-1.amazonaws.com", "x, amazonaws.com ", "*", "AMAZONAWS.COM"]
    {
        let found = way_with(&[("https_proxy", "http://p:1"), ("no_proxy", list)], S3);
        assert_eq!(found, Way::Direct, "{list}");
    }
}

#[test]
fn what_clients_read_differently_is_unclear() {
    for list in [
        // A leading dot before the very name: Go leaves out names below it only.
        ".s3.us-east-1.amazonaws.com",
        // A wildcard: only Go knows it.
        "*.amazonaws.com",
        // Blanks between entries: only curl takes them for separators.
        "localhost amazonaws.com",
    ] {
        let found = way_with(&[("https_proxy", "http://p:1"), ("no_proxy", list)], S3);
        assert!(matches!(found, Way::Unclear(_)), "{list}: {found:?}");
    }
    let both = [("https_proxy", "http://p:1"), ("no_proxy", "corp"), ("NO_PROXY", "amazonaws.com")];
    assert!(matches!(way_with(&both, S3), Way::Unclear(_)));
    assert!(matches!(way_with(&[("ALL_PROXY", "http://p:1")], S3), Way::Unclear(_)));
    let two = [("https_proxy", "http://p:1"), ("HTTPS_PROXY", "http://q:1")];
    assert!(matches!(way_with(&two, S3), Way::Unclear(_)));
}

#[test]
fn go_reads_upper_case_first_and_the_others_lower_case() {
    let both = set(&[("https_proxy", "http://lower:1"), ("HTTPS_PROXY", "http://upper:1")]);
    let host_of = |client: Client| client.proxy(&both, Scheme::Https, S3).unwrap().host;
    assert_eq!(CLIENTS.map(host_of), ["lower", "lower", "upper"]);
}

#[test]
fn a_part_of_a_label_is_not_a_domain() {
    assert!(proxied(&way_with(
        &[("https_proxy", "http://p:1"), ("no_proxy", "zonaws.com,3.us-east-1.amazonaws.com")],
        S3
    )));
}

#[test]
fn instance_metadata_goes_by_the_variable_for_http_which_curl_reads_in_lower_case_only() {
    let through = |pairs: &[(&str, &str)]| {
        let variables = set(pairs);
        CLIENTS.map(|client| client.proxy(&variables, Scheme::Http, METADATA).is_some())
    };
    assert_eq!(through(&[("http_proxy", "http://p:1")]), [true, true, true]);
    assert_eq!(through(&[("HTTP_PROXY", "http://p:1")]), [false, true, true]);
    assert_eq!(through(&[("https_proxy", "http://p:1")]), [false, false, false]);
    assert_eq!(through(&[("http_proxy", "http://p:1"), ("no_proxy", METADATA)]), [false, false, false]);
    // A range: Python knows none.
    assert_eq!(
        through(&[("http_proxy", "http://p:1"), ("no_proxy", "169.254.0.0/16")]),
        [false, true, false]
    );
}

#[test]
fn the_list_that_is_recommended_leaves_everything_out_for_everyone() {
    let list = no_proxy_list("corp.example;*.local", "us-east-1", "amazonaws.com", "api.aws").list;
    assert!(!list.contains(' '), "a blank would end the value");
    assert!(list.starts_with("corp.example,.local,169.254.169.254,"), "{list}");
    for host in [
        S3,
        "bucket.s3.us-east-1.amazonaws.com",
        "bucket.s3.dualstack.us-east-1.amazonaws.com",
        "111122223333.ddb.us-east-1.amazonaws.com",
        "ssm.us-east-1.amazonaws.com",
        "ssm.us-east-1.api.aws",
        "vpce-0a-1b.ssm.us-east-1.vpce.amazonaws.com",
        METADATA,
        "fd00:ec2::254",
    ] {
        for scheme in [Scheme::Http, Scheme::Https] {
            let variables =
                set(&[("https_proxy", "http://p:1"), ("http_proxy", "http://p:1"), ("no_proxy", &list)]);
            for client in CLIENTS {
                assert_eq!(client.proxy(&variables, scheme, host), None, "{host} by {client:?}");
            }
        }
    }
}

#[test]
fn a_value_that_is_none_never_gets_into_a_command() {
    let line = no_proxy_list("ok.example,$(reboot),`x`,\"q", "us-east-1", "amazonaws.com", "api.aws");
    assert!(line.list.starts_with("ok.example,q,169.254"), "{}", line.list);
}

#[test]
fn every_trouble_is_named_and_put_right() {
    for (list, trouble, meant) in [
        ("localhost amazonaws.com", Trouble::BlanksForCommas, "localhost,amazonaws.com"),
        ("a.example;b.example", Trouble::Semicolons, "a.example,b.example"),
        ("\"a.example\",b.example", Trouble::Quotes, "a.example,b.example"),
        ("*.amazonaws.com", Trouble::Wildcard, ".amazonaws.com"),
        ("https://s3.example/", Trouble::Scheme, "s3.example"),
        ("169.254.0.0/16", Trouble::Range, "169.254.0.0/16"),
    ] {
        assert_eq!(troubles(list), [trouble], "{list}");
        assert_eq!(corrected(list), meant);
    }
    for list in ["*", "a.example, b.example,.c.example", "", "10.0.0.0/8", "169.254.169.254,169.254.0.0/16"] {
        assert_eq!(troubles(list), [], "{list}");
    }
}
