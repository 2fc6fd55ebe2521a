//! The signed SSM request: `ListAssociations`, which the managed policy of every managed node allows. By hand, since nothing of
//! its answer is wanted that a reply does not have, and its SDK knows a hundred and fifty other operations.

use http::Request;
use http::header::CONTENT_TYPE;

use super::signing::{Service, signed};
use super::{Signer, reply};
use crate::observations::{CallFailure, Reply};

/// `ListAssociations`, one association at most.
pub(super) async fn list_associations(signer: &Signer<'_>) -> Result<Reply, CallFailure> {
    let request = Request::post(format!("{}/", signer.url()))
        .header(CONTENT_TYPE, "application/x-amz-json-1.1")
        .header("x-amz-target", "AmazonSSM.ListAssociations");
    let request = signed(signer, Service::Ssm, request, r#"{"MaxResults":1}"#.to_owned())?;
    let received = signer.connection.exchange(request).await?;
    Ok(reply::of_signed("ssm:ListAssociations", signer.credentials, &received, reply::reason(&received)))
}
