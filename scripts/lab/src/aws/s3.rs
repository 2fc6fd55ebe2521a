//! S3: which bucket and key a request means, whether it came to the right Region, who may do what, and the answer.
//!
//! What is stored lives in [`store`]; the operations' own answers in [`objects`].

mod objects;
mod regions;
pub(crate) mod store;

use super::Aws;
use super::access::{self, Ask, Kind, Refusal};
use super::errors::{Fault, HOST_ID, Protocol};
use super::keys::Session;
use super::names::{Host, partition_of};
use super::policy::Policy;
use super::request::{Call, Reply, random_text};
use super::sigv4::{self, Scope};
use store::StoredBucket;

/// The answer of S3.
pub(crate) fn answer(aws: &Aws, call: &Call) -> Reply {
    let address = Address::of(call);
    let own = call.target.as_ref().filter(|target| target.service == "s3");
    let region = own.map_or(aws.config.region.as_str(), Host::answering_region);
    let request = Request { aws, call, scope: Scope { service: "s3", region }, address: &address };
    let bucket = address.bucket.as_deref().and_then(|name| aws.s3.bucket(name));
    let reply = match request.handle(bucket.as_ref()) {
        Ok(reply) => reply,
        Err(fault) => fault.reply("s3", call),
    };
    // The Region of a bucket is no secret: it is told with every answer about the bucket, refusals included.
    match &bucket {
        Some(bucket) if address.key.is_none() || reply.status >= 300 => {
            reply.with("x-amz-bucket-region", bucket.region.clone())
        }
        _ => reply,
    }
}

/// The bucket and key of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Address {
    bucket: Option<String>,
    /// Decoded; `None` for the bucket itself.
    key: Option<String>,
    /// Whether the bucket stood in the host name.
    in_host: bool,
}

struct Request<'a> {
    aws: &'a Aws,
    call: &'a Call,
    scope: Scope<'a>,
    address: &'a Address,
}

impl Address {
    fn of(call: &Call) -> Self {
        let path = percent_encoding::percent_decode_str(&call.path).decode_utf8_lossy().into_owned();
        let path = path.strip_prefix('/').unwrap_or(&path).to_owned();
        let own = call.target.as_ref().filter(|target| target.service == "s3");
        let in_host = match own {
            Some(host) => host.bucket.clone(),
            // A host that S3 does not know counts as a bucket with a name of its own.
            None => Some(call.host.clone()),
        };
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        if let Some(bucket) = in_host {
            return Self { bucket: Some(bucket), key: some(&path), in_host: true };
        }
        let (bucket, key) = path.split_once('/').unwrap_or((&path, ""));
        Self { bucket: some(bucket), key: some(key), in_host: false }
    }
}

impl Request<'_> {
    fn handle(&self, bucket: Option<&StoredBucket>) -> Result<Reply, Fault> {
        let call = self.call;
        if self.aws.config.throttled.contains("s3") {
            return Err(Fault::new(503, "SlowDown", "Please reduce your request rate."));
        }
        if self.aws.config.faulty.contains("s3") {
            return Err(Fault::new(
                500,
                "InternalError",
                "We encountered an internal error. Please try again.",
            ));
        }
        if let Some(bucket) = bucket.filter(|bucket| bucket.region != self.scope.region) {
            return Err(regions::elsewhere(bucket, self.scope.region, self.address.in_host, call));
        }
        let who =
            sigv4::verify(call, &self.aws.keys, self.scope).map_err(|failure| failure.fault(Protocol::S3))?;
        let Some(name) = &self.address.bucket else {
            return self.service(who.as_ref());
        };
        // In China nothing is served to the public before the owner's account has its licence.
        if who.is_none() && bucket.is_some_and(|bucket| !self.is_open_to_the_public(bucket)) {
            let text = "The account that owns the bucket is not authorized for public access.";
            return Err(Fault::new(403, "UnauthorizedAccessError", text));
        }
        let Some(bucket) = bucket else {
            return Err(Fault::new(404, "NoSuchBucket", "The specified bucket does not exist")
                .with("BucketName", name.clone()));
        };
        match &self.address.key {
            None => self.bucket(who.as_ref(), bucket),
            Some(key) => self.object(who.as_ref(), bucket, key),
        }
    }

    /// Whether the law lets a bucket be read without a signature: everywhere but in China, and there only what AWS publishes.
    fn is_open_to_the_public(&self, bucket: &StoredBucket) -> bool {
        partition_of(self.scope.region).id != "aws-cn" || bucket.owner == store::AMAZON
    }

    /// Requests to the service itself.
    fn service(&self, who: Option<&Session>) -> Result<Reply, Fault> {
        match (self.call.method.as_str(), who) {
            ("GET", Some(session)) => {
                let arn = format!("arn:{}:s3:::*", partition_of(self.scope.region).id);
                let ask = Ask { resource_in_text: false, ..Ask::own(self.aws, "s3:ListAllMyBuckets", arn) };
                self.authorize(Some(session), &ask)?;
                Ok(self.reply(objects::buckets(self.aws, session)))
            }
            // The service's root without a signature leads to its product page.
            ("GET", None) => {
                Ok(self.reply(Reply::new(307, "", "").with("location", "https://aws.amazon.com/s3/")))
            }
            _ => Err(not_allowed(self.call)),
        }
    }

    fn bucket(&self, who: Option<&Session>, bucket: &StoredBucket) -> Result<Reply, Fault> {
        let call = self.call;
        let subresource = SUBRESOURCES.iter().find(|(name, _)| call.parameter(name).is_some());
        let action = match (call.method.as_str(), subresource) {
            ("GET" | "HEAD", None) => "s3:ListBucket",
            ("GET", Some((_, action))) => action,
            ("PUT", Some(("policy", _))) => "s3:PutBucketPolicy",
            ("DELETE", Some(("policy", _))) => "s3:DeleteBucketPolicy",
            ("PUT", None) => "s3:CreateBucket",
            ("DELETE", None) => "s3:DeleteBucket",
            _ => return Err(not_allowed(call)),
        };
        let mut ask = self.ask(action, bucket, "");
        for name in ["prefix", "delimiter", "max-keys"] {
            if let Some(value) = call.parameter(name) {
                ask.keys.push((KEYS.iter().find(|key| key.ends_with(name)).unwrap_or(&"s3:prefix"), value));
            }
        }
        self.authorize(who, &ask)?;
        match (call.method.as_str(), subresource) {
            ("HEAD", None) => Ok(self.reply(Reply::new(200, "application/xml", ""))),
            ("GET", None) => objects::list(self.aws, call, bucket).map(|reply| self.reply(reply)),
            ("GET", Some(("location", _))) => Ok(self.reply(objects::location(bucket))),
            (method, Some(("policy", _))) => self.policy(method, bucket),
            _ => Err(not_implemented()),
        }
    }

    /// `GetBucketPolicy`, `PutBucketPolicy` and `DeleteBucketPolicy`.
    fn policy(&self, method: &str, bucket: &StoredBucket) -> Result<Reply, Fault> {
        match (method, &bucket.policy) {
            ("GET", Some(policy)) => {
                Ok(self.reply(Reply::new(200, "application/json", policy.source().to_owned())))
            }
            ("GET", None) => Err(Fault::new(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
                .with("BucketName", bucket.name.clone())),
            ("PUT", _) => {
                let text = String::from_utf8_lossy(&self.call.body);
                let policy = Policy::parse(&text)
                    .map_err(|error| Fault::new(400, "MalformedPolicy", error.to_string()))?;
                self.aws.s3.set_policy(&bucket.name, Some(policy));
                Ok(self.reply(Reply::new(204, "", "")))
            }
            _ => {
                self.aws.s3.set_policy(&bucket.name, None);
                Ok(self.reply(Reply::new(204, "", "")))
            }
        }
    }

    fn object(&self, who: Option<&Session>, bucket: &StoredBucket, key: &str) -> Result<Reply, Fault> {
        let call = self.call;
        let action = match call.method.as_str() {
            "GET" | "HEAD" => "s3:GetObject",
            "PUT" => "s3:PutObject",
            "DELETE" => "s3:DeleteObject",
            _ => return Err(not_allowed(call)),
        };
        self.authorize(who, &self.ask(action, bucket, key))?;
        match call.method.as_str() {
            "PUT" if call.headers.contains_key("x-amz-copy-source") => Err(not_implemented()),
            "PUT" => objects::put(self.aws, call, bucket, key).map(|reply| self.reply(reply)),
            "DELETE" => {
                self.aws.s3.delete(&bucket.name, key);
                Ok(self.reply(Reply::new(204, "", "")))
            }
            _ => {
                if let Some(object) = self.aws.s3.object(&bucket.name, key) {
                    return objects::get(call, &object).map(|reply| self.reply(reply));
                }
                // Whoever may not list a bucket does not learn either that a key is absent.
                self.authorize(who, &self.ask("s3:ListBucket", bucket, ""))?;
                Err(Fault::new(404, "NoSuchKey", "The specified key does not exist.").with("Key", key))
            }
        }
    }

    fn ask<'b>(&self, action: &'b str, bucket: &'b StoredBucket, key: &str) -> Ask<'b> {
        let slash = if key.is_empty() { "" } else { "/" };
        let arn = format!("arn:{}:s3:::{}{slash}{key}", partition_of(self.scope.region).id, bucket.name);
        Ask {
            action,
            resource: arn,
            resource_in_text: true,
            resource_account: &bucket.owner,
            resource_policy: bucket.policy.as_ref(),
            resource_kind: Kind::Resource,
            keys: vec![("s3:ResourceAccount", bucket.owner.clone())],
        }
    }

    fn authorize(&self, who: Option<&Session>, ask: &Ask<'_>) -> Result<(), Fault> {
        access::authorize(self.aws, self.call, who, self.scope, ask)
            .map_err(|refusal: Refusal| Fault::new(403, "AccessDenied", refusal.text("Access Denied")))
    }

    fn reply(&self, reply: Reply) -> Reply {
        reply
            .with("server", "AmazonS3")
            .with("x-amz-request-id", self.call.id.clone())
            .with("x-amz-id-2", random_text(HOST_ID, 76))
    }
}

/// The subresources of a bucket that can be asked for, and the action each needs.
const SUBRESOURCES: [(&str, &str); 10] = [
    ("location", "s3:GetBucketLocation"),
    ("policy", "s3:GetBucketPolicy"),
    ("policyStatus", "s3:GetBucketPolicyStatus"),
    ("acl", "s3:GetBucketAcl"),
    ("versioning", "s3:GetBucketVersioning"),
    ("encryption", "s3:GetEncryptionConfiguration"),
    ("publicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("tagging", "s3:GetBucketTagging"),
    ("lifecycle", "s3:GetLifecycleConfiguration"),
    ("logging", "s3:GetBucketLogging"),
];

const KEYS: [&str; 3] = ["s3:prefix", "s3:delimiter", "s3:max-keys"];

fn not_allowed(call: &Call) -> Fault {
    Fault::new(405, "MethodNotAllowed", "The specified method is not allowed against this resource.")
        .with("Method", call.method.to_string())
        .with("ResourceType", "SERVICE")
}

fn not_implemented() -> Fault {
    Fault::new(
        501,
        "NotImplemented",
        "A header or query you provided requested a function that is not implemented.",
    )
}
