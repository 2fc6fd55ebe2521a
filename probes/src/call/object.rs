//! The signed request for an object of S3, by hand: the SDK's own knows every algorithm of a checksum that an object may have, which
//! would be a twentieth of this program, and what is in the object does not matter here.

use http::Request;

use super::signing::{Service, signed};
use super::{Signer, reply};
use crate::observations::{CallFailure, Reply};

/// `GetObject` with the bucket in the path, so that any address of S3 can be asked under the service's own name.
///
/// Bucket and key must be of characters that stand for themselves in a path.
pub(crate) async fn get_object(signer: &Signer<'_>, bucket: &str, key: &str) -> Result<Reply, CallFailure> {
    let request = Request::get(format!("{}/{bucket}/{key}", signer.url()));
    let request = signed(signer, Service::S3, request, String::new())?;
    let received = signer.connection.exchange(request).await?;
    Ok(reply::of_signed("s3:GetObject", signer.credentials, &received, reply::reason(&received)))
}
