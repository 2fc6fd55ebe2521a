//! A name server on loopback that answers each question as a test wants it, over UDP and TCP, and records them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, CNAME, SOA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use super::super::{AnswerStep, ask_server};
use crate::observations::{Answer, LookupFailure, Transport};
use crate::plan::Families;
use crate::step::{Clock, SkipReason};

pub(super) const HOST: &str = "s3.us-east-1.amazonaws.com";
pub(super) const BOTH: Families = Families { ipv4: true, ipv6: true };
pub(super) const ONLY_IPV4: Families = Families { ipv4: true, ipv6: false };

/// What the server sends back: whole datagrams, or over TCP whole messages.
pub(super) type Replies = Vec<Vec<u8>>;

/// One question as the server saw it.
#[derive(Clone)]
pub(super) struct Asked {
    pub(super) message: Message,
    pub(super) transport: Transport,
    pub(super) port: u16,
}

pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) asked: Arc<Mutex<Vec<Asked>>>,
}

impl Server {
    pub(super) async fn start(
        ip: IpAddr,
        answer: impl Fn(&Asked) -> Replies + Send + Sync + 'static,
    ) -> Self {
        // Both transports share one port; the kernel picks it for one and it may be taken in the other.
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind((ip, 0)).await.unwrap();
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let address = udp.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(answer);
        let (seen, respond) = (asked.clone(), answer.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            loop {
                let (length, from) = udp.recv_from(&mut buffer).await.unwrap();
                let message = Message::from_vec(&buffer[..length]).unwrap();
                let question = Asked { message, transport: Transport::Udp, port: from.port() };
                seen.lock().unwrap().push(question.clone());
                for reply in respond(&question) {
                    udp.send_to(&reply, from).await.unwrap();
                }
            }
        });
        let seen = asked.clone();
        tokio::spawn(async move {
            loop {
                let (mut stream, from) = tcp.accept().await.unwrap();
                let length = stream.read_u16().await.unwrap();
                let mut buffer = vec![0; usize::from(length)];
                stream.read_exact(&mut buffer).await.unwrap();
                let message = Message::from_vec(&buffer).unwrap();
                let question = Asked { message, transport: Transport::Tcp, port: from.port() };
                seen.lock().unwrap().push(question.clone());
                for reply in answer(&question) {
                    stream.write_u16(u16::try_from(reply.len()).unwrap()).await.unwrap();
                    stream.write_all(&reply).await.unwrap();
                }
            }
        });
        Self { address, asked }
    }

    pub(super) async fn on_loopback(answer: impl Fn(&Asked) -> Replies + Send + Sync + 'static) -> Self {
        Self::start(Ipv4Addr::LOCALHOST.into(), answer).await
    }

    pub(super) async fn ask_for(&self, families: Families, limit: Duration) -> (AnswerStep, AnswerStep) {
        ask_server(&Clock::start(), self.address, HOST, families, Instant::now() + limit).await
    }

    /// The outcome of the question for IPv4 addresses.
    pub(super) async fn a(&self) -> Result<Answer, LookupFailure> {
        let (a, aaaa) = self.ask_for(ONLY_IPV4, Duration::from_secs(3)).await;
        assert_eq!(aaaa.skip_reason(), Some(SkipReason::Disabled));
        result(a)
    }

    pub(super) fn transports(&self) -> Vec<Transport> {
        self.asked.lock().unwrap().iter().map(|asked| asked.transport).collect()
    }
}

pub(super) fn result(step: AnswerStep) -> Result<Answer, LookupFailure> {
    match step.outcome {
        crate::step::Outcome::Done(answer) => Ok(answer),
        crate::step::Outcome::Failed(failure) => Err(failure),
        crate::step::Outcome::Skipped(reason) => panic!("skipped: {reason:?}"),
    }
}

pub(super) fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

pub(super) fn record(owner: &str, ttl: u32, data: RData) -> Record {
    Record::from_rdata(name(owner), ttl, data)
}

pub(super) fn alias(owner: &str, ttl: u32, target: &str) -> Record {
    record(owner, ttl, RData::CNAME(CNAME(name(target))))
}

pub(super) fn address(owner: &str, ttl: u32, last: u8) -> Record {
    record(owner, ttl, RData::A(A(Ipv4Addr::new(10, 0, 0, last))))
}

pub(super) fn authority(zone: &str) -> Record {
    record(zone, 60, RData::SOA(SOA::new(name("ns."), name("host."), 1, 2, 3, 4, 5)))
}

/// A reply to this question, with a code and records.
pub(super) fn reply(
    asked: &Asked,
    code: ResponseCode,
    answers: &[Record],
    authorities: &[Record],
) -> Message {
    let mut message = Message::response(asked.message.metadata.id, asked.message.metadata.op_code);
    message.metadata.response_code = code;
    message.add_queries(asked.message.queries.clone());
    message.add_answers(answers.to_vec());
    message.add_authorities(authorities.to_vec());
    message
}

pub(super) fn bytes(message: &Message) -> Replies {
    vec![message.to_vec().unwrap()]
}

pub(super) fn is_ipv4(asked: &Asked) -> bool {
    asked.message.queries[0].query_type() == RecordType::A
}
