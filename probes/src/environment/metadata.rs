//! The questions to instance metadata and the reading of their answers.
//!
//! It knows paths and formats. A path that is missing leaves its fact unknown; only the Region and the role's
//! credentials have outcomes of their own, because rules depend on them.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use ipnet::IpNet;
use serde::Deserialize;

use super::aws_files::Keys;
use super::imds::{Service, malformed};
use super::{ImdsFailure, files, region};

/// An instance has at most this many interfaces that matter here; the largest types have 16 per card.
const INTERFACES_LIMIT: usize = 16;
const LIST_LIMIT: usize = 64;

/// What metadata says about the host.
#[derive(Debug, Default)]
pub(super) struct Metadata {
    pub(super) region: Option<String>,
    pub(super) availability_zone: Option<String>,
    pub(super) availability_zone_id: Option<String>,
    pub(super) domain: Option<String>,
    pub(super) partition: Option<String>,
    pub(super) instance_id: Option<String>,
    pub(super) account_id: Option<String>,
    pub(super) image_id: Option<String>,
    pub(super) instance_type: Option<String>,
    pub(super) role: Option<String>,
    pub(super) interfaces: Vec<InterfaceFacts>,
}

/// What metadata says about one interface.
#[derive(Debug, Default, Clone)]
pub(super) struct InterfaceFacts {
    pub(super) mac: String,
    pub(super) interface_id: Option<String>,
    pub(super) device_number: Option<u32>,
    pub(super) owner_id: Option<String>,
    pub(super) vpc_id: Option<String>,
    pub(super) subnet_id: Option<String>,
    pub(super) private_ips: Vec<IpAddr>,
    pub(super) vpc_cidrs: Vec<IpNet>,
    pub(super) subnet_cidrs: Vec<IpNet>,
    pub(super) security_group_ids: Vec<String>,
    pub(super) public_ipv4s: Vec<Ipv4Addr>,
}

/// A role's temporary credentials.
#[derive(Debug)]
pub(super) struct RoleDocument {
    pub(super) keys: Keys,
    pub(super) expiration: Option<String>,
}

/// The Region, the first thing that is read.
///
/// # Errors
///
/// How the service failed; `Malformed` where the answer cannot be a Region's name.
pub(super) async fn region(service: &Service) -> Result<String, ImdsFailure> {
    let text = service.text("meta-data/placement/region").await?;
    let name = text.trim();
    if region::is_region_name(name) {
        Ok(name.to_owned())
    } else {
        Err(malformed("not the name of a Region"))
    }
}

/// The facts of the host as a whole.
pub(super) async fn host(service: &Service) -> Metadata {
    let (zone, zone_id, domain, partition, instance_id, document) = tokio::join!(
        service.text("meta-data/placement/availability-zone"),
        service.text("meta-data/placement/availability-zone-id"),
        service.text("meta-data/services/domain"),
        service.text("meta-data/services/partition"),
        service.text("meta-data/instance-id"),
        service.text("dynamic/instance-identity/document"),
    );
    let identity =
        document.ok().and_then(|text| serde_json::from_str::<Identity>(&text).ok()).unwrap_or_default();
    let either = |text: Result<String, ImdsFailure>, other: Option<String>| {
        word(text).or(other.as_deref().and_then(clean))
    };
    Metadata {
        region: identity.region.filter(|name| region::is_region_name(name)),
        availability_zone: either(zone, identity.availability_zone),
        availability_zone_id: word(zone_id),
        domain: word(domain).filter(|domain| is_host_suffix(domain)),
        partition: word(partition),
        instance_id: either(instance_id, identity.instance_id),
        account_id: identity.account_id.as_deref().and_then(clean),
        image_id: identity.image_id.as_deref().and_then(clean),
        instance_type: identity.instance_type.as_deref().and_then(clean),
        ..Metadata::default()
    }
}

/// The facts of every interface, the primary one first.
pub(super) async fn interfaces(service: &Service) -> Vec<InterfaceFacts> {
    let list = service.text("meta-data/network/interfaces/macs/").await.unwrap_or_default();
    let macs: Vec<&str> = list
        .lines()
        .map(|line| line.trim().trim_end_matches('/'))
        .filter(|mac| is_mac(mac))
        .take(INTERFACES_LIMIT)
        .collect();
    let mut all = Vec::new();
    // One interface after the other: most instances have one, and the requests of each fill the lanes.
    for mac in macs {
        all.push(interface(service, mac).await);
    }
    all.sort_by_key(|facts| facts.device_number.unwrap_or(u32::MAX));
    all
}

async fn interface(service: &Service, mac: &str) -> InterfaceFacts {
    let path = |name: &str| format!("meta-data/network/interfaces/macs/{mac}/{name}");
    let get = |name: &'static str| async move { service.text(&path(name)).await };
    let (id, number, owner, vpc, subnet, groups, public) = tokio::join!(
        get("interface-id"),
        get("device-number"),
        get("owner-id"),
        get("vpc-id"),
        get("subnet-id"),
        get("security-group-ids"),
        get("public-ipv4s"),
    );
    let (ipv4s, ipv6s, vpc_ipv4, vpc_ipv6, subnet_ipv4, subnet_ipv6) = tokio::join!(
        get("local-ipv4s"),
        get("ipv6s"),
        get("vpc-ipv4-cidr-blocks"),
        get("vpc-ipv6-cidr-blocks"),
        get("subnet-ipv4-cidr-block"),
        get("subnet-ipv6-cidr-blocks"),
    );
    InterfaceFacts {
        mac: mac.to_ascii_lowercase(),
        interface_id: word(id),
        device_number: word(number).and_then(|number| number.parse().ok()),
        owner_id: word(owner),
        vpc_id: word(vpc),
        subnet_id: word(subnet),
        private_ips: [list(ipv4s), list(ipv6s)].concat(),
        vpc_cidrs: [list(vpc_ipv4), list(vpc_ipv6)].concat(),
        subnet_cidrs: [list(subnet_ipv4), list(subnet_ipv6)].concat(),
        security_group_ids: words(groups),
        public_ipv4s: list(public),
    }
}

/// The name of the instance's role.
///
/// # Errors
///
/// How the service failed; `RoleUnusable` where there is a profile and its state says why it gives no role.
pub(super) async fn role_name(service: &Service) -> Result<String, ImdsFailure> {
    let (list, info) =
        tokio::join!(service.text("meta-data/iam/security-credentials/"), service.text("meta-data/iam/info"));
    let name = match list {
        Ok(list) => list.lines().map(str::trim).find(|name| is_role_name(name)).map(ToOwned::to_owned),
        Err(failure) => {
            // A profile without a usable role is told in `iam/info` alone.
            return Err(info.ok().and_then(|text| state_of(&text)).unwrap_or(failure));
        }
    };
    name.ok_or_else(|| {
        info.ok()
            .and_then(|text| state_of(&text))
            .unwrap_or_else(|| malformed("no role's name in the list of roles"))
    })
}

/// The role's credentials.
///
/// # Errors
///
/// How the service failed; `RoleUnusable` where the document says that the role cannot be used.
pub(super) async fn role_document(service: &Service, role: &str) -> Result<RoleDocument, ImdsFailure> {
    read_role_document(&service.text(&format!("meta-data/iam/security-credentials/{role}")).await?)
}

/// Reads the document that the metadata service and the containers' credential services give.
///
/// # Errors
///
/// `RoleUnusable` with the document's own code, else `Malformed`. No error holds a part of a key.
pub(super) fn read_role_document(text: &str) -> Result<RoleDocument, ImdsFailure> {
    // The parser's own message may quote the text, so it is not kept.
    let document: Document =
        serde_json::from_str(text).map_err(|_| malformed("the credentials are not the expected JSON"))?;
    if let Some(failure) = document.state() {
        return Err(failure);
    }
    let filled = |value: Option<String>| value.filter(|value| !value.is_empty());
    let (Some(access_key_id), Some(secret_access_key)) =
        (filled(document.access_key_id), filled(document.secret_access_key))
    else {
        return Err(malformed("the credentials lack a key"));
    };
    let expiration = document.expiration.filter(|text| jiff::Timestamp::from_str(text).is_ok());
    Ok(RoleDocument {
        keys: Keys { access_key_id, secret_access_key, session_token: filled(document.token) },
        expiration,
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    code: Option<String>,
    message: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    token: Option<String>,
    expiration: Option<String>,
}

impl Document {
    /// Why the role cannot be used; none where it can.
    fn state(&self) -> Option<ImdsFailure> {
        let code = self.code.as_deref().filter(|code| *code != "Success")?;
        let message = self.message.as_deref().map(|text| files::clipped(text, 300));
        Some(ImdsFailure::RoleUnusable { code: files::clipped(code, 64), message })
    }
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct Identity {
    account_id: Option<String>,
    region: Option<String>,
    availability_zone: Option<String>,
    instance_id: Option<String>,
    image_id: Option<String>,
    instance_type: Option<String>,
}

fn state_of(info: &str) -> Option<ImdsFailure> {
    serde_json::from_str::<Document>(info).ok()?.state()
}

/// One word of printable ASCII; what is anything else is no fact.
fn clean(text: &str) -> Option<String> {
    let text = text.trim();
    let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
    (!text.is_empty() && text.len() <= 128 && printable).then(|| text.to_owned())
}

fn word(text: Result<String, ImdsFailure>) -> Option<String> {
    clean(&text.ok()?)
}

fn words(text: Result<String, ImdsFailure>) -> Vec<String> {
    text.unwrap_or_default().lines().filter_map(clean).take(LIST_LIMIT).collect()
}

fn list<T: FromStr>(text: Result<String, ImdsFailure>) -> Vec<T> {
    words(text).iter().filter_map(|word| word.parse().ok()).collect()
}

fn is_mac(text: &str) -> bool {
    text.len() == 17
        && text.split(':').count() == 6
        && text.split(':').all(|part| u8::from_str_radix(part, 16).is_ok())
}

/// The characters that IAM allows in a role's name; it goes into a path.
fn is_role_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    !text.is_empty() && text.len() <= 64 && text.bytes().all(allowed)
}

fn is_host_suffix(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const GOOD: &str = r#"{"Code":"Success","LastUpdated":"2026-01-01T00:00:00Z","Type":"AWS-HMAC","AccessKeyId":"ASIAX",
        "SecretAccessKey":"hush","Token":"tok","Expiration":"2026-01-01T06:00:00Z"}"#;

    #[test]
    fn a_role_document_gives_its_keys_and_hides_them() {
        let document = read_role_document(GOOD).unwrap();
        assert_eq!(document.keys.secret_access_key, "hush");
        assert_eq!(document.keys.session_token.as_deref(), Some("tok"));
        assert_eq!(document.expiration.as_deref(), Some("2026-01-01T06:00:00Z"));
        assert!(!format!("{document:?}").contains("hush"));
    }

    #[test]
    fn a_containers_document_has_no_code() {
        let document =
            read_role_document(r#"{"RoleArn":"r","AccessKeyId":"A","SecretAccessKey":"s","Token":"t"}"#)
                .unwrap();
        assert_eq!((document.keys.access_key_id.as_str(), document.expiration), ("A", None));
    }

    #[test]
    fn a_role_that_cannot_be_used_says_why() {
        let text = r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"EC2 cannot assume the role"}"#;
        let Err(ImdsFailure::RoleUnusable { code, message }) = read_role_document(text) else {
            panic!("not told as unusable");
        };
        assert_eq!(code, "AssumeRoleUnauthorizedAccess");
        assert_eq!(message.as_deref(), Some("EC2 cannot assume the role"));
        assert!(matches!(
            state_of(r#"{"Code":"InstanceProfileNotFound"}"#),
            Some(ImdsFailure::RoleUnusable { .. })
        ));
        assert_eq!(state_of(r#"{"Code":"Success"}"#), None);
    }

    #[test]
    fn names_that_go_into_paths_are_checked() {
        assert!(
            is_role_name("My-Role_1+=,.@x")
                && !is_role_name("a/b")
                && !is_role_name("")
                && !is_role_name("a b")
        );
        assert!(is_mac("0e:49:61:0f:c3:11") && !is_mac("0e:49:61:0f:c3") && !is_mac("0e:49:61:0f:c3/../x"));
        assert_eq!(clean("i-1\u{1b}[31m"), None);
        assert_eq!(clean(" i-1 \n").as_deref(), Some("i-1"));
    }

    proptest! {
        #[test]
        fn no_error_shows_a_part_of_the_text(text in "(?s).{0,60}SECRETKEY.{0,60}") {
            if let Err(failure) = read_role_document(&text) {
                let shown = format!("{failure:?}");
                prop_assert!(!shown.contains("SECRETKEY"));
            }
        }
    }
}
