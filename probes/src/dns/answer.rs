//! The reading of one DNS message as the answer to one question.
//!
//! It follows CNAME records from the name that was asked and takes only records that lie on that way, so that nothing
//! else a server may say gets into the answer.

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::{Name, RData, RecordType};

use super::push_address;
use crate::observations::{Answer, LookupFailure, Transport};

/// Resolvers themselves give up at 8 to 17 links.
const CHAIN_LIMIT: usize = 16;

/// Reads the reply to a question for this name and type.
///
/// # Errors
///
/// The response code where it is not "no error", or `Malformed` for a chain that loops or never ends, or a reply that is
/// to another question.
pub(super) fn read(
    message: &Message,
    name: &Name,
    record_type: RecordType,
    transport: Transport,
) -> Result<Answer, LookupFailure> {
    let asked = |query: &hickory_resolver::proto::op::Query| {
        query.name() == name && query.query_type() == record_type
    };
    if !message.queries.first().is_none_or(asked) {
        return Err(malformed("the reply is to another question"));
    }
    let soa = zone_of_authority(message);
    match message.metadata.response_code {
        ResponseCode::NoError => {}
        ResponseCode::NXDomain => return Err(LookupFailure::NoSuchName { soa }),
        ResponseCode::ServFail => return Err(LookupFailure::ServerFailure),
        ResponseCode::Refused => return Err(LookupFailure::Refused),
        other => return Err(LookupFailure::ResponseCode { code: other.to_string() }),
    }
    let mut answer = Answer { soa, transport: Some(transport), ..Answer::default() };
    let last = follow(message, name, &mut answer)?;
    for record in message.answers.iter().filter(|record| record.name == last) {
        let address = match (&record.data, record_type) {
            (RData::A(address), RecordType::A) => address.0.into(),
            (RData::AAAA(address), RecordType::AAAA) => address.0.into(),
            _ => continue,
        };
        push_address(&mut answer.addresses, address);
        note_ttl(&mut answer, record.ttl);
    }
    Ok(answer)
}

/// Follows the CNAME records to the last name and keeps their targets.
fn follow(message: &Message, name: &Name, answer: &mut Answer) -> Result<Name, LookupFailure> {
    let mut seen = vec![name.clone()];
    let mut current = name.clone();
    loop {
        let next = message.answers.iter().find_map(|record| match &record.data {
            RData::CNAME(target) if record.name == current => Some((target.0.clone(), record.ttl)),
            _ => None,
        });
        let Some((target, ttl)) = next else {
            return Ok(current);
        };
        if seen.contains(&target) {
            return Err(malformed("the CNAME records lead in a circle"));
        }
        if seen.len() > CHAIN_LIMIT {
            return Err(malformed("the CNAME chain is too long"));
        }
        note_ttl(answer, ttl);
        answer.chain.push(readable(&target));
        seen.push(target.clone());
        current = target;
    }
}

fn note_ttl(answer: &mut Answer, ttl: u32) {
    answer.ttl_s = Some(answer.ttl_s.map_or(ttl, |smallest| smallest.min(ttl)));
}

fn zone_of_authority(message: &Message) -> Option<String> {
    message
        .authorities
        .iter()
        .find(|record| record.record_type() == RecordType::SOA)
        .map(|record| readable(&record.name))
}

/// A name as people write it: lower case, without the final dot; the root stays a dot.
fn readable(name: &Name) -> String {
    let text = name.to_ascii().to_ascii_lowercase();
    match text.strip_suffix('.') {
        Some("") | None => text,
        Some(text) => text.to_owned(),
    }
}

fn malformed(text: &str) -> LookupFailure {
    LookupFailure::Malformed { text: text.to_owned() }
}
