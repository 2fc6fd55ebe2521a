//! Questions to a server of our own on loopback.

mod server;

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Mutex;
use std::time::Duration;

use hickory_resolver::proto::op::{Message, Query, ResponseCode};
use hickory_resolver::proto::rr::RData;
use hickory_resolver::proto::rr::rdata::{AAAA, TXT};
use tokio::net::UdpSocket;

use self::server::{
    BOTH, HOST, ONLY_IPV4, Server, address, alias, authority, bytes, is_ipv4, name, record, reply, result,
};
use super::*;
use crate::observations::Transport;

#[tokio::test]
async fn a_chain_of_aliases_is_kept_whole_with_the_smallest_ttl() {
    let server = Server::on_loopback(|asked| {
        assert_eq!(asked.message.queries[0].name().to_ascii(), format!("{HOST}."));
        let chain = [
            alias(&format!("{HOST}."), 300, "VPCE-1.Vpce.Example."),
            alias("vpce-1.vpce.example.", 5, "last.example."),
            record("last.example.", 60, RData::TXT(TXT::new(vec!["noise".to_owned()]))),
            address("elsewhere.example.", 1, 99),
        ];
        let mut answers = chain.to_vec();
        if is_ipv4(asked) {
            answers.extend([
                address("last.example.", 60, 9),
                address("LAST.example.", 60, 8),
                address("last.example.", 60, 9),
            ]);
        } else {
            answers.push(record("last.example.", 60, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))));
        }
        bytes(&reply(asked, ResponseCode::NoError, &answers, &[]))
    })
    .await;
    let (a, aaaa) = server.ask_for(BOTH, Duration::from_secs(3)).await;
    let (a, aaaa) = (result(a).unwrap(), result(aaaa).unwrap());
    assert_eq!(a.addresses, [IpAddr::from([10, 0, 0, 9]), IpAddr::from([10, 0, 0, 8])]);
    assert_eq!(a.chain, ["vpce-1.vpce.example", "last.example"]);
    assert_eq!((a.ttl_s, a.transport, a.soa.as_deref()), (Some(5), Some(Transport::Udp), None));
    assert_eq!(aaaa.addresses, [IpAddr::from(Ipv6Addr::LOCALHOST)]);
    assert_eq!(server.transports().len(), 2);
}

#[tokio::test]
async fn each_way_of_saying_no_is_told_apart() {
    for (code, expected) in [
        (ResponseCode::NXDomain, LookupFailure::NoSuchName { soa: Some("amazonaws.com".to_owned()) }),
        (ResponseCode::ServFail, LookupFailure::ServerFailure),
        (ResponseCode::Refused, LookupFailure::Refused),
        (ResponseCode::NotAuth, LookupFailure::ResponseCode { code: ResponseCode::NotAuth.to_string() }),
    ] {
        let server =
            Server::on_loopback(move |asked| bytes(&reply(asked, code, &[], &[authority("Amazonaws.COM.")])))
                .await;
        assert_eq!(server.a().await, Err(expected));
        assert_eq!(server.transports().len(), 1);
    }
}

#[tokio::test]
async fn a_name_without_addresses_is_an_answer_with_its_zone() {
    let server = Server::on_loopback(|asked| {
        bytes(&reply(asked, ResponseCode::NoError, &[], &[authority("us-east-1.amazonaws.com.")]))
    })
    .await;
    let answer = server.a().await.unwrap();
    assert!(answer.addresses.is_empty() && answer.ttl_s.is_none());
    assert_eq!(answer.soa.as_deref(), Some("us-east-1.amazonaws.com"));
}

#[tokio::test]
async fn a_truncated_answer_is_fetched_whole_over_tcp() {
    let server = Server::on_loopback(|asked| {
        let owner = format!("{HOST}.");
        let many: Vec<_> = (1..=50).map(|last| address(&owner, 60, last)).collect();
        let mut message = reply(asked, ResponseCode::NoError, &many, &[]);
        if asked.transport == Transport::Udp {
            message.answers.truncate(1);
            message.metadata.truncation = true;
        }
        bytes(&message)
    })
    .await;
    let began = Instant::now();
    let answer = server.a().await.unwrap();
    assert_eq!((answer.addresses.len(), answer.transport), (50, Some(Transport::Tcp)));
    assert_eq!(server.transports(), [Transport::Udp, Transport::Tcp]);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_truncated_answer_without_tcp_is_not_taken_for_silence() {
    let server = Server::on_loopback(|asked| {
        let mut message = reply(asked, ResponseCode::NoError, &[], &[]);
        message.metadata.truncation = true;
        if asked.transport == Transport::Udp { bytes(&message) } else { Vec::new() }
    })
    .await;
    let (a, _) = server.ask_for(ONLY_IPV4, Duration::from_millis(300)).await;
    let outcome = result(a);
    assert!(
        matches!(&outcome, Err(LookupFailure::Malformed { text }) if text.contains("TCP")),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn tcp_is_tried_when_udp_stays_silent() {
    let server = Server::on_loopback(|asked| match asked.transport {
        Transport::Udp => Vec::new(),
        Transport::Tcp => {
            bytes(&reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 1)], &[]))
        }
    })
    .await;
    let answer = result(server.ask_for(ONLY_IPV4, Duration::from_millis(800)).await.0).unwrap();
    assert_eq!((answer.addresses.len(), answer.transport), (1, Some(Transport::Tcp)));
    assert_eq!(server.transports(), [Transport::Udp, Transport::Udp, Transport::Tcp]);
}

#[tokio::test]
async fn a_lost_datagram_is_sent_once_more_from_another_port() {
    let lost = Mutex::new(false);
    let server = Server::on_loopback(move |asked| {
        if !std::mem::replace(&mut *lost.lock().unwrap(), true) {
            return Vec::new();
        }
        bytes(&reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 1)], &[]))
    })
    .await;
    let answer = result(server.ask_for(ONLY_IPV4, Duration::from_secs(1)).await.0).unwrap();
    assert_eq!(answer.transport, Some(Transport::Udp));
    let asked = server.asked.lock().unwrap();
    assert_eq!(asked.len(), 2);
    assert_ne!(asked[0].port, asked[1].port);
}

#[tokio::test]
async fn silence_ends_at_the_limit() {
    let server = Server::on_loopback(|_| Vec::new()).await;
    let began = Instant::now();
    let (a, aaaa) = server.ask_for(BOTH, Duration::from_millis(400)).await;
    assert_eq!((result(a), result(aaaa)), (Err(LookupFailure::TimedOut), Err(LookupFailure::TimedOut)));
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(390) && took < Duration::from_millis(900), "{took:?}");
    let late = ask_server(&Clock::start(), server.address, HOST, ONLY_IPV4, began).await;
    assert_eq!(late.0.skip_reason(), Some(SkipReason::OutOfTime));
}

#[tokio::test]
async fn a_closed_port_is_told_at_once_in_both_families() {
    for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), IpAddr::from(Ipv6Addr::LOCALHOST)] {
        let unused = UdpSocket::bind((ip, 0)).await.unwrap().local_addr().unwrap();
        let began = Instant::now();
        let until = began + Duration::from_secs(5);
        let (a, _) = ask_server(&Clock::start(), unused, HOST, ONLY_IPV4, until).await;
        let outcome = result(a);
        assert!(matches!(outcome, Err(LookupFailure::Unreachable { .. })), "{ip}: {outcome:?}");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test]
async fn a_server_on_ipv6_is_asked_as_well() {
    let server = Server::start(Ipv6Addr::LOCALHOST.into(), |asked| {
        bytes(&reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 1)], &[]))
    })
    .await;
    assert_eq!(server.a().await.unwrap().addresses.len(), 1);
}

#[tokio::test]
async fn replies_with_a_wrong_id_or_to_another_question_are_passed_over() {
    let server = Server::on_loopback(|asked| {
        let right = reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 1)], &[]);
        let forged = reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 66)], &[]);
        let mut wrong_id = forged.clone();
        wrong_id.metadata.id = wrong_id.metadata.id.wrapping_add(1);
        let mut wrong_name = forged.clone();
        wrong_name.queries = vec![Query::query(name("evil.example."), RecordType::A)];
        let mut wrong_type = forged;
        wrong_type.queries[0].query_type = RecordType::TXT;
        vec![
            vec![0],
            wrong_id.to_vec().unwrap(),
            wrong_name.to_vec().unwrap(),
            wrong_type.to_vec().unwrap(),
            right.to_vec().unwrap(),
        ]
    })
    .await;
    assert_eq!(server.a().await.unwrap().addresses, [IpAddr::from([10, 0, 0, 1])]);
}

#[tokio::test]
async fn a_datagram_from_another_address_is_not_seen() {
    let server = Server::on_loopback(|asked| {
        // The kernel drops it on our connected socket, so that only the silence of the real server remains.
        let forged = reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 66)], &[]);
        let other = std::net::UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), 0)).unwrap();
        other.send_to(&forged.to_vec().unwrap(), (Ipv4Addr::LOCALHOST, asked.port)).unwrap();
        Vec::new()
    })
    .await;
    let (a, _) = server.ask_for(ONLY_IPV4, Duration::from_millis(300)).await;
    assert_eq!(result(a), Err(LookupFailure::TimedOut));
}

#[tokio::test]
async fn what_is_not_a_dns_message_is_malformed() {
    let server = Server::on_loopback(|asked| {
        let mut garbage = asked.message.metadata.id.to_be_bytes().to_vec();
        garbage.extend([0xff; 40]);
        vec![garbage]
    })
    .await;
    assert!(matches!(server.a().await, Err(LookupFailure::Malformed { .. })));
}

#[tokio::test]
async fn aliases_in_a_circle_or_without_end_are_malformed() {
    let circle = Server::on_loopback(|asked| {
        let records =
            [alias(&format!("{HOST}."), 1, "b.example."), alias("b.example.", 1, &format!("{HOST}."))];
        bytes(&reply(asked, ResponseCode::NoError, &records, &[]))
    })
    .await;
    let outcome = circle.a().await;
    assert!(
        matches!(&outcome, Err(LookupFailure::Malformed { text }) if text.contains("circle")),
        "{outcome:?}"
    );
    let endless = Server::on_loopback(|asked| {
        let mut records = vec![alias(&format!("{HOST}."), 1, "a0.example.")];
        records.extend((0..30).map(|n| alias(&format!("a{n}.example."), 1, &format!("a{}.example.", n + 1))));
        bytes(&reply(asked, ResponseCode::NoError, &records, &[]))
    })
    .await;
    assert!(matches!(endless.a().await, Err(LookupFailure::Malformed { .. })));
}

#[tokio::test]
async fn records_of_the_wrong_type_or_name_are_no_addresses() {
    let server = Server::on_loopback(|asked| {
        let records = [
            record(&format!("{HOST}."), 60, RData::AAAA(AAAA(Ipv6Addr::LOCALHOST))),
            address("other.example.", 60, 66),
        ];
        bytes(&reply(asked, ResponseCode::NoError, &records, &[]))
    })
    .await;
    let answer = server.a().await.unwrap();
    assert!(answer.addresses.is_empty() && answer.chain.is_empty());
}

#[tokio::test]
async fn a_server_that_does_not_know_edns_is_asked_without_it() {
    let server = Server::on_loopback(|asked| {
        if asked.message.edns.is_some() {
            return bytes(&reply(asked, ResponseCode::FormErr, &[], &[]));
        }
        bytes(&reply(asked, ResponseCode::NoError, &[address(&format!("{HOST}."), 60, 1)], &[]))
    })
    .await;
    assert_eq!(server.a().await.unwrap().addresses.len(), 1);
    assert_eq!(server.transports().len(), 2);
}

#[tokio::test]
async fn ids_are_not_predictable() {
    let server = Server::on_loopback(|asked| bytes(&reply(asked, ResponseCode::Refused, &[], &[]))).await;
    for _ in 0..8 {
        let _ = server.a().await;
    }
    let asked = server.asked.lock().unwrap();
    let ids: std::collections::BTreeSet<u16> = asked.iter().map(|asked| asked.message.metadata.id).collect();
    let ports: std::collections::BTreeSet<u16> = asked.iter().map(|asked| asked.port).collect();
    assert!(ids.len() >= 7 && ports.len() >= 7);
    let steps: std::collections::BTreeSet<u16> = asked
        .windows(2)
        .map(|pair| pair[1].message.metadata.id.wrapping_sub(pair[0].message.metadata.id))
        .collect();
    assert!(steps.len() >= 6, "ids rise by a constant");
}

#[tokio::test]
async fn an_impossible_name_fails_without_a_question() {
    let server = Server::on_loopback(|_| Vec::new()).await;
    let until = Instant::now() + Duration::from_secs(2);
    for host in ["", ".", &"x".repeat(64), &"long.".repeat(60)] {
        let (a, _) = ask_server(&Clock::start(), server.address, host, ONLY_IPV4, until).await;
        assert!(matches!(a.failed(), Some(LookupFailure::Unclassified(_))), "{host}: {a:?}");
    }
    assert!(server.transports().is_empty());
}

#[tokio::test]
async fn a_reply_to_another_question_over_tcp_is_refused_too() {
    let server = Server::on_loopback(|asked| {
        let mut message = reply(asked, ResponseCode::NoError, &[address("evil.example.", 60, 66)], &[]);
        match asked.transport {
            Transport::Udp => message.metadata.truncation = true,
            Transport::Tcp => message.queries = vec![Query::query(name("evil.example."), RecordType::A)],
        }
        bytes(&message)
    })
    .await;
    assert!(matches!(server.a().await, Err(LookupFailure::Malformed { .. })));
}

proptest::proptest! {
    #[test]
    fn a_damaged_message_is_read_without_panic(
        damage in proptest::collection::vec((0_usize..600, proptest::prelude::any::<u8>()), 0..40),
        length in 0_usize..600,
    ) {
        let mut message = Message::response(7, hickory_resolver::proto::op::OpCode::Query);
        message.add_query(Query::query(name(HOST), RecordType::A));
        message.add_answers([alias(HOST, 1, "b.example."), alias("b.example.", 1, "c.example.")]);
        message.add_answers((0..20).map(|last| address("c.example.", 60, last)));
        message.add_authority(authority("example."));
        let mut bytes = message.to_vec().unwrap();
        for (position, byte) in damage {
            if let Some(place) = bytes.get_mut(position) {
                *place = byte;
            }
        }
        bytes.truncate(length.max(bytes.len() / 2));
        if let Ok(message) = Message::from_vec(&bytes) {
            let _ = answer::read(&message, &name(HOST), RecordType::A, Transport::Udp);
        }
    }
}

#[tokio::test]
async fn the_resolver_is_named_by_its_address() {
    let resolver = ResolverPlan { address: Ipv4Addr::LOCALHOST.into(), kind: ResolverKind::Configured };
    let until = Instant::now() + Duration::from_millis(300);
    let lookup = ask_resolver(&Clock::start(), &resolver, HOST, BOTH, until).await;
    assert_eq!((lookup.resolver.as_str(), lookup.kind), ("127.0.0.1", ResolverKind::Configured));
    assert!(lookup.aaaa.is_some());
}
