//! Boxes on the way to AWS that look at the name in a TLS handshake, or put themselves in the place of AWS.
//!
//! They stand before the doors of AWS and not in the network: what a client sees is the same, because a firewall that judges by
//! the server name has to let the TCP handshake through first.

use rustls::server::ClientHello;
use serde::Deserialize;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::authority::Validity;

/// One box, and the host names it cares about.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interference {
    /// The names, each with everything below it; `*` is every name.
    names: Vec<String>,
    /// What it does.
    pub(crate) does: Deed,
}

/// What a box does with a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deed {
    /// It lets nothing more through, as a firewall whose rule drops.
    Drop,
    /// It resets the connection, as a firewall whose rule rejects.
    Reset,
    /// It opens TLS with a certificate of its own authority.
    Intercept,
    /// It ends handshakes that offer TLS 1.3.
    RefuseTls13,
    /// It ends every handshake for its version: it knows only older ones.
    RefuseVersions,
    /// The certificate has expired.
    Expired,
    /// The certificate is not valid yet.
    NotYetValid,
    /// The certificate is for another name.
    OtherName,
    /// A page of its own in plain HTTP takes the place of TLS.
    Page,
    /// It opens TLS with a certificate of its own authority and answers with a page of its own.
    InterceptWithPage,
}

/// What a box without TLS answers.
const PAGE: &str = "HTTP/1.1 302 Found\r\nLocation: http://portal.corp.example/login\r\nServer: portal\r\n\
                    Content-Type: text/html\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
/// A fatal alert `protocol_version` (RFC 8446 §6) in a record of TLS 1.2.
const PROTOCOL_VERSION: [u8; 7] = [0x15, 0x03, 0x03, 0x00, 0x02, 0x02, 70];

/// What befalls a connection for this name.
pub(crate) fn deed(boxes: &[Interference], name: Option<&str>) -> Option<Deed> {
    let name = name.unwrap_or_default();
    let cares = |each: &&Interference| {
        each.names.iter().any(|wanted| {
            wanted == "*"
                || name.strip_suffix(wanted).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    };
    boxes.iter().find(cares).map(|each| each.does)
}

impl Deed {
    /// Whether the handshake never gets as far as a certificate.
    pub(crate) fn ends_it(self, hello: &ClientHello<'_>) -> bool {
        match self {
            Self::Drop | Self::Reset | Self::Page | Self::RefuseVersions => true,
            Self::RefuseTls13 => hello
                .cipher_suites()
                .iter()
                .any(|suite| suite.as_str().is_some_and(|name| name.starts_with("TLS13_"))),
            Self::Intercept
            | Self::InterceptWithPage
            | Self::Expired
            | Self::NotYetValid
            | Self::OtherName => false,
        }
    }

    /// Ends a connection that has said hello.
    pub(crate) async fn end(self, mut stream: TcpStream) -> std::io::Result<()> {
        match self {
            Self::Drop => std::future::pending().await,
            Self::Reset => stream.set_zero_linger(),
            Self::Page => stream.write_all(PAGE.as_bytes()).await,
            _ => stream.write_all(&PROTOCOL_VERSION).await,
        }
    }

    /// Whether the certificate comes from an authority of the box's own.
    pub(crate) fn intercepts(self) -> bool {
        matches!(self, Self::Intercept | Self::InterceptWithPage)
    }

    /// When the certificate is valid.
    pub(crate) fn validity(self) -> Validity {
        match self {
            Self::Expired => Validity::Past,
            Self::NotYetValid => Validity::Future,
            _ => Validity::Now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_box_cares_for_names_by_whole_labels() {
        let boxes: Vec<Interference> =
            vec![Interference { names: vec!["s3.us-east-1.amazonaws.com".into()], does: Deed::Drop }];
        assert_eq!(deed(&boxes, Some("data.s3.us-east-1.amazonaws.com")), Some(Deed::Drop));
        assert_eq!(deed(&boxes, Some("data-s3.us-east-1.amazonaws.com")), None);
        assert_eq!(deed(&boxes, None), None);
    }
}
