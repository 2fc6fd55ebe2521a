//! One call to EC2 on a connection of ours, all pages of its answer, and how it failed if it did.

use aws_credential_types::Credentials;

use super::ReadFailure;
use super::answer::Element;
use super::connect::Pool;
use crate::call::{Signer, ec2};
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
    pub(super) async fn ask(&self, action: &str, parameters: &Parameters) -> Result<Element, ReadFailure> {
        let line = self.pool.take(self.until).await?;
        let (region, credentials) = (self.region, self.credentials);
        let signer = Signer { connection: &line.connection, region, credentials };
        let asking = Box::pin(ec2(&signer, action, &parameters.pairs));
        let answered = self.until.bound(asking).await.ok_or(ReadFailure::TimedOut)?;
        self.pool.give_back(Some(line));
        let (reply, body) = answered.map_err(not_answered)?;
        match reply.status {
            200..300 => Element::of_answer(action, &body),
            _ => Err(refused(reply)),
        }
    }

    /// Makes one call and those for its further pages, and gives the entries of one of the answers' lists.
    ///
    /// # Errors
    ///
    /// How one of the calls failed. A list without its end is no list, so more pages than anyone has are a failure too.
    pub(super) async fn ask_all(
        &self,
        action: &str,
        parameters: Parameters,
        list: &str,
    ) -> Result<Vec<Element>, ReadFailure> {
        let mut all = Vec::new();
        let mut page = parameters.clone();
        for _ in 0..MOST_PAGES {
            let answer = self.ask(action, &page).await?;
            let next = answer.text("nextToken").filter(|token| !token.is_empty());
            let next = next.map(|token| parameters.clone().with("NextToken", token));
            all.extend(answer.into_items(list));
            let Some(next) = next else { return Ok(all) };
            page = next;
        }
        Err(ReadFailure::Unexpected { text: format!("the answer has more than {MOST_PAGES} pages") })
    }
}

/// What a call is asked with, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters {
    pairs: Vec<(String, String)>,
    filters: usize,
}

impl Parameters {
    /// Adds a parameter.
    pub(super) fn with(mut self, name: &str, value: &str) -> Self {
        self.pairs.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a filter, which holds for what has one of the values; filters add up.
    pub(super) fn filter(mut self, name: &str, values: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        self.filters += 1;
        let number = self.filters;
        let mut filtered = self.with(&format!("Filter.{number}.Name"), name);
        for (value, which) in values.into_iter().zip(1..) {
            filtered = filtered.with(&format!("Filter.{number}.Value.{which}"), value.as_ref());
        }
        filtered
    }
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
fn refused(reply: Reply) -> ReadFailure {
    let Some(code) = reply.code else {
        return ReadFailure::Unexpected { text: format!("HTTP {} without a code", reply.status) };
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
        refused(reply)
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
        let failure = refused(reply);
        assert!(matches!(failure, ReadFailure::Unexpected { text } if text.starts_with("HTTP 502")));
    }
}
