//! The TLS step: one handshake on a connection that stands, with the presented chain kept even when nobody vouches for it.
//!
//! The handshake itself accepts every chain, so that an interceptor's certificate is an observation and not an error;
//! that the peer holds the leaf's key is still verified. Whether the chain is to be trusted is judged afterwards by
//! [`crate::roots`], and nothing that carries credentials may be sent before that.

use std::io;
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, ClientConfig, DigitallySignedStruct, ProtocolVersion, SignatureScheme,
    SupportedProtocolVersion,
};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::observations::{Certificate, TlsFailure};
use crate::run::Until;
use crate::step::Unclassified;
use crate::stream::Stream;

/// The longest text that is kept of a peer's name or error.
const LONGEST_TEXT: usize = 300;
/// The most certificates that are kept of a chain; real ones have two to four.
const LONGEST_CHAIN: usize = 10;
/// The most names that are kept of a certificate.
const MOST_NAMES: usize = 8;

/// What our side of every handshake offers: TLS 1.2 and 1.3, HTTP/1.1, the host's name, no resumption.
#[derive(Clone)]
pub(crate) struct TlsClient {
    both: Arc<ClientConfig>,
    /// TLS 1.2 alone.
    old: Arc<ClientConfig>,
}

/// What a peer presented in a handshake that ran to its end.
#[derive(Debug)]
pub(crate) struct Presented {
    /// The negotiated version: `1.2` or `1.3`.
    pub(crate) version: String,
    /// The chain, leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
}

impl TlsClient {
    /// Prepares the client side once for all handshakes of a run.
    ///
    /// # Errors
    ///
    /// If the provider supports neither version, which ring does.
    pub(crate) fn new(provider: &Arc<CryptoProvider>) -> Result<Self, rustls::Error> {
        let verifier = Arc::new(KeepChain { provider: Arc::clone(provider) });
        let speaking = |versions: &[&'static SupportedProtocolVersion]| {
            let verifier = Arc::clone(&verifier);
            let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
                .with_protocol_versions(versions)?
                .dangerous()
                .with_custom_certificate_verifier(verifier)
                .with_no_client_auth();
            config.alpn_protocols = vec![b"http/1.1".to_vec()];
            // A resumed session presents no chain, and every connection here is to be measured as a first one.
            config.resumption = Resumption::disabled();
            Ok::<_, rustls::Error>(Arc::new(config))
        };
        Ok(Self { both: speaking(rustls::ALL_VERSIONS)?, old: speaking(&[&rustls::version::TLS12])? })
    }

    /// The same client, speaking TLS 1.2 alone.
    pub(crate) fn old(&self) -> Self {
        Self { both: Arc::clone(&self.old), old: Arc::clone(&self.old) }
    }

    /// Shakes hands for a host name on a connection.
    ///
    /// # Errors
    ///
    /// How the handshake failed; an untrusted chain is no failure.
    pub(crate) async fn handshake(
        &self,
        stream: Stream,
        host: &str,
        until: &Until,
    ) -> Result<(Presented, TlsStream<Stream>), TlsFailure> {
        let name = ServerName::try_from(host.to_owned()).map_err(|error| {
            TlsFailure::Unclassified(Unclassified::from_text(format!("{host:?} is no server name: {error}")))
        })?;
        let shaking = TlsConnector::from(Arc::clone(&self.both)).connect(name, stream);
        let shaken = until.bound(shaking).await.ok_or(TlsFailure::TimedOut)?;
        let stream = shaken.map_err(|error| classify(&error))?;
        let connection = stream.get_ref().1;
        let presented = Presented {
            version: match connection.protocol_version() {
                Some(ProtocolVersion::TLSv1_3) => "1.3".to_owned(),
                Some(ProtocolVersion::TLSv1_2) => "1.2".to_owned(),
                other => format!("{other:?}"),
            },
            chain: connection.peer_certificates().unwrap_or_default().to_vec(),
        };
        Ok((presented, stream))
    }
}

/// Accepts every chain, but verifies that the peer holds the key of its leaf.
#[derive(Debug)]
struct KeepChain {
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for KeepChain {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

/// Names a handshake error by its type; the text is only kept, never looked at.
fn classify(error: &io::Error) -> TlsFailure {
    match error.kind() {
        io::ErrorKind::ConnectionReset => return TlsFailure::Reset,
        io::ErrorKind::UnexpectedEof | io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionAborted => {
            return TlsFailure::Closed;
        }
        io::ErrorKind::TimedOut => return TlsFailure::TimedOut,
        _ => {}
    }
    let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::AlertReceived(alert)) => TlsFailure::Alert { description: alert_name(*alert) },
        Some(refusal @ rustls::Error::InvalidMessage(_)) => {
            TlsFailure::NotTls { text: shorten(&refusal.to_string()) }
        }
        Some(other) => TlsFailure::Unclassified(Unclassified::from_text(shorten(&other.to_string()))),
        None => TlsFailure::Unclassified(Unclassified::from_io(error)),
    }
}

/// The alert's name as the TLS registry spells it (RFC 8446 §6, RFC 5246 §7.2 for the older ones).
fn alert_name(alert: AlertDescription) -> String {
    let name = match alert {
        AlertDescription::CloseNotify => "close_notify",
        AlertDescription::UnexpectedMessage => "unexpected_message",
        AlertDescription::BadRecordMac => "bad_record_mac",
        AlertDescription::DecryptionFailed => "decryption_failed",
        AlertDescription::RecordOverflow => "record_overflow",
        AlertDescription::DecompressionFailure => "decompression_failure",
        AlertDescription::HandshakeFailure => "handshake_failure",
        AlertDescription::NoCertificate => "no_certificate",
        AlertDescription::BadCertificate => "bad_certificate",
        AlertDescription::UnsupportedCertificate => "unsupported_certificate",
        AlertDescription::CertificateRevoked => "certificate_revoked",
        AlertDescription::CertificateExpired => "certificate_expired",
        AlertDescription::CertificateUnknown => "certificate_unknown",
        AlertDescription::IllegalParameter => "illegal_parameter",
        AlertDescription::UnknownCA => "unknown_ca",
        AlertDescription::AccessDenied => "access_denied",
        AlertDescription::DecodeError => "decode_error",
        AlertDescription::DecryptError => "decrypt_error",
        AlertDescription::ExportRestriction => "export_restriction",
        AlertDescription::ProtocolVersion => "protocol_version",
        AlertDescription::InsufficientSecurity => "insufficient_security",
        AlertDescription::InternalError => "internal_error",
        AlertDescription::InappropriateFallback => "inappropriate_fallback",
        AlertDescription::UserCanceled => "user_canceled",
        AlertDescription::NoRenegotiation => "no_renegotiation",
        AlertDescription::MissingExtension => "missing_extension",
        AlertDescription::UnsupportedExtension => "unsupported_extension",
        AlertDescription::CertificateUnobtainable => "certificate_unobtainable",
        AlertDescription::UnrecognisedName => "unrecognized_name",
        AlertDescription::BadCertificateStatusResponse => "bad_certificate_status_response",
        AlertDescription::BadCertificateHashValue => "bad_certificate_hash_value",
        AlertDescription::UnknownPSKIdentity => "unknown_psk_identity",
        AlertDescription::CertificateRequired => "certificate_required",
        AlertDescription::NoApplicationProtocol => "no_application_protocol",
        AlertDescription::EncryptedClientHelloRequired => "ech_required",
        other => return format!("{}", u8::from(other)),
    };
    name.to_owned()
}

/// What a reader or a rule needs of a chain.
pub(crate) fn summarize(chain: &[CertificateDer<'_>]) -> Vec<Certificate> {
    chain.iter().take(LONGEST_CHAIN).map(|der| summarize_one(der)).collect()
}

fn summarize_one(der: &[u8]) -> Certificate {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else {
        let unreadable = || "(unreadable)".to_owned();
        return Certificate {
            subject: unreadable(),
            issuer: unreadable(),
            names: Vec::new(),
            not_before: unreadable(),
            not_after: unreadable(),
        };
    };
    let names = match certificate.subject_alternative_name() {
        Ok(Some(extension)) => extension
            .value
            .general_names
            .iter()
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Some(shorten(name)),
                _ => None,
            })
            .take(MOST_NAMES)
            .collect(),
        Ok(None) | Err(_) => Vec::new(),
    };
    Certificate {
        subject: shorten(&certificate.subject().to_string()),
        issuer: shorten(&certificate.issuer().to_string()),
        names,
        not_before: rfc3339(certificate.validity().not_before.timestamp()),
        not_after: rfc3339(certificate.validity().not_after.timestamp()),
    }
}

fn rfc3339(seconds: i64) -> String {
    // The one source of times out of range is a certificate that says so; its number is then the honest answer.
    jiff::Timestamp::from_second(seconds).map_or_else(|_| seconds.to_string(), |time| time.to_string())
}

fn shorten(text: &str) -> String {
    text.chars().take(LONGEST_TEXT).collect()
}

#[cfg(test)]
mod tests;
