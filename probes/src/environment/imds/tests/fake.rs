//! An instance metadata service on loopback that reacts to each request as a test wants it, and records them.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::super::{Asked, ask};
use crate::step::Clock;

pub(super) const TOKEN: &str = "AQAEAexample==";
pub(super) const MAC: &str = "0e:49:61:0f:c3:11";
pub(super) const LIMIT: Duration = Duration::from_millis(600);

/// What the service does with one request.
pub(super) enum Reaction {
    Reply(u16, String),
    Raw(String),
    Late(Duration, u16, String),
    Silence,
}

use Reaction::{Late, Raw, Reply, Silence};

/// One request as the service saw it.
pub(super) struct Request {
    method: String,
    /// Below `/latest/`.
    pub(super) path: String,
    /// Whether it carries the right token.
    pub(super) has_token: bool,
}

impl Request {
    pub(super) fn is_put(&self) -> bool {
        self.method == "PUT"
    }
}

pub(super) struct Fake {
    pub(super) address: SocketAddr,
    pub(super) seen: Arc<Mutex<Vec<String>>>,
}

impl Fake {
    pub(super) async fn start(react: impl Fn(&Request) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (react, log) = (Arc::new(react), seen.clone());
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(stream, react.clone(), log.clone()));
            }
        });
        Self { address, seen }
    }

    pub(super) async fn ask(&self) -> (Asked, Duration) {
        let began = Instant::now();
        let asked = ask(&Clock::start(), self.address, began + LIMIT).await;
        (asked, began.elapsed())
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

pub(super) async fn serve(
    mut stream: TcpStream,
    react: Arc<impl Fn(&Request) -> Reaction>,
    log: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    loop {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let mut words = head.split_ascii_whitespace();
        let method = words.next()?.to_owned();
        let path = words.next()?.strip_prefix("/latest/")?.to_owned();
        let lower = head.to_ascii_lowercase();
        if method == "PUT" {
            assert!(lower.contains("x-aws-ec2-metadata-token-ttl-seconds: "), "{head}");
        }
        assert!(!lower.contains("x-forwarded-for"));
        let has_token = head.contains(TOKEN);
        log.lock().unwrap().push(format!("{method} {path}"));
        match react(&Request { method, path, has_token }) {
            reaction @ (Reply(..) | Late(..)) => {
                let (status, body) = match reaction {
                    Late(delay, status, body) => {
                        tokio::time::sleep(delay).await;
                        (status, body)
                    }
                    Reply(status, body) => (status, body),
                    Raw(_) | Silence => unreachable!(),
                };
                let reply = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}", body.len());
                stream.write_all(reply.as_bytes()).await.ok()?;
            }
            Raw(text) => {
                stream.write_all(text.as_bytes()).await.ok()?;
                return None;
            }
            Silence => tokio::time::sleep(Duration::from_mins(1)).await,
        }
    }
}

/// A healthy instance's answer to a path.
pub(super) fn healthy(path: &str) -> Reaction {
    let mac = format!("meta-data/network/interfaces/macs/{MAC}/");
    if let Some(fact) = path.strip_prefix(&mac) {
        return found(match fact {
            "interface-id" => "eni-1",
            "device-number" => "0",
            "owner-id" => "111111111111",
            "vpc-id" => "vpc-1",
            "subnet-id" => "subnet-1",
            "local-ipv4s" => "10.0.1.5\n10.0.1.6",
            "ipv6s" => "2600:1f18::5",
            "vpc-ipv4-cidr-blocks" => "10.0.0.0/16\n100.64.0.0/16\nnonsense",
            "subnet-ipv4-cidr-block" => "10.0.1.0/24",
            "security-group-ids" => "sg-1\nsg-2",
            _ => return Reply(404, "not found".to_owned()),
        });
    }
    found(match path {
        "meta-data/placement/region" => "us-east-1",
        "meta-data/placement/availability-zone" => "us-east-1a",
        "meta-data/placement/availability-zone-id" => "use1-az6",
        "meta-data/services/domain" => "amazonaws.com",
        "meta-data/services/partition" => "aws",
        "meta-data/instance-id" => "i-0123456789abcdef0",
        "meta-data/network/interfaces/macs/" => return found(&format!("{MAC}/\nnot-a-mac/\n../../x/")),
        "meta-data/iam/info" => {
            r#"{"Code":"Success","InstanceProfileArn":"arn:aws:iam::1:instance-profile/web"}"#
        }
        "meta-data/iam/security-credentials/" => "web-role",
        "meta-data/iam/security-credentials/web-role" => {
            r#"{"Code":"Success","AccessKeyId":"ASIAX","SecretAccessKey":"hush","Token":"tok","Expiration":"2026-01-01T06:00:00Z"}"#
        }
        "dynamic/instance-identity/document" => {
            r#"{"accountId":"222222222222","region":"us-east-1","imageId":"ami-1","instanceType":"t3.micro","x":[1]}"#
        }
        _ => return Reply(404, "not found".to_owned()),
    })
}

pub(super) fn found(text: &str) -> Reaction {
    Reply(200, text.to_owned())
}

/// A service that requires tokens.
pub(super) fn strict(request: &Request) -> Reaction {
    match (request.is_put(), request.has_token) {
        (true, _) => found(TOKEN),
        (false, true) => healthy(&request.path),
        (false, false) => Reply(401, String::new()),
    }
}
