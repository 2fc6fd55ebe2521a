//! The SDKs' way onto the measured connection: an HTTP client that hands one signed request over and keeps the answer.
//!
//! The SDK gets the answer too, to read its error from it. What the observation says of status and header fields comes
//! from the record, so that nothing depends on what an SDK makes of an answer that no service sent.

use std::sync::{Arc, Mutex, PoisonError};

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use bytes::Bytes;

use super::reply;
use crate::connection::{Connection, Received, describe};
use crate::observations::{CallFailure, Reply};

/// An HTTP client for exactly one request, with the record of what became of it.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    connection: Arc<Connection>,
    credentials: Credentials,
    record: Arc<Mutex<Record>>,
}

/// What became of the one request.
#[derive(Debug, Default)]
enum Record {
    /// It has not been handed over.
    #[default]
    Unused,
    /// It is on its way.
    Sent,
    /// It was answered, or failed.
    Ended(Result<Received, CallFailure>),
}

impl Recorder {
    /// A client that sends on this connection what these credentials sign.
    pub(crate) fn new(connection: Arc<Connection>, credentials: Credentials) -> Self {
        Self { connection, credentials, record: Arc::default() }
    }

    /// Reads the reply from the record and, where the service gave a reason, from the SDK's reading of it.
    ///
    /// # Errors
    ///
    /// How the exchange failed, or that the SDK never got as far as sending it.
    pub(crate) fn reply<T, E>(
        &self,
        operation: &str,
        result: &Result<T, SdkError<E, HttpResponse>>,
    ) -> Result<Reply, CallFailure>
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let record = std::mem::take(&mut *self.record.lock().unwrap_or_else(PoisonError::into_inner));
        let received = match (record, result) {
            (Record::Ended(received), _) => received?,
            (Record::Unused | Record::Sent, Err(error)) => {
                return Err(CallFailure::NotSent { text: describe(error) });
            }
            (Record::Unused | Record::Sent, Ok(_)) => {
                return Err(CallFailure::NotSent {
                    text: "the SDK gave an answer without a request".to_owned(),
                });
            }
        };
        let (mut code, mut message) = reply::reason(&received);
        if let (Err(error), false) = (result, received.body.is_empty()) {
            code = error.code().map(ToOwned::to_owned).or(code);
            message = error.message().map(ToOwned::to_owned).or(message);
        }
        Ok(reply::of_signed(operation, &self.credentials, &received, (code, message)))
    }
}

impl HttpClient for Recorder {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Recorder {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            {
                let mut record = this.record.lock().unwrap_or_else(PoisonError::into_inner);
                if !matches!(*record, Record::Unused) {
                    return Err(ConnectorError::user("one request only".into()));
                }
                *record = Record::Sent;
            }
            let ended = this.exchange(request).await;
            let answer = match &ended {
                Ok(received) => answer(received),
                Err(failure) => Err(ConnectorError::io(format!("{failure:?}").into())),
            };
            *this.record.lock().unwrap_or_else(PoisonError::into_inner) = Record::Ended(ended);
            answer
        })
    }
}

impl Recorder {
    async fn exchange(&self, request: HttpRequest) -> Result<Received, CallFailure> {
        let not_sent = |text: String| CallFailure::NotSent { text };
        let request = request.try_into_http1x().map_err(|error| not_sent(describe(&error)))?;
        let (head, body) = request.into_parts();
        let body = body.bytes().map(Bytes::copy_from_slice);
        let body = body.ok_or_else(|| not_sent("the request's body is a stream".to_owned()))?;
        self.connection.exchange(http::Request::from_parts(head, body)).await
    }
}

/// The answer in the SDK's type.
fn answer(received: &Received) -> Result<HttpResponse, ConnectorError> {
    let mut response = http::Response::new(SdkBody::from(received.body.clone()));
    *response.status_mut() =
        http::StatusCode::from_u16(received.status).map_err(|error| ConnectorError::user(error.into()))?;
    *response.headers_mut() = received.headers.clone();
    HttpResponse::try_from(response).map_err(|error| ConnectorError::user(error.into()))
}
