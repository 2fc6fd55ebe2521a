//! The lab as ordinary programs see it: `curl`, `traceroute` and a shell must meet the network that the field's traces and
//! manuals describe. Needs those programs and user namespaces.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on must stop")]

use std::io::Write as _;
use std::process::{Command, Output};

use serde_json::Value;

const S3: &str = "s3.us-east-1.amazonaws.com";
const SSM: &str = "ssm.us-east-1.amazonaws.com";
/// `curl` could not connect: refused, or told so by ICMP.
const REFUSED: i32 = 7;
/// `curl` heard nothing.
const SILENCE: i32 = 28;

/// What became of a command in the lab.
struct Ran {
    output: Output,
    truth: Value,
}

impl Ran {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    fn code(&self) -> i32 {
        self.output.status.code().unwrap_or_else(|| panic!("{self:?}"))
    }

    /// The elements that carried packets to port 443, without repetition.
    fn elements(&self) -> Vec<String> {
        let flows = self.truth["flows"].as_array().unwrap();
        let mut elements: Vec<String> =
            flows.iter().map(|flow| flow["element"].as_str().unwrap().to_owned()).collect();
        elements.sort();
        elements.dedup();
        elements
    }
}

impl std::fmt::Debug for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let errors = String::from_utf8_lossy(&self.output.stderr);
        write!(f, "{}\n{}\n{errors}", self.output.status, self.text())
    }
}

fn run(scenario: &str, command: &[&str]) -> Ran {
    let truth = tempfile::NamedTempFile::new().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_vpc-lab"))
        .args(["run", scenario, "--truth"])
        .arg(truth.path())
        .arg("--")
        .args(command)
        .output()
        .unwrap();
    let text = std::fs::read_to_string(truth.path()).unwrap();
    let truth =
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    Ran { output, truth }
}

/// Runs in the healthy private VPC with changes.
fn run_changed(changes: &str, command: &[&str]) -> Ran {
    let mut file = tempfile::Builder::new().suffix(".toml").tempfile().unwrap();
    write!(file, "title = 'x'\ntopology = 'private'\n{changes}\n[expect]\nstatus = 'healthy'\n").unwrap();
    run(file.path().to_str().unwrap(), command)
}

fn curl(host: &str) -> [String; 7] {
    ["curl", "-sS", "-m", "2", "-o", "/dev/null", &format!("https://{host}/")].map(str::to_owned)
}

fn curl_code(changes: &str, host: &str) -> i32 {
    let command = curl(host);
    run_changed(changes, &command.each_ref().map(String::as_str)).code()
}

/// The responder of each hop of a TCP trace to port 443, `*` for silence.
fn trace(ran: &Ran) -> Vec<String> {
    let text = ran.text();
    let hops: Vec<String> =
        text.lines().skip(1).filter_map(|line| line.split_whitespace().nth(1).map(str::to_owned)).collect();
    assert!(!hops.is_empty(), "{ran:?}");
    hops
}

fn traceroute(host: &str) -> Vec<&str> {
    vec!["traceroute", "-n", "-M", "tcpconn", "-p", "443", "-q", "1", "-w", "1", "-m", "8", host]
}

#[test]
#[ignore = "needs user namespaces and /dev/net/tun"]
fn a_round_trip_to_aws_takes_as_long_as_was_asked_for_and_one_to_the_resolver_does_not() {
    let times = "%{time_namelookup} %{time_connect}";
    let output = Command::new(env!("CARGO_BIN_EXE_vpc-lab"))
        .args([
            "run",
            "healthy-private",
            "--round-trip",
            "40",
            "--",
            "curl",
            "-sS",
            "-m",
            "5",
            "-o",
            "/dev/null",
        ])
        .args(["-w", times, &format!("https://{S3}/")])
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    let said: Vec<f64> = text.split(' ').map(|word| word.parse().unwrap()).collect();
    let [named, connected] = said[..] else { panic!("{output:?}") };
    // A busy machine may take longer, and nothing makes it shorter.
    assert!(connected - named >= 0.040, "{text}");
    assert!(named < 0.040, "{text}");
}

#[test]
#[ignore = "needs user namespaces"]
fn a_gateway_endpoint_shows_no_responder_but_the_destination() {
    let ran = run("healthy-private", &traceroute(S3));
    let hops = trace(&ran);
    assert_eq!(hops.len(), 1, "{ran:?}");
    assert!(ran.text().starts_with(&format!("traceroute to {S3} ({})", hops[0])), "{ran:?}");
    assert_eq!(ran.elements(), ["vpce-0a3a3a3a3a3a3a3a3"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_gateway_endpoint_of_older_times_answers_at_the_fifth_hop() {
    let changes = "[[change]]\nkind = 'answers_at_ttl'\nendpoint = 'vpce-0a3a3a3a3a3a3a3a3'\nttl = 5";
    let hops = trace(&run_changed(changes, &traceroute(S3)));
    assert_eq!(hops[..4], ["*", "*", "*", "*"]);
    assert_eq!(hops.len(), 5);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_nat_gateway_is_the_first_hop_and_the_only_visible_one() {
    let ran = run("nat", &traceroute(S3));
    let hops = trace(&ran);
    assert_eq!(hops[..4], ["10.0.0.220", "*", "*", "*"], "{ran:?}");
    assert_eq!(hops.len(), 5);
    assert_eq!(ran.elements(), ["nat-0f0f0f0f0f0f0f0f0"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_router_asked_too_often_falls_silent_as_the_kernel_limits_it() {
    let burst =
        ["traceroute", "-n", "-M", "tcpconn", "-p", "443", "-m", "1", "-q", "10", "-N", "10", "-w", "1", S3];
    let text = run("nat", &burst).text();
    let hop = text.lines().nth(1).unwrap_or_default();
    assert!(hop.contains("10.0.0.220") && hop.contains('*'), "{text}");
}

#[test]
#[ignore = "needs user namespaces"]
fn routers_beyond_the_internet_gateway_name_themselves() {
    let ran = run("public", &traceroute(S3));
    assert_eq!(trace(&ran)[..3], ["240.0.56.65", "100.65.32.130", "52.93.70.12"], "{ran:?}");
    assert_eq!(ran.elements(), ["igw-0e0e0e0e0e0e0e0e0"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn an_interface_endpoint_answers_directly_or_names_itself_as_a_hop() {
    let ran = run("healthy-private", &traceroute("10.0.2.101"));
    assert_eq!(trace(&ran), ["10.0.2.101"]);
    assert_eq!(ran.elements(), ["vpce-01111111111111111"]);
    let changes = "[[change]]\nkind = 'answers_at_ttl'\nendpoint = 'vpce-01111111111111111'\nttl = 6";
    let hops = trace(&run_changed(changes, &traceroute("10.0.2.101")));
    assert_eq!(hops, ["10.0.2.101", "*", "*", "*", "*", "10.0.2.101"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn everything_a_vpc_blocks_is_silent() {
    let healthy = curl_code("", S3);
    assert_eq!(healthy, 0);
    let route = "route_table = 'rtb-0b1b1b1b1b1b1b1b1'\ndestination = 'pl-63a5400a'";
    let acl = "network_acl = 'acl-0d0d0d0d0d0d0d0d0'";
    for (what, changes) in [
        ("no route", format!("[[change]]\nkind = 'remove_route'\n{route}")),
        ("a black hole", format!("[[change]]\nkind = 'blackhole_route'\n{route}")),
        (
            "the security group",
            "[[change]]\nkind = 'egress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = []".to_owned(),
        ),
        ("the ACL outward", format!("[[change]]\nkind = 'acl_egress'\n{acl}\nentries = []")),
        (
            "the ACL inward, which is stateless",
            format!(
                "[[change]]\nkind = 'acl_ingress'\n{acl}\nentries = [{{ number = 1, action = 'allow', protocol = 'tcp', \
                 ports = [443, 443], cidr = '0.0.0.0/0' }}]"
            ),
        ),
    ] {
        assert_eq!(curl_code(&changes, S3), SILENCE, "{what}");
    }
}

#[test]
#[ignore = "needs user namespaces"]
fn an_acl_is_not_asked_inside_a_subnet() {
    let changes = "[[change]]\nkind = 'acl_egress'\nnetwork_acl = 'acl-0d0d0d0d0d0d0d0d0'\nentries = []";
    let resolve = |address: &str| {
        let pin = format!("{SSM}:443:{address}");
        let url = format!("https://{SSM}/");
        run_changed(changes, &["curl", "-sS", "-m", "2", "-o", "/dev/null", "--resolve", &pin, &url]).code()
    };
    assert_eq!(resolve("10.0.1.101"), 0);
    assert_eq!(resolve("10.0.2.101"), SILENCE);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_security_group_that_names_the_prefix_list_lets_out_to_it() {
    let rule = |peer: &str| {
        format!(
            "[[change]]\nkind = 'egress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = [{{ protocol = 'tcp', \
             ports = [443, 443], peer = '{peer}' }}]"
        )
    };
    assert_eq!(curl_code(&rule("pl-63a5400a"), S3), 0);
    assert_eq!(curl_code(&rule("pl-02cd2c6b"), S3), SILENCE);
    assert_eq!(curl_code(&rule("sg-0e0e0e0e0e0e0e0e0"), SSM), 0);
}

#[test]
#[ignore = "needs user namespaces"]
fn what_an_endpoints_security_group_drops_was_sent_and_not_carried() {
    let command = curl("ssmmessages.us-east-1.amazonaws.com");
    let ran = run("mixed", &command.each_ref().map(String::as_str));
    assert_eq!(ran.code(), SILENCE);
    let flow = &ran.truth["flows"][0];
    assert_eq!(flow["element"], "vpce-02222222222222222");
    assert!(flow["offered"].as_u64() > Some(0));
    assert_eq!((flow["carried"].as_u64(), flow["answered"].as_u64()), (Some(0), Some(0)));
}

#[test]
#[ignore = "needs user namespaces"]
fn an_internet_gateway_carries_nothing_without_a_public_address() {
    let changes = "[[change]]\nkind = 'move_instance'\nsubnet = 'subnet-0a0a0a0a0a0a0a0a0'\nprivate_address = '10.0.0.10'";
    assert_eq!(curl_code(changes, S3), SILENCE);
}

#[test]
#[ignore = "needs user namespaces"]
fn the_internet_sees_the_public_address() {
    let ran = run("nat", &["curl", "-sS", "-m", "5", "https://checkip.amazonaws.com/"]);
    assert_eq!(ran.text().trim(), "3.208.14.77", "{ran:?}");
    let ran = run("public", &["curl", "-sS", "-m", "5", "https://checkip.amazonaws.com/"]);
    assert_eq!(ran.text().trim(), "54.157.23.104", "{ran:?}");
}

#[test]
#[ignore = "needs user namespaces"]
fn metadata_is_reached_whatever_the_security_group_says() {
    let script = "token=$(curl -sS -m 2 -X PUT -H 'X-aws-ec2-metadata-token-ttl-seconds: 60' \
                  http://169.254.169.254/latest/api/token) && curl -sS -m 2 -H \"X-aws-ec2-metadata-token: $token\" \
                  http://169.254.169.254/latest/meta-data/placement/region";
    let closed = "[[change]]\nkind = 'egress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = []";
    let ran = run_changed(closed, &["sh", "-c", script]);
    assert_eq!(ran.text(), "us-east-1", "{ran:?}");
    assert_eq!(run_changed("[imds]\nfault = 'off'", &["sh", "-c", script]).code(), SILENCE);
    assert_eq!(run_changed("[imds]\nfault = 'refused'", &["sh", "-c", script]).code(), REFUSED);
}

#[test]
#[ignore = "needs user namespaces"]
fn names_resolve_as_the_vpc_says() {
    let ahosts = |changes: &str| {
        let text = run_changed(changes, &["getent", "ahostsv4", SSM]).text();
        let mut addresses: Vec<String> =
            text.lines().filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect();
        addresses.dedup();
        addresses
    };
    assert_eq!(ahosts(""), ["10.0.1.101", "10.0.2.101"]);
    let off = "[[change]]\nkind = 'private_dns'\nendpoint = 'vpce-01111111111111111'\nenabled = false";
    assert!(!ahosts(off).is_empty() && !ahosts(off)[0].starts_with("10."));
    assert!(ahosts("[dns]\nfault = 'servfail'").is_empty());
    assert_eq!(ahosts(&format!("[[dns.answers]]\nname = '{SSM}'\naddresses = ['10.0.1.77']")), ["10.0.1.77"]);
    assert_eq!(ahosts(&format!("[dns]\nhosts = ['10.0.1.78 {SSM}']")), ["10.0.1.78"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_resolver_of_the_company_may_know_other_names() {
    let changes = format!(
        "[[change]]\nkind = 'add_host'\nhost = {{ id = 'resolver', subnet = 'subnet-0c2c2c2c2c2c2c2c2', \
         address = '10.0.2.53', security_groups = ['sg-0f0f'] }}\n[dns]\nnameservers = ['10.0.2.53']\n\
         [[dns.resolvers]]\naddress = '10.0.2.53'\nanswers = [{{ name = '{SSM}', addresses = ['10.0.1.79'] }}]"
    );
    let changes = changes.replace("sg-0f0f", "sg-0a0a0a0a0a0a0a0a0");
    let open = "[[change]]\nkind = 'ingress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = [{ protocol = 'udp', \
                ports = [53, 53], peer = '10.0.0.0/16' }]\n";
    let asked = |changes: &str, name: &str| run_changed(changes, &["getent", "ahostsv4", name]).text();
    assert!(asked(&format!("{open}{changes}"), SSM).starts_with("10.0.1.79"));
    assert!(asked(&format!("{open}{changes}"), "sts.us-east-1.amazonaws.com").starts_with("10.0.1.104"));
}

#[test]
#[ignore = "needs user namespaces"]
fn a_proxy_carries_what_it_may_and_says_why_it_refuses_the_rest() {
    let through = |settings: &str, arguments: &[&str]| {
        let proxy = format!(
            "[[change]]\nkind = 'ingress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = [{{ protocol = 'tcp', \
             ports = [3128, 3128], peer = '10.0.0.0/16' }}]\n[[change]]\nkind = 'add_host'\nhost = {{ id = 'proxy', \
             subnet = 'subnet-0c2c2c2c2c2c2c2c2', address = '10.0.2.31', security_groups = \
             ['sg-0a0a0a0a0a0a0a0a0'] }}\n[[proxies]]\naddress = '10.0.2.31'\n{settings}\n[environment]\n\
             HTTPS_PROXY = 'http://10.0.2.31:3128'\n"
        );
        let mut command = vec!["curl", "-sS", "-m", "5", "-o", "/dev/null", "-D", "-"];
        let url = format!("https://{S3}/");
        command.extend(arguments);
        command.push(&url);
        run_changed(&proxy, &command)
    };
    let carried = through("", &[]);
    assert_eq!(carried.code(), 0, "{carried:?}");
    assert!(carried.text().contains("Via: 1.1 proxy.corp.example"), "{carried:?}");
    assert_eq!(carried.elements(), ["proxy"]);
    let direct = through("", &["--noproxy", ".amazonaws.com"]);
    assert_eq!(direct.elements(), ["vpce-0a3a3a3a3a3a3a3a3"], "{direct:?}");
    let denied = through(&format!("deny = ['{S3}']"), &[]);
    assert!(denied.text().starts_with("HTTP/1.1 403 "), "{denied:?}");
    let asked = "authorization = 'Basic dXNlcjpwYXNz'";
    assert!(through(asked, &[]).text().starts_with("HTTP/1.1 407 "));
    assert_eq!(through(asked, &["--proxy-user", "user:pass"]).code(), 0);
}

#[test]
#[ignore = "needs user namespaces"]
fn a_host_answers_as_aws_only_if_it_passes_tls_on_to_it() {
    let host = "[[change]]\nkind = 'ingress'\nsecurity_group = 'sg-0a0a0a0a0a0a0a0a0'\nrules = [{ protocol = 'tcp', \
                ports = [443, 443], peer = '10.0.0.0/16' }]\n[[change]]\nkind = 'set_route'\n\
                route_table = 'rtb-0b1b1b1b1b1b1b1b1'\ndestination = '0.0.0.0/0'\ntarget = 'nat-0f0f0f0f0f0f0f0f0'\n\
                [[change]]\nkind = 'add_host'\nhost = { id = 'tls-proxy', subnet = 'subnet-0c2c2c2c2c2c2c2c2', \
                address = '10.0.2.40', security_groups = ['sg-0a0a0a0a0a0a0a0a0'] }\n\
                [[dns.answers]]\nname = 'ssm.us-east-1.amazonaws.com'\naddresses = ['10.0.2.40']\n";
    assert_eq!(curl_code(host, SSM), REFUSED);
    let proxy = format!("{host}[[proxies]]\naddress = '10.0.2.40'\npasses_tls_to = '{SSM}'");
    let command = curl(SSM);
    let ran = run_changed(&proxy, &command.each_ref().map(String::as_str));
    assert_eq!((ran.code(), ran.elements()), (0, vec!["tls-proxy".to_owned()]), "{ran:?}");
}

#[test]
#[ignore = "needs user namespaces"]
fn nat_sends_on_by_the_table_of_its_own_subnet_which_may_lead_into_an_endpoint() {
    let changes = "[[change]]\nkind = 'remove_route'\nroute_table = 'rtb-0b1b1b1b1b1b1b1b1'\ndestination = 'pl-63a5400a'\n\
                   [[change]]\nkind = 'set_route'\nroute_table = 'rtb-0b1b1b1b1b1b1b1b1'\ndestination = '0.0.0.0/0'\n\
                   target = 'nat-0f0f0f0f0f0f0f0f0'\n[[change]]\nkind = 'set_route'\n\
                   route_table = 'rtb-0a0a0a0a0a0a0a0a0'\ndestination = 'pl-63a5400a'\ntarget = 'vpce-0a3a3a3a3a3a3a3a3'";
    let ran = run_changed(changes, &traceroute(S3));
    assert_eq!(trace(&ran)[0], "10.0.0.220", "{ran:?}");
    assert_eq!(ran.elements(), ["nat-0f0f0f0f0f0f0f0f0"]);
    assert_eq!(ran.truth["flows"][0]["onward"], serde_json::json!(["gateway_endpoint"]));
}

#[test]
#[ignore = "needs user namespaces"]
fn what_lies_behind_a_transit_gateway_is_counted_by_its_end() {
    let ssm = curl(SSM);
    let command = ssm.each_ref().map(String::as_str);
    assert_eq!(run("central-egress", &command).elements(), ["tgw-0a0b0c0d0e0f0a0b0"]);
    assert_eq!(run("hub-interface-endpoint", &command).elements(), ["vpce-0abababababababab"]);
}

#[test]
#[ignore = "needs user namespaces"]
fn the_command_has_no_privileges_and_a_clean_environment() {
    let ran = run("healthy-private", &["sh", "-c", "grep -E '^(Cap|NoNewPrivs|Uid)' /proc/self/status; env"]);
    let text = ran.text();
    for field in ["CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb"] {
        assert!(text.contains(&format!("{field}:\t0000000000000000")), "{field} in {text}");
    }
    assert!(text.contains("NoNewPrivs:\t1") && text.contains("Uid:\t1000\t1000\t1000\t1000"), "{text}");
    assert!(text.contains("HOME=/run/vpc-lab/home") && !text.contains("CARGO"), "{text}");
    let seen = &ran.truth["capabilities"];
    assert_eq!(seen["bounding"], "0000000000000000");
    assert_eq!(seen["no_new_privileges"], true);
    let ran = run("healthy-private", &["cat", "/sys/devices/virtual/dmi/id/sys_vendor"]);
    assert_eq!(ran.text(), "Amazon EC2\n", "{ran:?}");
}

#[test]
#[ignore = "needs user namespaces"]
fn exit_codes_pass_and_nothing_is_left_behind() {
    assert_eq!(run("isolated", &["sh", "-c", "exit 7"]).code(), 7);
    // The number is the mark by which the process is looked for afterwards.
    let ran = run("isolated", &["sh", "-c", "(setsid sleep 86399 &) ; echo started"]);
    assert_eq!(ran.text().trim(), "started");
    let left = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let command = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        command.starts_with(b"sleep\x0086399")
    });
    assert!(!left);
    assert_eq!(run("isolated", &["no-such-program"]).code(), 1);
}
