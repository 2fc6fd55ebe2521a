//! Text with names in it to the same text with pseudonyms in their place.
//!
//! A text is taken apart at everything that stands between names, and put together again with the same characters between.
//! What stands there is judged by its form (address, ARN, id, account, host name, …) and else by the [`words`] that this
//! program knows. A word that nobody knows is somebody's, and gets a pseudonym: that is how a text closes that no rule
//! foresaw. The same word gets the same pseudonym wherever it stands, in whatever case.
//!
//! [`words`]: super::words

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;

use super::addresses::Addresses;
use super::key::Key;
use super::words;

/// Characters that names are written with and that stand between the parts of one; all others stand between names.
const JOINTS: &[char] = &['/', '@', '%', '+', '~', '\\', '*', ':'];

/// Characters that a word may begin or end with without being another.
const EDGES: [char; 2] = ['-', '_'];

/// Whole numbers of up to so many digits are ports, codes, times and lengths.
const LONGEST_NUMBER: usize = 8;

/// First words of the resource in an ARN that say what kind of thing it is.
const RESOURCE_KINDS: &[&str] = &[
    "role",
    "assumed-role",
    "user",
    "group",
    "policy",
    "instance-profile",
    "instance",
    "table",
    "index",
    "vpc",
    "vpc-endpoint",
    "subnet",
    "security-group",
    "document",
    "parameter",
    "association",
    "managed-instance",
];

/// What ids of AWS's begin with, as far as a report or an error text may hold one.
const ID_KINDS: &[&str] = &[
    "acl",
    "aclassoc",
    "ami",
    "cagw",
    "cgw",
    "dopt",
    "eice",
    "eigw",
    "eipalloc",
    "eipassoc",
    "eni",
    "eni-attach",
    "i",
    "igw",
    "lgw",
    "lt",
    "mi",
    "nat",
    "pcx",
    "pl",
    "r",
    "rslvr-fdr",
    "rslvr-in",
    "rslvr-out",
    "rslvr-rr",
    "rtb",
    "rtbassoc",
    "sg",
    "sgr",
    "snap",
    "subnet",
    "tgw",
    "tgw-attach",
    "tgw-rtb",
    "vgw",
    "vol",
    "vpc",
    "vpc-cidr-assoc",
    "vpcbpa-exclude",
    "vpce",
    "vpce-svc",
    "vpn",
];

/// The alphabet of pseudonyms: letters and digits that a DNS label may hold, 32 of them.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// What makes pseudonyms, for one report.
pub(super) struct Redactor<'a> {
    pub(super) key: &'a Key,
    pub(super) addresses: Addresses<'a>,
    /// Words of this report that are no secret: its Region and zone, ids and buckets of AWS's own.
    pub(super) known: HashSet<String>,
}

impl Redactor<'_> {
    /// The text with pseudonyms.
    pub(super) fn text(&self, text: &str) -> String {
        let between = |character: char| {
            !(character.is_alphanumeric()
                || matches!(character, '.' | '-' | '_')
                || JOINTS.contains(&character))
        };
        each_part(text, between, |part| self.chunk(part))
    }

    /// A name of the customer's, whatever words it is made of.
    pub(super) fn name(&self, name: &str) -> String {
        if self.known.contains(name) {
            return name.to_owned();
        }
        let between = |character: char| !(character.is_alphanumeric() || matches!(character, '-' | '_'));
        each_part(name, between, |label| self.own(label))
    }

    /// A part without white space: an address, an ARN, or names with joints between them.
    fn chunk(&self, chunk: &str) -> String {
        if let Some(image) = self.by_form(chunk) {
            return image;
        }
        if let Some(trimmed) = chunk.strip_suffix(['.', ':']) {
            let end = &chunk[trimmed.len()..];
            if let Some(image) = self.by_form(trimmed).or_else(|| self.prefix(chunk)) {
                return format!("{image}{end}");
            }
        }
        if let Some(resource) = self.resource(chunk) {
            return resource;
        }
        if chunk.matches(':').count() > 2
            && chunk.chars().all(|each| each.is_ascii_hexdigit() || ".:/".contains(each))
        {
            // It looks like an address and is none.
            return self.pseudonym(chunk);
        }
        match JOINTS.iter().find_map(|joint| chunk.split_once(*joint).map(|parts| (parts, joint))) {
            Some(((left, right), joint)) => format!("{}{joint}{}", self.chunk(left), self.chunk(right)),
            None => self.dotted(chunk),
        }
    }

    /// What the form of a text alone says.
    fn by_form(&self, text: &str) -> Option<String> {
        if let Ok(address) = text.parse::<IpAddr>() {
            return Some(self.addresses.address(address).to_string());
        }
        if let Ok(network) = text.parse::<IpNet>() {
            return Some(self.addresses.network(network).to_string());
        }
        if is_time(text) {
            return Some(text.to_owned());
        }
        if is_grouped(text, ':', &[2; 6]) {
            return Some(format!("02:{}", &self.grouped(text, ':', &[2; 5])));
        }
        self.arn(text)
    }

    /// The leading numbers of a private address, as some write a range (`10.0.`, `192.168.*`).
    fn prefix(&self, text: &str) -> Option<String> {
        let text = text.trim_end_matches('.');
        let numbers: Vec<u8> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
        if !matches!(numbers.len(), 2 | 3) {
            return None;
        }
        let mut octets = [0; 4];
        octets[..numbers.len()].copy_from_slice(&numbers);
        let address = Ipv4Addr::from(octets);
        if !crate::classify::evidence::is_private(address.into()) {
            return None;
        }
        let IpAddr::V4(image) = self.addresses.address(address.into()) else { return None };
        let octets = image.octets().map(|octet| octet.to_string());
        Some(octets[..numbers.len()].join("."))
    }

    /// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.
    fn arn(&self, text: &str) -> Option<String> {
        let parts: Vec<&str> = text.strip_prefix("arn:")?.splitn(5, ':').collect();
        let [partition, service, region, account, resource] = parts.as_slice() else { return None };
        let resource = if *account == "aws" && *service != "s3" {
            // A policy or role of AWS's own.
            (*resource).to_owned()
        } else {
            let (kind, rest) = match resource.split_once(['/', ':']) {
                Some((kind, _)) if *service != "s3" && RESOURCE_KINDS.contains(&kind) => {
                    resource.split_at(kind.len() + 1)
                }
                _ => ("", *resource),
            };
            format!("{kind}{}", self.name(rest))
        };
        let head = [partition, service, region, account].map(|part| self.label(part)).join(":");
        Some(format!("arn:{head}:{resource}"))
    }

    /// A bucket or table as targets are named after it: `s3:BUCKET`, `dynamodb:table/TABLE`.
    fn resource(&self, chunk: &str) -> Option<String> {
        if let Some(table) = chunk.strip_prefix("dynamodb:table/") {
            return Some(format!("dynamodb:table/{}", self.name(table)));
        }
        let rest = chunk.strip_prefix("s3:")?;
        let (bucket, rest) = rest.split_at(rest.find(['/', ':']).unwrap_or(rest.len()));
        // Actions begin with a capital letter, buckets never do.
        let named = bucket.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
        named.then(|| format!("s3:{}{}", self.name(bucket), self.chunk(rest)))
    }

    /// A name with dots: of a host, of a file, or a number.
    fn dotted(&self, name: &str) -> String {
        if let Some(image) = self.prefix(name) {
            return image;
        }
        if self.known.contains(name) {
            return name.to_owned();
        }
        let labels: Vec<&str> = name.split('.').collect();
        if let Some(address) = labels.get(..4).and_then(|first| first.join(".").parse::<IpAddr>().ok()) {
            let rest: String = labels[4..].iter().map(|label| format!(".{}", self.label(label))).collect();
            return format!("{}{rest}", self.addresses.address(address));
        }
        // What stands before the label of S3 in a host name of AWS's is the bucket.
        let suffix = labels.iter().rposition(|label| words::is_domain_of_aws(label)).unwrap_or_default();
        let bucket_ends = labels[..suffix]
            .iter()
            .rposition(|label| *label == "s3" || label.starts_with("s3-") || label.starts_with("s3express-"));
        let image = |(place, label): (usize, &&str)| {
            let of_bucket = bucket_ends.is_some_and(|end| place < end);
            if of_bucket && !words::is_part_of_s3(label) { self.own(label) } else { self.label(label) }
        };
        labels.iter().enumerate().map(image).collect::<Vec<_>>().join(".")
    }

    /// One word, or one label of a host name.
    fn label(&self, label: &str) -> String {
        let core = label.trim_matches(EDGES);
        if core.chars().count() <= 1 || is_number(core) || self.is_known(core) {
            return label.to_owned();
        }
        self.own(label)
    }

    fn is_known(&self, word: &str) -> bool {
        self.known.contains(word) || words::is_known(word)
    }

    /// A word of the customer's. Its form is kept where it has one that commands and rules go by.
    fn own(&self, label: &str) -> String {
        let core = label.trim_matches(EDGES);
        if core.is_empty() || self.known.contains(core) {
            return label.to_owned();
        }
        label.replacen(core, &self.other(core), 1)
    }

    fn other(&self, label: &str) -> String {
        if label.bytes().all(|byte| byte.is_ascii_digit()) {
            return self.digits(label);
        }
        if is_grouped(label, '-', &[8, 4, 4, 4, 12]) {
            return self.grouped(label, '-', &[8, 4, 4, 4, 12]);
        }
        if let Some(address) = label.strip_prefix("ip-").and_then(|rest| rest.replace('-', ".").parse().ok())
        {
            return format!(
                "ip-{}",
                self.addresses.address(IpAddr::V4(address)).to_string().replace('.', "-")
            );
        }
        if let Some((kind, number, rest)) = id(label) {
            let digest = hex(&self.key.digest("id", format!("{kind}{number}").as_bytes()));
            // What follows the id of a VPC endpoint in its own host names: a random word, and perhaps a zone.
            let rest = rest.strip_prefix('-').map(|rest| match rest.split_once('-') {
                Some((word, zone)) => format!("-{}-{}", self.pseudonym(word), self.label(zone)),
                None => format!("-{}", self.pseudonym(rest)),
            });
            return format!("{kind}{}{}", &digest[..number.len()], rest.unwrap_or_default());
        }
        self.pseudonym(label)
    }

    /// A word that stands for another, and looks like none.
    fn pseudonym(&self, word: &str) -> String {
        let digest = self.key.digest("name", word.to_lowercase().as_bytes());
        let letters = digest[..7].iter().map(|byte| char::from(ALPHABET[usize::from(byte & 31)]));
        std::iter::once('x').chain(letters).collect()
    }

    /// As many digits: account ids stay account ids.
    fn digits(&self, number: &str) -> String {
        let digest = self.key.digest("number", number.as_bytes());
        let endless = digest.iter().cycle();
        endless.take(number.len()).map(|byte| char::from(b'0' + byte % 10)).collect()
    }

    /// Groups of hexadecimal digits, of the lengths given.
    fn grouped(&self, text: &str, joint: char, lengths: &[usize]) -> String {
        let digest = hex(&self.key.digest("id", text.to_ascii_lowercase().as_bytes()));
        let mut rest = digest.as_str();
        let mut groups = Vec::new();
        for length in lengths {
            let (group, after) = rest.split_at(*length);
            groups.push(group);
            rest = after;
        }
        groups.join(&joint.to_string())
    }
}

/// The text with every part between separators replaced.
fn each_part(text: &str, between: impl Fn(char) -> bool, replace: impl Fn(&str) -> String) -> String {
    let mut image = String::with_capacity(text.len());
    for piece in text.split_inclusive(&between) {
        let part = piece.trim_end_matches(&between);
        if !part.is_empty() {
            image.push_str(&replace(part));
        }
        image.push_str(&piece[part.len()..]);
    }
    image
}

/// The parts of an AWS id: `vpce-`, its 8 or 17 hexadecimal digits, and what follows after a hyphen.
fn id(label: &str) -> Option<(&str, &str, &str)> {
    let kind = label.match_indices('-').map(|(at, _)| at + 1).find(|end| {
        let digits =
            label[*end..].bytes().take_while(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')).count();
        let ends = matches!(label.as_bytes().get(end + digits), None | Some(b'-'));
        matches!(digits, 8 | 17) && ends
    })?;
    let (kind, rest) = label.split_at(kind);
    if !ID_KINDS.contains(&kind.trim_end_matches('-')) {
        // A name that happens to end with such digits.
        return None;
    }
    let (number, rest) = rest.split_at(rest.find('-').unwrap_or(rest.len()));
    Some((kind, number, rest))
}

/// Whether it is groups of hexadecimal digits, of these lengths.
fn is_grouped(text: &str, joint: char, lengths: &[usize]) -> bool {
    let groups: Vec<&str> = text.split(joint).collect();
    groups.len() == lengths.len()
        && groups.iter().zip(lengths).all(|(group, length)| {
            group.len() == *length && group.bytes().all(|byte| byte.is_ascii_hexdigit())
        })
}

/// Whether it is a number that may be a port, a code, a time or a length, also with its unit.
fn is_number(word: &str) -> bool {
    let digits = word.bytes().take_while(u8::is_ascii_digit).count();
    (1..=LONGEST_NUMBER).contains(&digits)
        && matches!(&word[digits..], "" | "ns" | "us" | "ms" | "s" | "m" | "h")
}

/// Whether it is a day or a moment, as RFC 3339 writes them.
fn is_time(text: &str) -> bool {
    let begins =
        text.len() >= 10 && text.as_bytes()[..10].iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    // As signatures and their errors write it: 20261026T083000Z.
    let basic = text.len() == 16
        && text.bytes().enumerate().all(|(place, byte)| match place {
            8 => byte == b'T',
            15 => byte == b'Z',
            _ => byte.is_ascii_digit(),
        });
    basic
        || begins
            && (text.parse::<jiff::Timestamp>().is_ok() || text.parse::<jiff::civil::DateTime>().is_ok())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
