//! The conversation against a service of our own on loopback.

mod fake;

use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::net::TcpListener;

use self::fake::Reaction::{Late, Raw, Reply, Silence};
use self::fake::{Fake, LIMIT, MAC, Reaction, Request, TOKEN, found, healthy, strict};
use super::*;

fn token_failure(asked: &Asked) -> &ImdsFailure {
    asked.imds.token.as_ref().unwrap().failed().unwrap()
}

fn status_without_token(asked: &Asked) -> Option<u16> {
    asked.imds.without_token.as_ref().and_then(|step| step.done().copied())
}

#[tokio::test]
async fn a_healthy_service_gives_every_fact() {
    let fake = Fake::start(strict).await;
    let (asked, _) = fake.ask().await;
    assert!(asked.imds.token.as_ref().unwrap().done().is_some());
    assert!(asked.imds.without_token.is_none());
    assert!(asked.imds.metadata.as_ref().unwrap().done().is_some());
    assert!(asked.imds.credentials.as_ref().unwrap().done().is_some());
    let metadata = &asked.metadata;
    let text = |value: &Option<String>| value.clone().unwrap();
    assert_eq!(text(&metadata.region), "us-east-1");
    assert_eq!(text(&metadata.availability_zone), "us-east-1a");
    assert_eq!(text(&metadata.availability_zone_id), "use1-az6");
    assert_eq!(text(&metadata.domain), "amazonaws.com");
    assert_eq!(text(&metadata.partition), "aws");
    assert_eq!(text(&metadata.instance_id), "i-0123456789abcdef0");
    assert_eq!(text(&metadata.account_id), "222222222222");
    assert_eq!(text(&metadata.image_id), "ami-1");
    assert_eq!(text(&metadata.instance_type), "t3.micro");
    assert_eq!(text(&metadata.role), "web-role");
    assert_eq!(metadata.interfaces.len(), 1);
    let interface = &metadata.interfaces[0];
    assert_eq!((interface.mac.as_str(), interface.device_number), (MAC, Some(0)));
    assert_eq!(interface.vpc_cidrs.len(), 2);
    assert_eq!(interface.private_ips.len(), 3);
    assert_eq!(interface.security_group_ids, ["sg-1", "sg-2"]);
    assert!(interface.public_ipv4s.is_empty());
    assert_eq!(asked.role.unwrap().keys.secret_access_key, "hush");
    assert!(fake.requests().iter().all(|request| !request.contains("..")), "{:?}", fake.requests());
}

#[tokio::test]
async fn nothing_that_is_reported_holds_a_secret() {
    let (asked, _) = Fake::start(strict).await.ask().await;
    let text = format!("{} {asked:?}", serde_json::to_string(&asked.imds).unwrap());
    for secret in ["hush", "\"tok\"", "ASIAX", TOKEN] {
        assert!(!text.contains(secret), "{text}");
    }
}

#[tokio::test]
async fn each_refusal_of_the_token_is_told_apart() {
    for (status, expected) in [
        (400, ImdsFailure::BadRequest),
        (401, ImdsFailure::Unauthorized),
        (403, ImdsFailure::Forbidden),
        (404, ImdsFailure::NotFound),
        (503, ImdsFailure::Unavailable),
        (302, ImdsFailure::Status { status: 302 }),
        (500, ImdsFailure::Status { status: 500 }),
    ] {
        let fake = Fake::start(move |_| Reply(status, String::new())).await;
        let (asked, _) = fake.ask().await;
        assert_eq!(token_failure(&asked), &expected);
        assert_eq!(status_without_token(&asked), Some(status));
        assert!(asked.imds.metadata.is_none());
        let without = asked.imds.without_token.unwrap();
        assert!(without.start_ms < millis(LIMIT / 2), "waited although the refusal was known: {without:?}");
    }
}

#[tokio::test]
async fn a_closed_port_is_told_at_once() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let fake = Fake { address: listener.local_addr().unwrap(), seen: Arc::default() };
    drop(listener);
    let (asked, took) = fake.ask().await;
    assert_eq!(token_failure(&asked), &ImdsFailure::Refused);
    assert!(asked.imds.without_token.is_none() && took < LIMIT);
}

#[tokio::test]
async fn a_silent_service_costs_no_more_than_the_limit() {
    let (asked, took) = Fake::start(|_| Silence).await.ask().await;
    assert_eq!(token_failure(&asked), &ImdsFailure::TimedOut);
    let without = asked.imds.without_token.unwrap();
    assert_eq!(without.failed(), Some(&ImdsFailure::TimedOut));
    let half = millis(LIMIT / 2);
    assert!(without.start_ms < half + 100.0 && without.elapsed_ms > half - 100.0, "{without:?}");
    assert!(
        took + Duration::from_millis(20) >= LIMIT && took < LIMIT + Duration::from_millis(500),
        "{took:?}"
    );
}

#[tokio::test]
async fn a_hop_limit_shows_as_a_token_that_never_comes() {
    let required =
        Fake::start(|request| if request.is_put() { Silence } else { Reply(401, String::new()) }).await;
    let (asked, took) = required.ask().await;
    assert_eq!((token_failure(&asked), status_without_token(&asked)), (&ImdsFailure::TimedOut, Some(401)));
    assert!(asked.imds.metadata.is_none() && took < LIMIT + Duration::from_millis(500));

    let optional =
        Fake::start(|request| if request.is_put() { Silence } else { healthy(&request.path) }).await;
    let (asked, took) = optional.ask().await;
    assert_eq!((token_failure(&asked), status_without_token(&asked)), (&ImdsFailure::TimedOut, Some(200)));
    assert_eq!(asked.metadata.region.as_deref(), Some("us-east-1"));
    assert!(asked.role.is_some() && took < LIMIT);
}

#[tokio::test]
async fn a_late_token_is_still_taken() {
    let fake = Fake::start(|request| {
        if request.is_put() { Late(LIMIT * 2 / 3, 200, TOKEN.to_owned()) } else { strict(request) }
    });
    let (asked, _) = fake.await.ask().await;
    assert!(asked.imds.token.as_ref().unwrap().done().is_some());
    assert_eq!(status_without_token(&asked), Some(401));
    assert_eq!(asked.metadata.region.as_deref(), Some("us-east-1"));
}

#[tokio::test]
async fn a_service_without_tokens_still_works() {
    let fake = Fake::start(
        |request| if request.is_put() { Reply(404, String::new()) } else { healthy(&request.path) },
    )
    .await;
    let (asked, _) = fake.ask().await;
    assert_eq!((token_failure(&asked), status_without_token(&asked)), (&ImdsFailure::NotFound, Some(200)));
    assert_eq!(asked.metadata.instance_id.as_deref(), Some("i-0123456789abcdef0"));
}

#[tokio::test]
async fn a_token_that_is_not_accepted_shows_at_the_first_path() {
    let fake =
        Fake::start(|request| if request.is_put() { found(TOKEN) } else { Reply(401, String::new()) }).await;
    let (asked, _) = fake.ask().await;
    assert_eq!(asked.imds.metadata.unwrap().failed(), Some(&ImdsFailure::Unauthorized));
    assert_eq!(asked.imds.credentials.unwrap().failed(), Some(&ImdsFailure::Unauthorized));
}

#[tokio::test]
async fn what_is_not_the_services_answer_is_malformed() {
    let long = "x".repeat(200_000);
    for token in ["", "line\nbreak", long.as_str()] {
        let token = token.to_owned();
        let fake =
            Fake::start(
                move |request| {
                    if request.is_put() { Reply(200, token.clone()) } else { Reply(401, String::new()) }
                },
            );
        assert!(matches!(token_failure(&fake.await.ask().await.0), ImdsFailure::Malformed { .. }));
    }
    let flood = Fake::start(move |request| {
        if request.is_put() { found(TOKEN) } else { Reply(200, format!("us-east-1{}", " ".repeat(200_000))) }
    });
    let (asked, _) = flood.await.ask().await;
    let failure = asked.imds.metadata.unwrap().failed().cloned();
    assert!(matches!(failure, Some(ImdsFailure::Malformed { .. })) && asked.metadata.region.is_none());
    let page =
        Fake::start(|request| if request.is_put() { found(TOKEN) } else { found("<html>sign in</html>") });
    let (asked, _) = page.await.ask().await;
    assert!(matches!(asked.imds.metadata.unwrap().failed(), Some(ImdsFailure::Malformed { .. })));
    assert!(asked.metadata.region.is_none() && asked.metadata.instance_id.is_none());
    assert!(asked.metadata.interfaces.is_empty() && asked.role.is_none());
}

#[tokio::test]
async fn what_is_not_http_is_told_with_its_error() {
    let fake = Fake::start(|_| Raw("220 mail.example ESMTP\r\n".to_owned())).await;
    let (asked, _) = fake.ask().await;
    assert!(matches!(token_failure(&asked), ImdsFailure::Other { .. }), "{:?}", asked.imds);
    let cut = Fake::start(|_| Raw("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort".to_owned())).await;
    let (asked, _) = cut.ask().await;
    assert!(matches!(token_failure(&asked), ImdsFailure::Other { .. }), "{:?}", asked.imds);
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = Fake::start(strict).await;
    let location = format!("http://{}/latest/api/token", other.address);
    let fake = Fake::start(move |_| {
        Raw(format!(
            "HTTP/1.1 307 X\r\nLocation: {location}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        ))
    });
    let (asked, _) = fake.await.ask().await;
    assert_eq!(token_failure(&asked), &ImdsFailure::Status { status: 307 });
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn each_state_of_the_role_is_told_apart() {
    let with = |path: &'static str, reaction: fn() -> Reaction| {
        Fake::start(move |request: &Request| {
            if !request.is_put() && request.path.starts_with(path) { reaction() } else { strict(request) }
        })
    };
    let failure = |asked: Asked| asked.imds.credentials.unwrap().failed().cloned().unwrap();

    let none = with("meta-data/iam/", || Reply(404, String::new())).await;
    assert_eq!(failure(none.ask().await.0), ImdsFailure::NotFound);

    let untrusted = with("meta-data/iam/security-credentials/web", || {
        found(r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role web-role."}"#)
    });
    let (asked, _) = untrusted.await.ask().await;
    assert_eq!(asked.metadata.role.as_deref(), Some("web-role"));
    assert!(
        matches!(failure(asked), ImdsFailure::RoleUnusable { code, .. } if code == "AssumeRoleUnauthorizedAccess")
    );

    let gone = Fake::start(|request: &Request| match request.path.as_str() {
        "meta-data/iam/security-credentials/" => Reply(404, String::new()),
        "meta-data/iam/info" => found(r#"{"Code":"InstanceProfileNotFound","Message":"no such profile"}"#),
        _ => strict(request),
    });
    let (asked, _) = gone.await.ask().await;
    assert!(
        matches!(failure(asked), ImdsFailure::RoleUnusable { code, .. } if code == "InstanceProfileNotFound")
    );

    let broken = with("meta-data/iam/security-credentials/web", || found("{")).await;
    assert!(matches!(failure(broken.ask().await.0), ImdsFailure::Malformed { .. }));

    let slow = with("meta-data/iam/security-credentials/web", || Silence).await;
    let (asked, took) = slow.ask().await;
    assert_eq!(asked.metadata.region.as_deref(), Some("us-east-1"));
    assert_eq!(failure(asked), ImdsFailure::TimedOut);
    assert!(took < LIMIT + Duration::from_millis(500), "{took:?}");
}

#[tokio::test]
async fn silence_in_the_middle_keeps_what_came_before() {
    let fake = Fake::start(|request: &Request| {
        if request.path.contains("/macs/") || request.path.contains("identity") {
            Silence
        } else {
            strict(request)
        }
    });
    let (asked, took) = fake.await.ask().await;
    assert!(took < LIMIT + Duration::from_millis(500), "{took:?}");
    assert_eq!(asked.metadata.region.as_deref(), Some("us-east-1"));
    assert_eq!(asked.metadata.availability_zone.as_deref(), Some("us-east-1a"));
    assert!(asked.role.is_some() && asked.metadata.interfaces.is_empty());
}
