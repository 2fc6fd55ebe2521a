//! The DNS protocol, by UDP and TCP, for one resolver.

use std::net::IpAddr;
use std::sync::Arc;

use hickory_proto::op::{Edns, Message, MessageType, OpCode, ResponseCode};
use hickory_proto::rr::rdata::{A, AAAA, CNAME, SOA};
use hickory_proto::rr::{Name, RData, Record, RecordType};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

use super::zones::{Data, Found};
use super::{Code, Fault, Zones};

/// The sockets of one resolver, opened in the namespace it lives in.
#[derive(Debug)]
pub(crate) struct Endpoints {
    pub(crate) udp: std::net::UdpSocket,
    pub(crate) tcp: std::net::TcpListener,
}

impl Endpoints {
    /// Binds port 53 of an address in the network namespace of the calling thread.
    pub(crate) fn bind(address: IpAddr) -> std::io::Result<Self> {
        let udp = std::net::UdpSocket::bind((address, 53))?;
        let tcp = std::net::TcpListener::bind((address, 53))?;
        udp.set_nonblocking(true)?;
        tcp.set_nonblocking(true)?;
        Ok(Self { udp, tcp })
    }
}

/// How a resolver looks names up.
pub(crate) type Lookup = Arc<dyn Fn(&str) -> Found + Send + Sync>;

/// Serves one resolver until the task is dropped.
pub(crate) async fn serve(
    endpoints: Endpoints,
    fault: Fault,
    zones: Arc<Zones>,
    lookup: Lookup,
) -> std::io::Result<()> {
    let udp = UdpSocket::from_std(endpoints.udp)?;
    let tcp = TcpListener::from_std(endpoints.tcp)?;
    let responder = Responder { fault, zones, lookup };
    let streams = tokio::spawn(accept(tcp, responder.clone()));
    let mut buffer = [0; 4096];
    loop {
        let (length, peer) = udp.recv_from(&mut buffer).await?;
        if let Some(reply) = responder.reply(&buffer[..length], true) {
            // The client may be gone; the next query matters more.
            let _ = udp.send_to(&reply, peer).await;
        }
        if streams.is_finished() {
            return Ok(());
        }
    }
}

async fn accept(listener: TcpListener, responder: Responder) {
    while let Ok((stream, _)) = listener.accept().await {
        let responder = responder.clone();
        // A broken connection is the client's business.
        tokio::spawn(async move { converse(stream, &responder).await.ok() });
    }
}

async fn converse(mut stream: TcpStream, responder: &Responder) -> std::io::Result<()> {
    loop {
        let length = stream.read_u16().await?;
        let mut query = vec![0; usize::from(length)];
        stream.read_exact(&mut query).await?;
        if let Some(reply) = responder.reply(&query, false) {
            stream.write_u16(u16::try_from(reply.len()).unwrap_or(u16::MAX)).await?;
            stream.write_all(&reply).await?;
        }
    }
}

#[derive(Clone)]
struct Responder {
    fault: Fault,
    zones: Arc<Zones>,
    lookup: Lookup,
}

impl Responder {
    /// The answer to a query; nothing to one that cannot be read, or by a resolver that is dead.
    fn reply(&self, query: &[u8], datagram: bool) -> Option<Vec<u8>> {
        let query = Message::from_vec(query).ok()?;
        if self.fault == Fault::Dead || query.metadata.message_type != MessageType::Query {
            return None;
        }
        let mut reply = Message::new(query.metadata.id, MessageType::Response, OpCode::Query);
        reply.metadata.recursion_desired = query.metadata.recursion_desired;
        reply.metadata.recursion_available = true;
        reply.queries.clone_from(&query.queries);
        let mut room = 512;
        if let Some(edns) = &query.edns {
            room = usize::from(edns.max_payload().max(512));
            let mut own = Edns::new();
            own.set_max_payload(4096);
            reply.set_edns(own);
        }
        reply.metadata.response_code = match self.fault {
            Fault::Servfail => ResponseCode::ServFail,
            Fault::Refused => ResponseCode::Refused,
            Fault::None | Fault::Dead => self.fill(&query, &mut reply)?,
        };
        let bytes = reply.to_vec().ok()?;
        if datagram && bytes.len() > room {
            return reply.truncate().to_vec().ok();
        }
        Some(bytes)
    }

    /// Fills the reply in; nothing where there is to be none.
    fn fill(&self, query: &Message, reply: &mut Message) -> Option<ResponseCode> {
        let Some(question) = query.queries.first() else { return Some(ResponseCode::FormErr) };
        let asked = question.name().to_ascii();
        let name = asked.trim_end_matches('.').to_ascii_lowercase();
        let code = match (self.lookup)(&name) {
            Found::Records(records) => {
                let kind = question.query_type();
                let answers = records.iter().filter_map(|record| {
                    // Clients compare the owner with what they asked, some of them letter by letter.
                    let owner =
                        if record.owner == name { question.name().clone() } else { absolute(&record.owner)? };
                    Some(Record::from_rdata(owner, record.ttl, data(record, kind)?))
                });
                reply.answers.extend(answers);
                if reply.answers.iter().any(|answer| answer.record_type() == kind) {
                    return Some(ResponseCode::NoError);
                }
                // The name exists, but has nothing of this kind.
                ResponseCode::NoError
            }
            Found::Code(Code::Nxdomain) => ResponseCode::NXDomain,
            Found::Code(Code::Servfail) => return Some(ResponseCode::ServFail),
            Found::Code(Code::Refused) => return Some(ResponseCode::Refused),
            Found::Code(Code::Silent) => return None,
        };
        if let Some(authority) = self.authority(&name) {
            reply.add_authority(authority);
        }
        Some(code)
    }

    /// The record that says who knows that there is nothing, and for how long to believe it.
    fn authority(&self, name: &str) -> Option<Record> {
        let zone = absolute(&self.zones.zone_of(name)?)?;
        let primary = absolute("dns-external-master.amazon.com")?;
        let mailbox = absolute("root.amazon.com")?;
        let data = SOA::new(primary, mailbox, 2_017_102_701, 180, 60, 2_592_000, 60);
        Some(Record::from_rdata(zone, 60, RData::SOA(data)))
    }
}

/// The data of a record as asked for: aliases always, addresses of the family in question.
fn data(record: &super::zones::Record, kind: RecordType) -> Option<RData> {
    match &record.data {
        Data::Alias(target) => Some(RData::CNAME(CNAME(absolute(target)?))),
        Data::Address(IpAddr::V4(address)) if kind == RecordType::A => Some(RData::A(A(*address))),
        Data::Address(IpAddr::V6(address)) if kind == RecordType::AAAA => Some(RData::AAAA(AAAA(*address))),
        Data::Address(_) => None,
    }
}

fn absolute(name: &str) -> Option<Name> {
    Name::from_ascii(format!("{name}.")).ok()
}
