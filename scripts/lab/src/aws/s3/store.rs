//! The buckets and objects of S3, in memory: those of the scenario and those that AWS itself owns in every Region.

use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use jiff::Timestamp;
use sha2::{Digest, Sha256};

use super::super::config::Config;
use super::super::names::is_region;
use super::super::policy::Policy;

/// The account that owns the buckets of AWS; a number of the documentation, since the real ones differ by Region.
pub(crate) const AMAZON: &str = "444455556666";

/// A bucket as S3 knows it.
#[derive(Clone, Debug)]
pub(crate) struct StoredBucket {
    /// Its name.
    pub(crate) name: String,
    /// Its Region.
    pub(crate) region: String,
    /// The owning account.
    pub(crate) owner: String,
    /// Its policy.
    pub(crate) policy: Option<Policy>,
}

/// An object.
#[derive(Clone, Debug)]
pub(crate) struct Object {
    /// The content.
    pub(crate) body: Bytes,
    /// The entity tag with its quotes. The real one is an MD5 digest for small objects; here it is another digest of the
    /// same length, which clients must treat as opaque anyway.
    pub(crate) etag: String,
    /// When it was written.
    pub(crate) modified: Timestamp,
    /// The media type it was stored with.
    pub(crate) content_type: String,
}

/// All buckets and objects.
pub(crate) struct Store {
    buckets: BTreeMap<String, StoredBucket>,
    /// The policies that were put or deleted since the start.
    policies: RwLock<BTreeMap<String, Option<Policy>>>,
    objects: RwLock<BTreeMap<(String, String), Object>>,
}

impl Object {
    /// An object with this content.
    pub(crate) fn new(body: Bytes, content_type: &str, modified: Timestamp) -> Self {
        let etag = format!("\"{}\"", &hex::encode(Sha256::digest(&body))[..32]);
        Self { body, etag, modified, content_type: content_type.to_owned() }
    }
}

impl Store {
    /// The buckets of a scenario with their objects.
    pub(crate) fn new(config: &Config, now: Timestamp) -> Self {
        let mut buckets = BTreeMap::new();
        let mut objects = BTreeMap::new();
        for bucket in &config.buckets {
            let stored = StoredBucket {
                name: bucket.name.clone(),
                region: bucket.region.clone().unwrap_or_else(|| config.region.clone()),
                owner: bucket.owner.clone().unwrap_or_else(|| config.account_id.clone()),
                policy: bucket.policy.clone(),
            };
            for (key, body) in &bucket.objects {
                let object = Object::new(Bytes::from(body.clone()), "binary/octet-stream", now);
                objects.insert((bucket.name.clone(), key.clone()), object);
            }
            buckets.insert(bucket.name.clone(), stored);
        }
        Self { buckets, policies: RwLock::default(), objects: RwLock::new(objects) }
    }

    /// A bucket by name, whoever owns it.
    pub(crate) fn bucket(&self, name: &str) -> Option<StoredBucket> {
        let mut bucket = self.buckets.get(name).cloned().or_else(|| amazon_bucket(name))?;
        let policies = self.policies.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = policies.get(name) {
            bucket.policy.clone_from(policy);
        }
        Some(bucket)
    }

    /// Gives a bucket another policy, or none.
    pub(crate) fn set_policy(&self, bucket: &str, policy: Option<Policy>) {
        let mut policies = self.policies.write().unwrap_or_else(PoisonError::into_inner);
        policies.insert(bucket.to_owned(), policy);
    }

    /// The buckets of an account by name.
    pub(crate) fn of_account(&self, account: &str) -> Vec<StoredBucket> {
        self.buckets.values().filter(|bucket| bucket.owner == account).cloned().collect()
    }

    /// An object.
    pub(crate) fn object(&self, bucket: &str, key: &str) -> Option<Object> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let found = objects.get(&(bucket.to_owned(), key.to_owned())).cloned();
        found.or_else(|| amazon_object(bucket, key))
    }

    /// The keys and objects of a bucket, sorted by key.
    pub(crate) fn list(&self, bucket: &str) -> Vec<(String, Object)> {
        let objects = self.objects.read().unwrap_or_else(PoisonError::into_inner);
        let of_bucket = objects.iter().filter(|((name, _), _)| name == bucket);
        of_bucket.map(|((_, key), object)| (key.clone(), object.clone())).collect()
    }

    /// Writes an object.
    pub(crate) fn put(&self, bucket: &str, key: &str, object: Object) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        objects.insert((bucket.to_owned(), key.to_owned()), object);
    }

    /// Deletes an object, present or not.
    pub(crate) fn delete(&self, bucket: &str, key: &str) {
        let mut objects = self.objects.write().unwrap_or_else(PoisonError::into_inner);
        objects.remove(&(bucket.to_owned(), key.to_owned()));
    }
}

/// The buckets that AWS keeps in every Region for its own agents and package managers.
fn amazon_bucket(name: &str) -> Option<StoredBucket> {
    let open = [
        "amazon-ssm-",
        "aws-ssm-",
        "amazon-ssm-packages-",
        "aws-codedeploy-",
        "al2023-repos-",
        "amazonlinux-2-repos-",
    ];
    let closed = ["patch-baseline-snapshot-", "aws-windows-downloads-", "prod-"];
    let layers = name.ends_with("-starport-layer-bucket");
    let region_in = |prefix: &&str| {
        let rest = name.strip_prefix(*prefix)?;
        // Some names go on behind the Region; the longest beginning that is a Region counts.
        let ends = rest.match_indices('-').map(|(at, _)| at).chain([rest.len()]);
        ends.filter(|end| is_region(&rest[..*end])).max().map(|end| rest[..end].to_owned())
    };
    let (region, readable) = match open.iter().find_map(region_in) {
        Some(region) => (region, true),
        None => (closed.iter().filter(|prefix| **prefix != "prod-" || layers).find_map(region_in)?, false),
    };
    let policy = if readable { Policy::parse(READABLE_BY_ALL).ok() } else { None };
    Some(StoredBucket { name: name.to_owned(), region, owner: AMAZON.to_owned(), policy })
}

/// Everybody may read objects and nobody may list them.
const READABLE_BY_ALL: &str = r#"{"Version":"2012-10-17","Statement":
{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*"}}"#;

fn amazon_object(bucket: &str, key: &str) -> Option<Object> {
    let owned = amazon_bucket(bucket)?;
    let body = match key {
        "latest/VERSION" if bucket.starts_with("amazon-ssm-") => "3.3.3050.0\n".to_owned(),
        "core/mirrors/latest/x86_64/mirror.list" if bucket.starts_with("al2023-repos-") => {
            format!(
                "https://{bucket}.s3.dualstack.{}.amazonaws.com/core/guids/latest/x86_64/\n",
                owned.region
            )
        }
        _ => return None,
    };
    Some(Object::new(Bytes::from(body), "binary/octet-stream", Timestamp::UNIX_EPOCH))
}
