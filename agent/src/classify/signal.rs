//! The closed set of signals, grouped in dimensions. The values of one dimension exclude each other, and one value of
//! most dimensions says that nothing was learnt.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Declares one dimension: its values, the list of them all, and the name each has in a report.
macro_rules! dimension {
    ($(#[$outer:meta])* $name:ident { $($(#[$inner:meta])* $value:ident,)+ }) => {
        $(#[$outer])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$inner])* $value,)+ }

        impl $name {
            /// Every value of this dimension.
            pub const ALL: &'static [Self] = &[$(Self::$value,)+];

            /// The name of the value in a report.
            #[must_use]
            pub fn name(self) -> SignalName {
                match self { $(Self::$value => SignalName::$value,)+ }
            }
        }
    };
}

dimension! {
    /// What kind of address the name leads to.
    Address {
        /// A private address inside the VPC, of a service whose interface endpoints give its name private addresses.
        AddressInVpc,
        /// A private address inside the VPC, of a service whose interface endpoints have no private DNS: an override.
        AddressInVpcByOverride,
        /// A private address outside every known block of the VPC.
        AddressPrivateOutsideVpc,
        /// A private address, and the VPC's blocks are not known.
        AddressPrivateVpcUnknown,
        /// An address of the public internet.
        AddressPublic,
        /// An address that can belong to no service: loopback, link-local, unspecified, multicast.
        AddressNotRoutable,
    }
}

dimension! {
    /// How the address lies to the prefixes that a gateway endpoint serves.
    Prefixes {
        /// Inside the list that EC2 or a file from EC2 gave: a gateway route, if there is one, matches.
        InsidePrefixList,
        /// Inside the published ranges: a gateway route probably matches.
        InsideSnapshot,
        /// Outside the list that EC2 or a file from EC2 gave: no gateway route can match.
        OutsidePrefixList,
        /// Outside the published ranges as this program knows them, which age.
        OutsideSnapshot,
        /// No list for this service and Region.
        PrefixesUnknown,
        /// The service has no gateway endpoint, or the address is private.
        NoGatewayForService,
    }
}

dimension! {
    /// Which routers made themselves visible on the way.
    Hops {
        /// None, and the destination answered at the first TTL, so there is none that lowers it. What stands between a container and
        /// the instance that it runs on does not count.
        NoVisibleResponder,
        /// None, though silent routers were asked again; and the destination did not answer at the first TTL, so there are some, and
        /// they hide.
        HiddenResponders,
        /// The first one that did has a private address: a NAT gateway, a NAT instance or an appliance.
        PrivateFirstResponder,
        /// The same, and the destination answered at the next TTL, so there is none behind it, as there would be on the way to the
        /// internet.
        PrivateResponderOnly,
        /// The first one that did is a router of the internet side.
        InternetFirstResponder,
        /// No walk was made, or it tells nothing.
        HopsUnknown,
    }
}

dimension! {
    /// What hosts that no VPC endpoint here serves show for comparison: a public one, or the same service in another Region, which a
    /// gateway endpoint cannot carry and everything else treats alike.
    Control {
        /// A public host's path begins with the same visible router.
        ControlSharesFirstResponder,
        /// The path to the same service in another Region does, and no public host's is known to.
        OtherRegionSharesFirstResponder,
        /// A public host's path shows routers near by.
        ControlShowsResponders,
        /// The path to the same service in another Region shows routers near by.
        OtherRegionShowsResponders,
        /// A public host answers, and its path shows no router near by either.
        ControlSilent,
        /// The same service in another Region answers, and the path to it shows no router near by either.
        OtherRegionSilent,
        /// None of them can be reached.
        ControlUnreachable,
        /// None was asked, or they tell nothing.
        ControlUnknown,
    }
}

dimension! {
    /// How far the contact went.
    Contact {
        /// The service answered HTTP over TLS that a client on this host accepts.
        ServiceAnswered,
        /// TLS stood with a peer that no set of roots vouches for.
        PeerUntrusted,
        /// TCP stood, and then nothing more.
        ConnectedOnly,
        /// TCP did not get through.
        NotConnected,
        /// Nothing was tried.
        NotTried,
    }
}

dimension! {
    /// Who the peer is, by its certificate and by what VPC endpoints are documented not to do.
    Identity {
        /// The bundled public roots vouch for the name, or an authority of the field's does and the host accepts it.
        PeerIsAws,
        /// The host accepts it, but neither the bundled roots nor a known issuer stand behind it: TLS is intercepted.
        PeerIntercepts,
        /// At a private address, it does what no VPC endpoint does. It announces larger segments than fit into 8500 bytes: "a VPC
        /// endpoint supports an MTU of 8500 bytes", and endpoints "enforce Maximum Segment Size (MSS) clamping for all packets"
        /// (AWS `PrivateLink` guide, quotas). Or it speaks TLS 1.3 for S3, which S3's interface endpoints do not support (Amazon
        /// S3 user guide, AWS `PrivateLink` for Amazon S3, limitations). What endpoints announce in fact has not been verified, so
        /// an announcement within the limit says nothing.
        PeerIsNoEndpoint,
        /// There is no certificate to go by.
        PeerUnknown,
    }
}

dimension! {
    /// Whether the service itself named a VPC endpoint.
    Word {
        /// Its refusal names a VPC endpoint policy: the request came through a VPC endpoint.
        EndpointPolicyNamed,
        /// It said nothing of the kind.
        NoEndpointNamed,
    }
}

dimension! {
    /// What path proofs say, which were made on connections to the address (`--prove-with`).
    Proof {
        /// A gateway endpoint of this VPC carried the request; it was found by its id.
        ProofGatewayEndpoint,
        /// An interface endpoint of this VPC carried the request; it was found by its id.
        ProofInterfaceEndpoint,
        /// A VPC endpoint of this VPC carried the request.
        ProofEndpointOfThisVpc,
        /// A VPC endpoint carried the request, and it is none of this VPC's.
        ProofEndpointOfAnotherVpc,
        /// A VPC endpoint carried the request; of which VPC was not told.
        ProofSomeEndpoint,
        /// No VPC endpoint carried the request.
        ProofNoEndpoint,
        /// Two proofs say different things, or a proof names another VPC endpoint than the route.
        ProofsDisagree,
        /// None was made, or it proved nothing.
        NoProof,
    }
}

dimension! {
    /// Whether the internet gateway maps a public address to this instance.
    PublicAddress {
        /// It does.
        InstanceHasPublicAddress,
        /// It does not: an internet gateway alone leads nowhere.
        InstanceHasNoPublicAddress,
        /// Instance metadata did not say.
        PublicAddressUnknown,
    }
}

dimension! {
    /// Under which address the internet sees this instance on the way that an address takes.
    Egress {
        /// Its own public one: nothing on the way translates but the internet gateway.
        EgressIsOwnAddress,
        /// Another: a NAT gateway, an appliance or a proxy stands on the way, whether or not it shows itself.
        EgressIsAnotherAddress,
        /// No control told, or what it told says nothing of that way.
        EgressUnknown,
    }
}

dimension! {
    /// What EC2 says: where the subnet's route table sends the address, or which endpoint it belongs to.
    Configured {
        /// To a gateway endpoint.
        RouteToGatewayEndpoint,
        /// To a NAT gateway whose own subnet's route table sends the address to an internet gateway, or nowhere.
        RouteToNatGateway,
        /// To a NAT gateway, and where that sends it is not known.
        RouteToNatGatewayThenUnknown,
        /// To a NAT gateway whose own subnet's route table sends the address to a gateway endpoint.
        RouteToNatGatewayThenGatewayEndpoint,
        /// To an internet gateway.
        RouteToInternetGateway,
        /// To an egress-only internet gateway.
        RouteToEgressOnlyInternetGateway,
        /// To an instance's interface: a NAT instance or an appliance.
        RouteToInstance,
        /// To a Gateway Load Balancer endpoint, behind which a firewall stands.
        RouteToFirewall,
        /// To a transit gateway.
        RouteToTransitGateway,
        /// To a VPN gateway.
        RouteToVpnGateway,
        /// To a peering connection.
        RouteToPeering,
        /// To something that is gone.
        RouteBlackhole,
        /// Nowhere: no route matches.
        NoRoute,
        /// The VPC has an available interface endpoint for the service with private DNS, and the address is in the VPC.
        InterfaceEndpointInVpc,
        /// A network interface of an interface endpoint of this VPC holds the address.
        InterfaceEndpointHoldsAddress,
        /// A network interface of this VPC holds the address that is no interface endpoint's: an instance's, a load balancer's.
        OtherHoldsAddress,
        /// EC2 did not say, or what it said does not decide it.
        RouteUnknown,
    }
}

impl Hops {
    /// Whether the first router that made itself visible has a private address.
    #[must_use]
    pub fn begin_private(self) -> bool {
        matches!(self, Self::PrivateFirstResponder | Self::PrivateResponderOnly)
    }
}

/// Everything that was learnt about one address, one value per dimension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each field is the dimension of its type")]
pub struct Signals {
    pub address: Address,
    pub prefixes: Prefixes,
    pub hops: Hops,
    pub control: Control,
    pub contact: Contact,
    pub identity: Identity,
    pub word: Word,
    pub proof: Proof,
    pub public_address: PublicAddress,
    pub egress: Egress,
    pub configured: Configured,
}

/// The name of a signal in a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "each name is documented at the dimension it belongs to")]
pub enum SignalName {
    AddressInVpc,
    AddressInVpcByOverride,
    AddressPrivateOutsideVpc,
    AddressPrivateVpcUnknown,
    AddressPublic,
    AddressNotRoutable,
    InsidePrefixList,
    InsideSnapshot,
    OutsidePrefixList,
    OutsideSnapshot,
    PrefixesUnknown,
    NoGatewayForService,
    NoVisibleResponder,
    HiddenResponders,
    PrivateFirstResponder,
    PrivateResponderOnly,
    InternetFirstResponder,
    HopsUnknown,
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    ControlShowsResponders,
    OtherRegionShowsResponders,
    ControlSilent,
    OtherRegionSilent,
    ControlUnreachable,
    ControlUnknown,
    ServiceAnswered,
    PeerUntrusted,
    ConnectedOnly,
    NotConnected,
    NotTried,
    PeerIsAws,
    PeerIntercepts,
    PeerIsNoEndpoint,
    PeerUnknown,
    EndpointPolicyNamed,
    NoEndpointNamed,
    ProofGatewayEndpoint,
    ProofInterfaceEndpoint,
    ProofEndpointOfThisVpc,
    ProofEndpointOfAnotherVpc,
    ProofSomeEndpoint,
    ProofNoEndpoint,
    ProofsDisagree,
    NoProof,
    InstanceHasPublicAddress,
    InstanceHasNoPublicAddress,
    PublicAddressUnknown,
    EgressIsOwnAddress,
    EgressIsAnotherAddress,
    EgressUnknown,
    RouteToGatewayEndpoint,
    RouteToNatGateway,
    RouteToNatGatewayThenUnknown,
    RouteToNatGatewayThenGatewayEndpoint,
    RouteToInternetGateway,
    RouteToEgressOnlyInternetGateway,
    RouteToInstance,
    RouteToFirewall,
    RouteToTransitGateway,
    RouteToVpnGateway,
    RouteToPeering,
    RouteBlackhole,
    NoRoute,
    InterfaceEndpointInVpc,
    InterfaceEndpointHoldsAddress,
    OtherHoldsAddress,
    RouteUnknown,
    /// No resolver gave an address.
    NoAddress,
    /// No Region is known, so there is no host name to ask for.
    RegionUnknown,
    /// Witnesses that are each conclusive say different things.
    EvidenceContradictsItself,
    /// Reachable addresses take different paths.
    AddressesDisagree,
    /// The environment sends clients through a proxy.
    ProxyApplies,
    /// The environment sends some clients through a proxy and others not.
    ProxyUnclear,
    /// What the way that does not use the proxy is like.
    DirectWay,
}
