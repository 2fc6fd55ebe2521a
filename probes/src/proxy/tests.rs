//! Loopback proxies: one that opens tunnels, and those that refuse, keep silent, or are no proxies.

use std::sync::Mutex;
use std::time::Duration;

use aws_credential_types::Credentials;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::environment::{Host, ProxyAuthorizations};
use crate::loopback::{Authority, Service, http, peer, silent_peer, soon};
use crate::observations::TargetObservation;
use crate::plan::{CallPlan, ProbePlan, TargetPlan};
use crate::run::Board;
use crate::run::run_on_port;
use crate::run::tests::{context, host, plan, target};
use crate::step::Clock;

const VARIABLE: &str = "https_proxy";
const OPENED: &str = "HTTP/1.1 200 Connection established\r\nVia: 1.1 gate (squid)\r\nServer: squid\r\n\r\n";

/// A proxy that opens tunnels to one service, whatever it is asked for, and remembers what it was asked.
struct Tunnels {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Tunnels {
    async fn start(service: SocketAddr, answer: &'static str, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let log = Arc::clone(&heads);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (log, tls) = (Arc::clone(&log), tls.clone());
                tokio::spawn(async move {
                    let mut stream: Stream = match tls {
                        None => Box::new(stream),
                        Some(acceptor) => match acceptor.accept(stream).await {
                            Ok(stream) => Box::new(stream),
                            Err(_) => return,
                        },
                    };
                    let mut head = Vec::new();
                    while !head.ends_with(b"\r\n\r\n") {
                        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
                            return;
                        }
                    }
                    log.lock().unwrap().push(String::from_utf8(head).unwrap());
                    stream.write_all(answer.as_bytes()).await.unwrap();
                    let mut service = TcpStream::connect(service).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut service).await;
                });
            }
        });
        Self { address, heads }
    }

    fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// A service behind TLS that refuses everything, the port it listens on being the target's.
async fn service(authority: &Authority) -> Service {
    Service::start(authority.server("localhost", 2100), |_| {
        http("403 Forbidden", "x-amz-request-id: R\r\n", "<Error><Code>AccessDenied</Code></Error>")
    })
    .await
}

fn by(host: &str, port: u16, over_tls: bool) -> TargetPlan {
    let proxy = ProxyPlan { variable: VARIABLE.to_owned(), host: host.to_owned(), port, over_tls };
    TargetPlan { proxy: Some(proxy), ..target("s3") }
}

/// What is seen of one target through its proxy, the target's service listening on `port`.
async fn seen_with(
    plan: ProbePlan,
    port: u16,
    credentials: Option<Credentials>,
    authorizations: ProxyAuthorizations,
    budget: Duration,
) -> Proxied {
    let board = Board::skeleton(&plan);
    let proxy = plan.targets[0].proxy.clone().unwrap();
    let mut context = context(&board, plan, port, credentials);
    context.until = Until::at(Instant::now() + budget);
    Arc::get_mut(&mut context.shared).unwrap().proxy_authorizations = authorizations;
    observe(&context, &proxy).await;
    board.finish().targets.remove(0).proxied.unwrap()
}

async fn seen(target: TargetPlan, budget: Duration) -> Proxied {
    seen_with(plan(vec![target]), 443, None, ProxyAuthorizations::default(), budget).await
}

const AMPLE: Duration = Duration::from_secs(10);

/// How a proxy that answers a request for a tunnel in this way does not open it.
async fn failure<F>(then: fn(TcpStream) -> F) -> ProxyFailure
where
    F: Future<Output = ()> + Send + 'static,
{
    let proxied = seen(by("127.0.0.1", peer(then).await.port(), false), AMPLE).await;
    assert!(proxied.tcp.done().is_some());
    assert_eq!(proxied.tls.skip_reason(), Some(SkipReason::PreviousStepFailed));
    assert_eq!(proxied.call.skip_reason(), Some(SkipReason::PreviousStepFailed));
    proxied.connect.failed().cloned().unwrap_or_else(|| panic!("{proxied:?}"))
}

async fn say(mut stream: TcpStream, text: &str) {
    let _ = stream.write_all(text.as_bytes()).await;
    // A close with unread bytes would be a reset; the other side hangs up first.
    let _ = stream.read(&mut [0; 1]).await;
}

#[tokio::test]
async fn a_run_measures_the_way_through_the_proxy_beside_the_direct_one() {
    let authority = Authority::new("Test Authority");
    let (service, bundle) = (service(&authority).await, authority.bundle());
    let proxy = Tunnels::start(service.address, OPENED, None).await;
    let mut plan = plan(vec![by("localhost", proxy.address.port(), false)]);
    plan.ca_bundle = Some(bundle.path().to_owned());
    let stop = std::future::pending();
    let seen = run_on_port(service.address.port(), &plan, &host(), &Clock::start(), stop).await;
    let TargetObservation { attempts, proxied, .. } = &seen.targets[0];
    assert_eq!(attempts[0].call.done().map(|reply| reply.status), Some(403));
    let proxied = proxied.as_ref().unwrap();
    assert_eq!(proxied.proxy, format!("localhost:{}", proxy.address.port()));
    assert_eq!(proxied.address, Some(proxy.address.ip()));
    assert!(proxied.tcp.done().is_some_and(|connection| connection.send_mss.is_some()));
    let expected =
        ProxyAnswer { status: 200, via: Some("1.1 gate (squid)".into()), server: Some("squid".into()) };
    assert_eq!(proxied.connect.done(), Some(&expected));
    assert!(proxied.tls.done().unwrap().trust.accepted());
    let reply = proxied.call.done().unwrap();
    assert_eq!((reply.status, reply.code.as_deref()), (403, Some("AccessDenied")));
    let authority = format!("localhost:{}", service.address.port());
    let head = &proxy.heads()[0];
    assert!(head.starts_with(&format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n")), "{head}");
    assert!(!head.to_ascii_lowercase().contains("proxy-authorization"), "{head}");
    assert_eq!(service.requests().len(), 2);
}

#[tokio::test]
async fn an_old_proxys_answer_opens_a_tunnel_as_well() {
    let authority = Authority::new("Test Authority");
    let service = service(&authority).await;
    let proxy = Tunnels::start(service.address, "HTTP/1.0 200 OK\r\n\r\n", None).await;
    let seen = seen(by("127.0.0.1", proxy.address.port(), false), AMPLE).await;
    assert_eq!(seen.connect.done(), Some(&ProxyAnswer { status: 200, via: None, server: None }));
    assert_eq!(seen.call.done().map(|reply| reply.status), Some(403));
}

#[tokio::test]
async fn the_call_through_a_tunnel_is_signed_only_for_a_trusted_peer() {
    let authority = Authority::new("Test Authority");
    for (bundle, signed) in [(authority.bundle(), true), (Authority::new("Other").bundle(), false)] {
        let service = service(&authority).await;
        let proxy = Tunnels::start(service.address, OPENED, None).await;
        let target = by("127.0.0.1", proxy.address.port(), false);
        let mut plan = plan(vec![TargetPlan { call: CallPlan::DynamoDbListTables, ..target }]);
        plan.ca_bundle = Some(bundle.path().to_owned());
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("token".to_owned()), None, "test");
        let seen = seen_with(plan, 443, Some(credentials), ProxyAuthorizations::default(), AMPLE).await;
        assert_eq!(seen.call.done().map(|reply| reply.signed), Some(signed));
        assert_eq!(service.requests()[0].contains("AKIDEXAMPLE"), signed);
        assert!(!proxy.heads()[0].contains("AKIDEXAMPLE"));
    }
}

#[tokio::test]
async fn the_variables_user_and_password_go_to_the_proxy_and_nowhere_else() {
    let authority = Authority::new("Test Authority");
    let service = service(&authority).await;
    let proxy = Tunnels::start(service.address, OPENED, None).await;
    let mut authorizations = ProxyAuthorizations::default();
    authorizations.keep(VARIABLE, "alice:p%40ss:word");
    authorizations.keep("ftp_proxy", "bob:other");
    let plan = plan(vec![by("127.0.0.1", proxy.address.port(), false)]);
    let seen = seen_with(plan, 443, None, authorizations.clone(), AMPLE).await;
    // `alice:p@ss:word`
    let sent = "proxy-authorization: Basic YWxpY2U6cEBzczp3b3Jk\r\n";
    assert!(proxy.heads()[0].contains(sent), "{:?}", proxy.heads());
    assert_eq!(seen.call.done().map(|reply| reply.status), Some(403));
    let told = format!("{seen:?} {} {authorizations:?}", serde_json::to_string(&seen).unwrap());
    let given = Host { proxy_authorizations: authorizations, ..host() };
    let told = format!("{told} {given:?}");
    for secret in ["alice", "p@ss", "p%40ss", "YWxp"] {
        assert!(!told.contains(secret), "{told}");
        assert!(!service.requests().concat().contains(secret));
    }
}

#[tokio::test]
async fn a_wanted_password_is_told_with_the_schemes_and_whether_one_was_sent() {
    let refuse = |stream| async {
        let fields = "Proxy-Authenticate: NTLM\r\nProxy-Authenticate: Basic realm=\"gate\"\r\n";
        say(stream, &http("407 Proxy Authentication Required", fields, "")).await;
    };
    for sent in [false, true] {
        let mut authorizations = ProxyAuthorizations::default();
        if sent {
            authorizations.keep(VARIABLE, "alice");
        }
        let plan = plan(vec![by("127.0.0.1", peer(refuse).await.port(), false)]);
        let seen = seen_with(plan, 443, None, authorizations, AMPLE).await;
        let schemes = vec!["NTLM".to_owned(), "Basic".to_owned()];
        assert_eq!(seen.connect.failed(), Some(&ProxyFailure::AuthenticationRequired { sent, schemes }));
    }
}

#[tokio::test]
async fn a_refusal_keeps_its_status_and_the_proxys_own_reason() {
    let refused = |status, reason: &str| ProxyFailure::Refused { status, reason: Some(reason.to_owned()) };
    let seen = failure(|stream| async {
        say(stream, &http("403 Forbidden", "X-Squid-Error: ERR_ACCESS_DENIED 0\r\n", "<html>")).await;
    });
    assert_eq!(seen.await, refused(403, "ERR_ACCESS_DENIED 0"));
    let seen = failure(|stream| async { say(stream, &http("502 Upstream  Gone", "", "")).await });
    assert_eq!(seen.await, refused(502, "Upstream Gone"));
    let seen = failure(|stream| async { say(stream, &http("405 Method Not Allowed", "", "")).await });
    assert_eq!(seen.await, refused(405, "Method Not Allowed"));
}

#[tokio::test]
async fn a_silent_proxy_is_timed_out_with_the_chains_budget() {
    let began = Instant::now();
    let budget = Duration::from_millis(300);
    let seen = seen(by("127.0.0.1", silent_peer().await.port(), false), budget).await;
    assert!(began.elapsed() >= budget && began.elapsed() < AMPLE / 2);
    assert_eq!(seen.connect.failed(), Some(&ProxyFailure::TimedOut));
    assert!(seen.connect.elapsed_ms > 200.0);
    assert_eq!(seen.tls.skip_reason(), Some(SkipReason::PreviousStepFailed));
}

#[tokio::test]
async fn a_proxy_that_only_says_to_wait_is_timed_out() {
    let endless = |mut stream: TcpStream| async move {
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {}
    };
    let seen = seen(by("127.0.0.1", peer(endless).await.port(), false), Duration::from_millis(300)).await;
    assert_eq!(seen.connect.failed(), Some(&ProxyFailure::TimedOut));
}

#[tokio::test]
async fn a_proxy_that_hangs_up_or_resets_has_closed() {
    assert_eq!(failure(|stream| async { drop(stream) }).await, ProxyFailure::Closed);
    let reset = |stream: TcpStream| async move { stream.set_zero_linger().unwrap() };
    assert_eq!(failure(reset).await, ProxyFailure::Closed);
    let half =
        |mut stream: TcpStream| async move { stream.write_all(b"HTTP/1.1 200 OK\r\nVia").await.unwrap() };
    assert_eq!(failure(half).await, ProxyFailure::Closed);
}

#[tokio::test]
async fn garbage_and_a_head_without_end_are_no_proxy() {
    let seen = failure(|stream| async { say(stream, "220 mail.example ESMTP\r\n").await }).await;
    assert!(matches!(seen, ProxyFailure::NotAProxy { .. }), "{seen:?}");
    let seen = failure(|stream| async { say(stream, "\u{15}\u{3}\u{1}\0\u{2}\u{2}F").await }).await;
    assert!(matches!(seen, ProxyFailure::NotAProxy { .. }), "{seen:?}");
    let huge = |mut stream: TcpStream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nVia: ").await;
        while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
    };
    let seen = failure(huge).await;
    assert!(matches!(seen, ProxyFailure::NotAProxy { .. }), "{seen:?}");
}

#[tokio::test]
async fn bytes_behind_the_head_belong_to_the_tunnel() {
    let chatty = |stream| async { say(stream, "HTTP/1.1 200 OK\r\n\r\nHello, who is there?").await };
    let seen = seen(by("127.0.0.1", peer(chatty).await.port(), false), AMPLE).await;
    assert_eq!(seen.connect.done().map(|answer| answer.status), Some(200));
    assert!(matches!(seen.tls.failed(), Some(TlsFailure::NotTls { .. })), "{seen:?}");
    assert_eq!(seen.call.skip_reason(), Some(SkipReason::PreviousStepFailed));
}

#[tokio::test]
async fn a_proxy_over_tls_is_used_when_somebody_vouches_for_it() {
    let authority = Authority::new("Test Authority");
    let service = service(&authority).await;
    for (bundle, trusted) in [(authority.bundle(), true), (Authority::new("Other").bundle(), false)] {
        let acceptor = TlsAcceptor::from(authority.server("localhost", 2100));
        let proxy = Tunnels::start(service.address, OPENED, Some(acceptor)).await;
        let mut plan = plan(vec![by("localhost", proxy.address.port(), true)]);
        plan.ca_bundle = Some(bundle.path().to_owned());
        let mut authorizations = ProxyAuthorizations::default();
        authorizations.keep(VARIABLE, "alice:secret");
        let seen = seen_with(plan, 443, None, authorizations, AMPLE).await;
        assert_eq!(seen.call.done().is_some(), trusted, "{seen:?}");
        assert_eq!(proxy.heads().len(), usize::from(trusted));
        assert_eq!(matches!(seen.connect.failed(), Some(ProxyFailure::Untrusted { .. })), !trusted);
    }
}

#[tokio::test]
async fn a_plain_proxy_that_is_said_to_speak_tls_is_told_apart() {
    let plain = |stream| async { say(stream, &http("400 Bad Request", "", "")).await };
    let seen = seen(by("127.0.0.1", peer(plain).await.port(), true), AMPLE).await;
    let failure = seen.connect.failed();
    assert!(matches!(failure, Some(ProxyFailure::Tls { failure: TlsFailure::NotTls { .. } })), "{failure:?}");
}

#[tokio::test]
async fn a_proxy_whose_name_is_not_found_fails_the_request_for_a_tunnel() {
    let seen = seen(by("no-such-proxy.invalid", 3128, false), AMPLE).await;
    let expected = ProxyFailure::NotResolved { lookup: LookupFailure::NotFound };
    assert_eq!(seen.connect.failed(), Some(&expected));
    assert_eq!(seen.tcp.skip_reason(), Some(SkipReason::PreviousStepFailed));
    assert_eq!((seen.address, seen.proxy.as_str()), (None, "no-such-proxy.invalid:3128"));
}

#[tokio::test]
async fn a_proxy_that_is_not_there_keeps_its_address() {
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let seen = seen(by("127.0.0.1", closed, false), AMPLE).await;
    assert_eq!(seen.tcp.failed(), Some(&TcpFailure::Refused));
    assert_eq!(seen.address, Some("127.0.0.1".parse().unwrap()));
    assert_eq!(seen.connect.skip_reason(), Some(SkipReason::PreviousStepFailed));
}

#[tokio::test]
async fn an_address_of_a_family_that_is_switched_off_is_not_tried() {
    let seen = seen(by("[::1]", 3128, false), AMPLE).await;
    assert_eq!(seen.proxy, "[::1]:3128");
    assert_eq!(seen.tcp.skip_reason(), Some(SkipReason::Disabled));
    assert_eq!(seen.connect.skip_reason(), Some(SkipReason::Disabled));
}

#[tokio::test]
async fn the_first_address_that_stands_is_taken_and_else_the_first_ones_failure() {
    let listener = TcpListener::bind("127.0.0.2:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let addresses: Vec<IpAddr> = ["127.0.0.1", "127.0.0.2"].map(|text| text.parse().unwrap()).to_vec();
    let (_, (address, _)) = first_standing(&addresses, port, &soon()).await.unwrap();
    assert_eq!(address, addresses[1]);
    drop(listener);
    assert_eq!(first_standing(&addresses, port, &soon()).await.unwrap_err(), TcpFailure::Refused);
}

#[tokio::test]
async fn a_run_that_is_over_before_it_starts_still_names_the_proxy() {
    let plan = plan(vec![by("proxy.example", 3128, false)]);
    let seen = run_on_port(443, &plan, &host(), &Clock::start(), std::future::ready(())).await;
    let proxied = seen.targets[0].proxied.as_ref().unwrap();
    assert_eq!(proxied.proxy, "proxy.example:3128");
    assert_eq!(proxied.connect.skip_reason(), Some(SkipReason::OutOfTime));
    let text = serde_json::to_string(proxied).unwrap();
    assert_eq!(serde_json::from_str::<Proxied>(&text).unwrap(), *proxied);
}
