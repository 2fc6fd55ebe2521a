//! One call to EC2 through the SDK on a connection of ours, all pages of its answer, and how it failed if it did.

use aws_credential_types::Credentials;
use aws_sdk_ec2::Client;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use super::ReadFailure;
use super::connect::Pool;
use crate::call::{Signer, sdk_config};
use crate::connection::describe;
use crate::observations::{CallFailure, Reply};
use crate::run::Until;

/// The most pages that are read of one answer, each after the other.
const MOST_PAGES: usize = 10;
/// The longest message that is kept of a denial.
const LONGEST_MESSAGE: usize = 300;
/// From here on a denial is a cipher text that only `sts:DecodeAuthorizationMessage` can read.
const CIPHER_TEXT: &str = "Encoded authorization failure message";

/// Makes calls to EC2.
pub(super) struct Asker<'a> {
    /// The connections.
    pub(super) pool: &'a Pool,
    /// The Region that signatures are made for.
    pub(super) region: &'a str,
    /// What calls are signed with.
    pub(super) credentials: &'a Credentials,
    /// When all calls have to be over.
    pub(super) until: &'a Until,
}

impl Asker<'_> {
    /// Makes one call, once.
    ///
    /// # Errors
    ///
    /// How it failed; silence until the budget is over is [`ReadFailure::TimedOut`].
    pub(super) async fn ask<T, E, F>(
        &self,
        operation: &str,
        send: impl FnOnce(Client) -> F,
    ) -> Result<T, ReadFailure>
    where
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let line = self.pool.take(self.until).await?;
        let (region, credentials) = (self.region, self.credentials);
        let signer = Signer { connection: &line.connection, region, credentials };
        let recorder = signer.recorder();
        let client = Client::from_conf(sdk_config!(aws_sdk_ec2, signer, recorder, signer.url()).build());
        let result = self.until.bound(Box::pin(send(client))).await.ok_or(ReadFailure::TimedOut)?;
        let reply = recorder.reply(operation, &result);
        self.pool.give_back(Some(line));
        let reply = reply.map_err(not_answered)?;
        result.map_err(|error| refused(reply, &error))
    }
}

/// Reads every page of an answer; `page` makes the call that a token leads to.
///
/// # Errors
///
/// How one of the calls failed. A list without its end is no list, so more pages than anyone has are a failure too.
pub(super) async fn pages<T, F>(mut page: impl FnMut(Option<String>) -> F) -> Result<Vec<T>, ReadFailure>
where
    F: Future<Output = Result<(Vec<T>, Option<String>), ReadFailure>>,
{
    let mut all = Vec::new();
    let mut token = None;
    for _ in 0..MOST_PAGES {
        let (items, next) = page(token).await?;
        all.extend(items);
        token = next.filter(|token| !token.is_empty());
        if token.is_none() {
            return Ok(all);
        }
    }
    Err(ReadFailure::Unexpected { text: format!("the answer has more than {MOST_PAGES} pages") })
}

fn not_answered(failure: CallFailure) -> ReadFailure {
    match failure {
        CallFailure::TimedOut => ReadFailure::TimedOut,
        CallFailure::NotHttp { text } => {
            ReadFailure::Unexpected { text: format!("what came back is not HTTP: {text}") }
        }
        CallFailure::Closed { text } | CallFailure::NotSent { text } => {
            ReadFailure::Unclassified(crate::step::Unclassified::from_text(text))
        }
        CallFailure::Unclassified(unclassified) => ReadFailure::Unclassified(unclassified),
    }
}

/// Names a refusal by EC2's code (Amazon EC2 API reference, "Error codes"); the reply's texts hold no secret any more.
fn refused(reply: Reply, error: &(dyn std::error::Error + 'static)) -> ReadFailure {
    let Some(code) = reply.code else {
        let text = format!("HTTP {} without a code: {}", reply.status, describe(error));
        return ReadFailure::Unexpected { text };
    };
    match code.as_str() {
        "UnauthorizedOperation" | "AccessDenied" | "AccessDeniedException" => {
            let message = reply.message.unwrap_or(code);
            let readable = message.split(CIPHER_TEXT).next().unwrap_or_default().trim_end();
            ReadFailure::Denied { message: readable.chars().take(LONGEST_MESSAGE).collect() }
        }
        "AuthFailure"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "InvalidSecurity"
        | "MissingAuthenticationToken"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => ReadFailure::CredentialsRejected { code },
        _ => ReadFailure::Refused { code },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(code: &str, message: &str) -> ReadFailure {
        let reply = Reply {
            status: 403,
            code: Some(code.to_owned()),
            message: Some(message.to_owned()),
            ..Reply::default()
        };
        refused(reply, &std::io::Error::other("x"))
    }

    #[test]
    fn codes_of_ec2_are_told_apart() {
        let denied = |message: &str| ReadFailure::Denied { message: message.to_owned() };
        let rejected = |code: &str| ReadFailure::CredentialsRejected { code: code.to_owned() };
        let other = |code: &str| ReadFailure::Refused { code: code.to_owned() };
        let rows = [
            ("UnauthorizedOperation", denied("m")),
            ("AccessDenied", denied("m")),
            ("AuthFailure", rejected("AuthFailure")),
            ("RequestExpired", rejected("RequestExpired")),
            ("SignatureDoesNotMatch", rejected("SignatureDoesNotMatch")),
            ("RequestLimitExceeded", other("RequestLimitExceeded")),
            ("InvalidVpcID.NotFound", other("InvalidVpcID.NotFound")),
        ];
        for (code, expected) in rows {
            assert_eq!(named(code, "m"), expected);
        }
    }

    #[test]
    fn a_denial_ends_where_its_cipher_text_begins() {
        let message =
            "You are not authorized to perform this operation. Encoded authorization failure message: 4TiD";
        let expected = "You are not authorized to perform this operation.".to_owned();
        assert_eq!(named("UnauthorizedOperation", message), ReadFailure::Denied { message: expected });
        let ReadFailure::Denied { message } = named("UnauthorizedOperation", &"é".repeat(900)) else {
            panic!("not told as denied");
        };
        assert_eq!(message.chars().count(), LONGEST_MESSAGE);
    }

    #[test]
    fn an_answer_without_a_code_is_unexpected() {
        let reply = Reply { status: 502, ..Reply::default() };
        let failure = refused(reply, &std::io::Error::other("x"));
        assert!(matches!(failure, ReadFailure::Unexpected { text } if text.starts_with("HTTP 502")));
    }
}
