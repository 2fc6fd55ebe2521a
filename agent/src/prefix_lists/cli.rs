//! Reads what the AWS CLI prints: `aws ec2 describe-prefix-lists` (names, ids and networks of the service lists of one
//! region) or `aws ec2 get-managed-prefix-list-entries` (networks only, so the user has to say whose they are).
//!
//! A wrong list is worse than none, because "outside" is conclusive against it: another region's list, a first page only
//! or a list without networks is refused, not guessed around. The caller reads the file and names it in its own message.

use ipnet::IpNet;
use serde::Deserialize;
use serde_json::Value;

use super::{PrefixList, Source};
use crate::catalogue::{self, Service};

/// Why a text is no usable prefix list; one sentence that names the value and what would be right.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not JSON at all: the CLI's text or table output, or a cut-off file.
    #[error("is not JSON; the AWS CLI prints JSON with `--output json`")]
    NotJson(#[source] serde_json::Error),
    /// JSON of another command.
    #[error(
        "holds neither PrefixLists nor Entries; expected the output of `aws ec2 describe-prefix-lists` or \
         `aws ec2 get-managed-prefix-list-entries`"
    )]
    OtherShape,
    /// The right keys with values of another type.
    #[error("has {key} of an unexpected form; expected it as the AWS CLI prints it")]
    BadField {
        /// `PrefixLists` or `Entries`.
        key: &'static str,
        /// What does not fit.
        #[source]
        source: serde_json::Error,
    },
    /// A page of a longer answer.
    #[error(
        "holds only a part of the answer (it has a NextToken); run the command again without --max-items or --no-paginate"
    )]
    FirstPageOnly,
    /// `describe-managed-prefix-lists` lists the lists, not their networks.
    #[error(
        "has no Cidrs for {list}; `aws ec2 describe-prefix-lists` prints them, `describe-managed-prefix-lists` does not"
    )]
    NoNetworks {
        /// Name of the list.
        list: String,
    },
    /// No list of a service that has gateway endpoints.
    #[error(
        "has no prefix list of {wanted} for {region}; `aws ec2 describe-prefix-lists --region {region}` prints it"
    )]
    NoneWanted {
        /// The service that was asked for, or all that have gateway endpoints.
        wanted: String,
        /// The region looked at.
        region: String,
    },
    /// A list of another region; ids and addresses differ between regions.
    #[error("is the list of {found}, but this is {region}; run the command with `--region {region}`")]
    OtherRegion {
        /// The region in the list's name.
        found: String,
        /// The region looked at.
        region: String,
    },
    /// Entries carry no name.
    #[error("does not say which service its entries belong to; give it as SERVICE=FILE, for example s3=FILE")]
    ServiceNotSaid,
    /// The service said in front of the file is none.
    #[error("is said to be of {service}, which is no service known here; did you mean {nearest}?")]
    UnknownService {
        /// As written.
        service: String,
        /// The nearest known id.
        nearest: String,
    },
    /// Only gateway endpoints route by prefix list.
    #[error(
        "is said to be of {service}, which has no gateway endpoint and so no prefix list; s3 and dynamodb have one"
    )]
    NoPrefixList {
        /// The service's id.
        service: String,
    },
    /// A network that is none.
    #[error("has {cidr:?} where a network such as 52.216.0.0/15 was expected")]
    BadNetwork {
        /// As written.
        cidr: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Described {
    prefix_list_name: String,
    prefix_list_id: Option<String>,
    cidrs: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    cidr: String,
}

/// Reads the output of `aws ec2 describe-prefix-lists` or `aws ec2 get-managed-prefix-list-entries` for a region.
///
/// `service_hint` is what stands before the `=` in `--prefix-lists SERVICE=FILE`: needed for entries, and with
/// described lists it picks one. Lists of things that have no gateway endpoint are passed over. IPv6 lists are separate
/// lists with ids of their own and come as further elements for the same service. The caller fills in `as_of`.
///
/// # Errors
///
/// See [`ParseError`]; each is one sentence to put behind the file's name.
pub fn parse_cli_json(
    text: &str,
    service_hint: Option<&str>,
    region: &str,
) -> Result<Vec<PrefixList>, ParseError> {
    let hinted = service_hint.map(hinted_service).transpose()?;
    let document: Value = serde_json::from_str(text).map_err(ParseError::NotJson)?;
    if document.get("NextToken").is_some_and(|token| !token.is_null()) {
        return Err(ParseError::FirstPageOnly);
    }
    if let Some(lists) = document.get("PrefixLists") {
        let lists = Vec::<Described>::deserialize(lists)
            .map_err(|source| ParseError::BadField { key: "PrefixLists", source })?;
        return described(&lists, hinted, region);
    }
    let Some(entries) = document.get("Entries") else { return Err(ParseError::OtherShape) };
    let entries = Vec::<Entry>::deserialize(entries)
        .map_err(|source| ParseError::BadField { key: "Entries", source })?;
    let service = hinted.ok_or(ParseError::ServiceNotSaid)?;
    let cidrs = networks(entries.iter().map(|entry| &entry.cidr))?;
    if cidrs.is_empty() {
        return Err(ParseError::NoneWanted { wanted: service.id().to_owned(), region: region.to_owned() });
    }
    Ok(vec![from_file(service, region, None, cidrs)])
}

fn hinted_service(hint: &str) -> Result<&'static Service, ParseError> {
    let Some(service) = catalogue::service(hint) else {
        let nearest = catalogue::nearest_service(hint).unwrap_or("s3").to_owned();
        return Err(ParseError::UnknownService { service: hint.to_owned(), nearest });
    };
    if !service.gateway_capable() {
        return Err(ParseError::NoPrefixList { service: service.id().to_owned() });
    }
    Ok(service)
}

fn described(
    lists: &[Described],
    hinted: Option<&Service>,
    region: &str,
) -> Result<Vec<PrefixList>, ParseError> {
    let mut found = Vec::new();
    for list in lists {
        let Some((list_region, service)) = region_and_service(&list.prefix_list_name) else { continue };
        if hinted.is_some_and(|hinted| hinted.id() != service.id()) {
            continue;
        }
        if list_region != region {
            return Err(ParseError::OtherRegion { found: list_region.to_owned(), region: region.to_owned() });
        }
        let cidrs = networks(list.cidrs.as_deref().unwrap_or_default())?;
        if cidrs.is_empty() {
            return Err(ParseError::NoNetworks { list: list.prefix_list_name.clone() });
        }
        found.push(from_file(service, region, list.prefix_list_id.clone(), cidrs));
    }
    if found.is_empty() {
        let wanted = hinted.map_or("s3, dynamodb or s3express", Service::id).to_owned();
        return Err(ParseError::NoneWanted { wanted, region: region.to_owned() });
    }
    found.sort_by(|a, b| (&a.service, &a.id).cmp(&(&b.service, &b.id)));
    Ok(found)
}

/// Region and service in a name such as `com.amazonaws.us-east-1.s3`, whatever stands before the region; IPv6 lists have
/// `ipv6.` behind it. `None` for customers' own lists and for those of things without gateway endpoints.
fn region_and_service(name: &str) -> Option<(&str, &'static Service)> {
    let region = name.split('.').find(|label| catalogue::partition_of_region(label).is_some())?;
    let (_, suffix) = name.split_once(&format!(".{region}."))?;
    let suffix = suffix.strip_prefix("ipv6.").unwrap_or(suffix);
    let service =
        catalogue::services().iter().find(|s| s.gateway_capable() && s.endpoint_suffix() == suffix)?;
    Some((region, service))
}

fn networks<'a>(cidrs: impl IntoIterator<Item = &'a String>) -> Result<Vec<IpNet>, ParseError> {
    let parse = |cidr: &String| cidr.parse().map_err(|_| ParseError::BadNetwork { cidr: cidr.clone() });
    let mut networks = cidrs.into_iter().map(parse).collect::<Result<Vec<IpNet>, _>>()?;
    networks.sort_unstable();
    networks.dedup();
    Ok(networks)
}

fn from_file(service: &Service, region: &str, id: Option<String>, cidrs: Vec<IpNet>) -> PrefixList {
    let (service, region) = (service.id().to_owned(), region.to_owned());
    PrefixList { service, region, source: Source::File, id, as_of: None, cidrs, left_out: 0 }
}
