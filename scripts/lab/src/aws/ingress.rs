//! How a connection reached AWS, as the network of the lab knows it and AWS cannot find out by itself.
//!
//! Policies read it (`aws:SourceVpce`, `aws:SourceIp`), certificates and TLS versions depend on it. This module does not know
//! addresses or routes: whoever opens a listener says, for each connection, which of the three ways it came.

/// The kind of door through which a connection entered AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum IngressKind {
    /// Through a gateway endpoint: the service's public address, but the request counts as coming from the VPC.
    Gateway,
    /// Through the network interface of an interface endpoint.
    Interface,
    /// From the public internet, whatever gateway or NAT carried it out of the VPC.
    Internet,
}

/// Where a connection came in; it decides policy keys, the certificate and the TLS versions on offer.
#[derive(Clone, Debug)]
pub(crate) struct Ingress {
    /// The kind of door.
    pub(crate) kind: IngressKind,
    /// The id (`vpce-…`) of the endpoint, for both kinds of endpoint; its policy is looked up by this id.
    pub(crate) vpc_endpoint_id: Option<String>,
    /// The VPC the endpoint belongs to, which need not be the instance's (the keys describe the endpoint's VPC).
    pub(crate) vpc_id: Option<String>,
    /// The service behind the dialled address, by the name of its endpoint service (`s3`, `dynamodb`, `ecr.api`, …).
    ///
    /// An endpoint's interface serves one service whatever name the client asks for. `None` leaves the choice to the name.
    pub(crate) service: Option<String>,
}

impl Ingress {
    /// A connection from the public internet to whatever service the client names.
    pub(crate) fn internet() -> Self {
        Self { kind: IngressKind::Internet, vpc_endpoint_id: None, vpc_id: None, service: None }
    }

    /// Whether the request travelled through an endpoint, so that policies see `aws:SourceVpce` and not `aws:SourceIp`.
    pub(crate) fn through_endpoint(&self) -> bool {
        self.kind != IngressKind::Internet
    }
}
