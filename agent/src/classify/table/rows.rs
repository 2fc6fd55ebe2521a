//! The rows of the table, in the order in which they are tried.

mod proofs;

use super::{Row, Ruling};
use crate::classify::signal::{
    Address, Configured, Contact, Control, Egress, Hops, Identity, Prefixes, PublicAddress, Word,
};
use crate::report::{Confidence, Path, Via};

use Address::{
    AddressInVpc, AddressInVpcByOverride, AddressNotRoutable, AddressPrivateOutsideVpc,
    AddressPrivateVpcUnknown, AddressPublic,
};
use Confidence::{Likely, Possible, Proven};
use Configured::{
    InterfaceEndpointHoldsAddress, InterfaceEndpointInVpc, NoRoute, OtherHoldsAddress, RouteBlackhole,
    RouteToEgressOnlyInternetGateway, RouteToFirewall, RouteToGatewayEndpoint, RouteToInstance,
    RouteToInternetGateway, RouteToNatGateway, RouteToNatGatewayThenGatewayEndpoint,
    RouteToNatGatewayThenUnknown, RouteToPeering, RouteToTransitGateway, RouteToVpnGateway,
};
use Contact::{ConnectedOnly, NotConnected, NotTried, PeerUntrusted, ServiceAnswered};
use Control::{
    ControlSharesFirstResponder, ControlShowsResponders, ControlSilent, ControlUnreachable,
    OtherRegionSharesFirstResponder, OtherRegionShowsResponders, OtherRegionSilent,
};
use Egress::{EgressIsAnotherAddress, EgressIsOwnAddress};
use Hops::{
    HiddenResponders, HopsUnknown, InternetFirstResponder, NoVisibleResponder, PrivateFirstResponder,
    PrivateResponderOnly,
};
use Identity::{PeerIntercepts, PeerIsAws, PeerIsNoEndpoint};
use Path::{GatewayEndpoint, InterfaceEndpoint, Internet, Undetermined, Unreachable};
use Prefixes::{
    InsidePrefixList, InsideSnapshot, NoGatewayForService, OutsidePrefixList, OutsideSnapshot,
    PrefixesUnknown,
};
use PublicAddress::InstanceHasPublicAddress;
use Via::{InternetGateway, NatOrAppliance};
use Word::EndpointPolicyNamed;

/// The one known twin of a gateway endpoint that is told by silence.
const HIDDEN_EGRESS: &str = "an egress that hides its routers and admits only these prefixes looks the same; --prove-with tells, or describe-route-tables";
/// The same, where other ways out do not hide their routers.
const HIDDEN_WAY: &str = "an appliance that hides, with a route to it for these prefixes alone, would look the same; --prove-with tells, or describe-route-tables";
/// The same, where routers would have to lower the TTL unseen as well.
const UNSEEN_EGRESS: &str = "only an egress that hides its routers, lowers no TTL and admits only these prefixes would look the same; --prove-with tells, or describe-route-tables";
/// What may lie behind a NAT that is told by its address.
const BEHIND_NAT: &str =
    "whether it leads on to a gateway endpoint cannot be seen from here; --prove-with tells";
/// What probably lies behind a NAT that has the service right behind it.
const RIGHT_BEHIND_NAT: &str = "that router's own subnet may have a route to a gateway endpoint; --prove-with tells, or describe-route-tables for that subnet";

const fn sure(path: Path, via: Option<Via>, confidence: Confidence) -> Ruling {
    Ruling { path, via, confidence: Some(confidence) }
}

const UNDETERMINED: Ruling = Ruling { path: Undetermined, via: None, confidence: None };

/// A row that matches anything and means nothing; every row of the table changes some of it.
pub(super) const ANY: Row = Row {
    address: &[],
    prefixes: &[],
    hops: &[],
    control: &[],
    contact: &[],
    identity: &[],
    word: &[],
    proof: &[],
    public_address: &[],
    egress: &[],
    configured: &[],
    ruling: UNDETERMINED,
    reading: "",
    twin: "",
    contradictory: false,
};

/// A row whose witnesses contradict each other.
const CONTRADICTION: Row = Row { contradictory: true, ..ANY };

/// No router is visible, whether there is none or they hide.
const NONE_VISIBLE: &[Hops] = &[NoVisibleResponder, HiddenResponders];
/// The first visible router has a private address.
const PRIVATE_FIRST: &[Hops] = &[PrivateFirstResponder, PrivateResponderOnly];
const CONNECTED: &[Contact] = &[ServiceAnswered, PeerUntrusted, ConnectedOnly];
const PRIVATE: &[Address] =
    &[AddressInVpc, AddressInVpcByOverride, AddressPrivateOutsideVpc, AddressPrivateVpcUnknown];
const IN_VPC: &[Address] = &[AddressInVpc, AddressInVpcByOverride];
const INSIDE: &[Prefixes] = &[InsidePrefixList, InsideSnapshot];
/// The controls tell this silence from a general one: they show routers where the service shows none.
const CONTROL_SHOWS: &[Control] = &[
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    ControlShowsResponders,
    OtherRegionShowsResponders,
];
/// The same, or the internet cannot be reached at all.
const CONTROL_DIFFERS: &[Control] = &[
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    ControlShowsResponders,
    OtherRegionShowsResponders,
    ControlUnreachable,
];
/// Some control can be reached.
const CONTROL_REACHED: &[Control] = &[
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    ControlShowsResponders,
    OtherRegionShowsResponders,
    ControlSilent,
    OtherRegionSilent,
];
/// The controls tell something.
const CONTROL_TELLS: &[Control] = &[
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    ControlShowsResponders,
    OtherRegionShowsResponders,
    ControlSilent,
    OtherRegionSilent,
    ControlUnreachable,
];
/// A way that no VPC endpoint serves begins with the router that the service's begins with.
const CONTROL_SHARES: &[Control] = &[ControlSharesFirstResponder, OtherRegionSharesFirstResponder];

/// Carriers behind which there may be more: a firewall or another VPC decides where the packets go from there.
const CARRIERS: &[Configured] =
    &[RouteToInstance, RouteToFirewall, RouteToTransitGateway, RouteToVpnGateway, RouteToPeering];

/// The table. Order matters: what the service itself said comes first, then what stands in the way, then addresses.
pub const TABLE: &[Row] = &joined::<{ proofs::ROWS.len() + OTHERS.len() }>(proofs::ROWS, OTHERS);

const fn joined<const N: usize>(first: &[Row], second: &[Row]) -> [Row; N] {
    let mut all = [ANY; N];
    let mut at = 0;
    while at < N {
        all[at] = if at < first.len() { first[at] } else { second[at - first.len()] };
        at += 1;
    }
    all
}

const OTHERS: &[Row] = &[
    // Evidence that contradicts itself: two conclusive witnesses, or a route table that is not the one that holds.
    Row {
        word: &[EndpointPolicyNamed],
        address: &[AddressPublic],
        configured: &[
            RouteToNatGateway,
            RouteToInternetGateway,
            RouteToEgressOnlyInternetGateway,
            RouteToTransitGateway,
            RouteToVpnGateway,
            RouteToPeering,
            RouteBlackhole,
            NoRoute,
        ],
        reading: "the evidence contradicts itself: the service's refusal names a VPC endpoint policy, but the route table \
                  sends the address elsewhere",
        ..CONTRADICTION
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToGatewayEndpoint],
        hops: &[PrivateFirstResponder, PrivateResponderOnly, InternetFirstResponder],
        reading: "the evidence contradicts itself: the route table sends the address to a gateway endpoint, but routers are \
                  visible on the way",
        ..CONTRADICTION
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenGatewayEndpoint],
        hops: &[InternetFirstResponder],
        reading: "the evidence contradicts itself: the route tables lead to a gateway endpoint by NAT, but routers of the internet \
                  side are visible on the way",
        ..CONTRADICTION
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToInternetGateway],
        hops: PRIVATE_FIRST,
        reading: "the evidence contradicts itself: the route table sends the address to an internet gateway, but the first \
                  router on the way is private",
        ..CONTRADICTION
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteBlackhole, NoRoute],
        contact: CONNECTED,
        reading: "the evidence contradicts itself: the route table leads nowhere, but something answers",
        ..CONTRADICTION
    },
    // What the service itself said.
    Row {
        word: &[EndpointPolicyNamed],
        address: IN_VPC,
        configured: &[OtherHoldsAddress],
        reading: "the service's refusal names a VPC endpoint policy, but the address is held by something else than an \
                  interface endpoint: which endpoint lies behind it cannot be seen",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: IN_VPC,
        configured: &[InterfaceEndpointHoldsAddress],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "the service's refusal names a VPC endpoint policy, and EC2 says that an interface endpoint of this VPC holds \
                  the address",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: &[AddressInVpc],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "the service's refusal names a VPC endpoint policy, and the address is in this VPC",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: PRIVATE,
        ruling: sure(InterfaceEndpoint, None, Likely),
        reading: "the service's refusal names a VPC endpoint policy, and the address is private",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown, RouteToNatGatewayThenGatewayEndpoint],
        prefixes: &[InsidePrefixList, InsideSnapshot, OutsideSnapshot, PrefixesUnknown],
        hops: &[
            NoVisibleResponder,
            HiddenResponders,
            PrivateFirstResponder,
            PrivateResponderOnly,
            HopsUnknown,
        ],
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "the service's refusal names a VPC endpoint policy, and the route table sends the address to NAT: the gateway \
                  endpoint is that of the NAT gateway's subnet",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: &[AddressPublic],
        prefixes: &[InsidePrefixList, InsideSnapshot, OutsideSnapshot, PrefixesUnknown],
        hops: &[NoVisibleResponder, HiddenResponders, HopsUnknown],
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "the service's refusal names a VPC endpoint policy, and the address is public",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        address: &[AddressPublic],
        prefixes: &[InsidePrefixList, InsideSnapshot, OutsideSnapshot, PrefixesUnknown],
        hops: PRIVATE_FIRST,
        ruling: sure(GatewayEndpoint, Some(NatOrAppliance), Proven),
        reading: "the service's refusal names a VPC endpoint policy, but a private router is visible on the way: the gateway \
                  endpoint is that router's, not this subnet's",
        ..ANY
    },
    Row {
        word: &[EndpointPolicyNamed],
        reading: "the evidence contradicts itself: the service's refusal names a VPC endpoint policy, but the address or \
                  the routers on the way are those of another path",
        ..CONTRADICTION
    },
    // What EC2 says of the route.
    Row {
        address: &[AddressPublic],
        configured: &[RouteToGatewayEndpoint, RouteToNatGatewayThenGatewayEndpoint],
        identity: &[PeerIntercepts],
        contact: CONNECTED,
        reading: "the route table sends the address to a gateway endpoint, but TLS is intercepted on the way",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToGatewayEndpoint],
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "the subnet's route table sends the address to a gateway endpoint",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenGatewayEndpoint],
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "the subnet's route table sends the address to a NAT gateway, and that gateway's own subnet sends it to a gateway \
                  endpoint",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown],
        prefixes: &[NoGatewayForService, OutsidePrefixList],
        ruling: sure(Internet, None, Proven),
        reading: "the subnet's route table sends the address to a NAT gateway, and no gateway endpoint can serve it",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown],
        hops: &[PrivateResponderOnly],
        ruling: sure(Internet, None, Possible),
        reading: "the subnet's route table sends the address to a NAT gateway; where its own subnet sends it is not known, and no \
                  router lies behind it as there would on the way to the internet",
        twin: RIGHT_BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown],
        hops: &[InternetFirstResponder],
        contact: CONNECTED,
        ruling: sure(Internet, None, Likely),
        reading: "the subnet's route table sends the address to a NAT gateway; where its own subnet sends it is not known, but \
                  routers of the internet side are visible on the way",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown],
        hops: &[PrivateFirstResponder],
        control: CONTROL_SHARES,
        contact: CONNECTED,
        ruling: sure(Internet, None, Likely),
        reading: "the subnet's route table sends the address to a NAT gateway; where its own subnet sends it is not known, but a \
                  public host that no VPC endpoint serves, or the same service in another Region, is reached through the same one",
        twin: BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGatewayThenUnknown],
        ruling: sure(Internet, None, Possible),
        reading: "the subnet's route table sends the address to a NAT gateway; where its own subnet sends it is not known",
        twin: BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteToNatGateway, RouteToInternetGateway, RouteToEgressOnlyInternetGateway],
        ruling: sure(Internet, None, Proven),
        reading: "the subnet's route table sends the address to the internet by the named gateway",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: &[RouteBlackhole, NoRoute],
        ruling: sure(Unreachable, None, Likely),
        reading: "the subnet's route table leads nowhere for this address",
        ..ANY
    },
    Row {
        address: IN_VPC,
        configured: &[InterfaceEndpointHoldsAddress],
        identity: &[PeerIntercepts],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "EC2 says that a network interface of the named interface endpoint of this VPC holds the address, but TLS is \
                  intercepted on the way",
        ..ANY
    },
    Row {
        address: IN_VPC,
        configured: &[InterfaceEndpointHoldsAddress],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "EC2 says that a network interface of the named interface endpoint of this VPC holds the address",
        ..ANY
    },
    Row {
        address: IN_VPC,
        configured: &[OtherHoldsAddress],
        contact: &[NotConnected],
        ruling: sure(Unreachable, None, Likely),
        reading: "EC2 says that no interface endpoint but something else in this VPC holds the address, and nothing answers \
                  there",
        ..ANY
    },
    Row {
        address: IN_VPC,
        configured: &[OtherHoldsAddress],
        reading: "EC2 says that no interface endpoint but something else in this VPC holds the address: what it passes on, and \
                  which way, cannot be seen from here",
        ..ANY
    },
    Row {
        address: &[AddressInVpc],
        configured: &[InterfaceEndpointInVpc],
        identity: &[PeerIsAws, Identity::PeerUnknown],
        ruling: sure(InterfaceEndpoint, None, Likely),
        reading: "the VPC has an interface endpoint for the service with private DNS, and the name resolves into the VPC",
        ..ANY
    },
    Row {
        address: &[AddressInVpc],
        configured: &[InterfaceEndpointInVpc],
        identity: &[PeerIsNoEndpoint],
        reading: "the VPC has an interface endpoint for the service with private DNS, and the name resolves into the VPC; but \
                  what answers does what no interface endpoint does, so something else holds the address",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: CARRIERS,
        contact: CONNECTED,
        hops: &[InternetFirstResponder],
        ruling: sure(Internet, None, Likely),
        reading: "the subnet's route table sends the address to the named carrier, and routers of the internet side are \
                  visible on the way",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: CARRIERS,
        contact: CONNECTED,
        prefixes: &[NoGatewayForService, OutsidePrefixList],
        ruling: sure(Internet, None, Likely),
        reading: "the subnet's route table sends the address to the named carrier, and no gateway endpoint can serve it",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: CARRIERS,
        contact: CONNECTED,
        hops: &[PrivateResponderOnly],
        ruling: sure(Internet, None, Possible),
        reading: "the subnet's route table sends the address to the named carrier, and no router lies behind the first visible one \
                  as there would on the way to the internet",
        twin: RIGHT_BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: CARRIERS,
        contact: CONNECTED,
        hops: &[PrivateFirstResponder],
        control: CONTROL_SHARES,
        ruling: sure(Internet, None, Likely),
        reading: "the subnet's route table sends the address to the named carrier, and a public host that no VPC endpoint \
                  serves, or the same service in another Region, is reached through the same router",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        configured: CARRIERS,
        ruling: sure(Internet, None, Possible),
        reading: "the subnet's route table sends the address to the named carrier; where it leads from there cannot be seen",
        ..ANY
    },
    // Nothing was tried.
    Row {
        contact: &[NotTried],
        address: &[AddressInVpc],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "the name resolves to a private address of this VPC; no connection was tried",
        ..ANY
    },
    Row { contact: &[NotTried], reading: "no connection was tried", ..ANY },
    // Addresses of no service.
    Row {
        address: &[AddressNotRoutable],
        contact: &[NotConnected],
        ruling: sure(Unreachable, None, Likely),
        reading: "the name resolves to an address that belongs to no service, and nothing answers there",
        ..ANY
    },
    Row {
        address: &[AddressNotRoutable],
        reading: "the name resolves to an address that belongs to no service: something on this host or in its DNS stands \
                  in between, and where it leads cannot be seen",
        ..ANY
    },
    // Private addresses.
    Row {
        address: &[AddressInVpc],
        contact: &[ServiceAnswered],
        identity: &[PeerIsAws],
        ruling: sure(InterfaceEndpoint, None, Likely),
        reading: "the name resolves to a private address of this VPC, and the service answers there under its own \
                  certificate",
        ..ANY
    },
    Row {
        address: &[AddressInVpc],
        identity: &[PeerIsNoEndpoint],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "the name resolves to a private address of this VPC, as an interface endpoint's private DNS makes it; but \
                  what answers does what no interface endpoint does: it may be a host that passes TLS on",
        ..ANY
    },
    Row {
        address: &[AddressInVpc],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "the name resolves to a private address of this VPC, as an interface endpoint's private DNS makes it; \
                  nothing that answered there confirms it",
        ..ANY
    },
    Row {
        address: &[AddressInVpcByOverride],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "the name resolves to a private address of this VPC although this service's interface endpoints have no \
                  private DNS: somebody's own DNS record leads there, to an interface endpoint or to something else",
        ..ANY
    },
    Row {
        address: &[AddressPrivateOutsideVpc, AddressPrivateVpcUnknown],
        ruling: sure(InterfaceEndpoint, None, Possible),
        reading: "the name resolves to a private address that is not known to be in this VPC: an interface endpoint in \
                  another network (hub and spoke), or somebody's own override",
        ..ANY
    },
    // Public addresses that do not answer: only a router on the way shows where the packets would go.
    Row {
        address: &[AddressPublic],
        contact: &[NotConnected],
        hops: PRIVATE_FIRST,
        ruling: sure(Internet, Some(NatOrAppliance), Possible),
        reading: "no connection, but the packets get as far as a router with a private address (NAT or appliance)",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: &[NotConnected],
        hops: &[InternetFirstResponder],
        ruling: sure(Internet, None, Possible),
        reading: "no connection, but the packets get as far as a router of the internet side",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: &[NotConnected],
        ruling: sure(Unreachable, None, Likely),
        reading: "no connection, and no router on the way shows where the packets would go",
        ..ANY
    },
    // Routers of the internet side.
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[InternetFirstResponder],
        egress: &[EgressIsAnotherAddress],
        ruling: sure(Internet, Some(NatOrAppliance), Likely),
        reading: "routers of the internet side are visible on the way, and on a control's way, which begins with the same router, \
                  the internet sees another address than the instance's own: NAT or an appliance that does not show itself",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[InternetFirstResponder],
        public_address: &[InstanceHasPublicAddress],
        ruling: sure(Internet, Some(InternetGateway), Likely),
        reading: "routers of the internet side are visible on the way, and the instance has a public address",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[InternetFirstResponder],
        ruling: sure(Internet, None, Likely),
        reading: "routers of the internet side are visible on the way",
        ..ANY
    },
    // A private first router: NAT, unless it leads to an endpoint behind an appliance.
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: PRIVATE_FIRST,
        prefixes: &[NoGatewayForService, OutsidePrefixList],
        ruling: sure(Internet, Some(NatOrAppliance), Likely),
        reading: "the first visible router has a private address (NAT or appliance), and no gateway endpoint can serve \
                  this address",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[PrivateResponderOnly],
        ruling: sure(Internet, Some(NatOrAppliance), Possible),
        reading: "the first visible router has a private address (NAT or appliance), and none lies behind it as there would on the \
                  way to the internet",
        twin: RIGHT_BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[PrivateFirstResponder],
        control: CONTROL_SHARES,
        ruling: sure(Internet, Some(NatOrAppliance), Likely),
        reading: "the first visible router has a private address (NAT or appliance), and a public host that no VPC \
                  endpoint serves, or the same service in another Region, is reached through the same one",
        twin: BEHIND_NAT,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        hops: &[PrivateFirstResponder],
        ruling: sure(Internet, Some(NatOrAppliance), Possible),
        reading: "the first visible router has a private address: NAT, or an appliance that may lead to an endpoint; no \
                  control tells which",
        ..ANY
    },
    // An interceptor hides what is behind it.
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        identity: &[PeerIntercepts],
        reading: "TLS is intercepted on the way, so what answers is not the service, and the path behind the interceptor \
                  cannot be seen",
        ..ANY
    },
    // Services without a gateway endpoint: a public address is the internet's, and takes the default route as a control's does.
    Row {
        address: &[AddressPublic],
        contact: &[ServiceAnswered],
        prefixes: &[NoGatewayForService],
        identity: &[PeerIsAws],
        egress: &[EgressIsOwnAddress],
        ruling: sure(Internet, Some(InternetGateway), Likely),
        reading: "the service has no gateway endpoint, it answers at a public address under its own certificate, and the internet \
                  sees the instance under its own public address",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: &[ServiceAnswered],
        prefixes: &[NoGatewayForService],
        identity: &[PeerIsAws],
        egress: &[EgressIsAnotherAddress],
        ruling: sure(Internet, Some(NatOrAppliance), Likely),
        reading: "the service has no gateway endpoint, it answers at a public address under its own certificate, and the internet \
                  sees another address than the instance's own (NAT or an appliance)",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: &[ServiceAnswered],
        prefixes: &[NoGatewayForService],
        identity: &[PeerIsAws],
        ruling: sure(Internet, None, Likely),
        reading: "the service has no gateway endpoint, and it answers at a public address under its own certificate",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: &[NoGatewayForService],
        ruling: sure(Internet, None, Possible),
        reading: "the service has no gateway endpoint, and something answers at its public address",
        ..ANY
    },
    // Gateway endpoints: inside the prefixes, and no router visible where the control says that routers can be seen.
    Row {
        address: &[AddressPublic],
        contact: &[ServiceAnswered],
        prefixes: INSIDE,
        hops: NONE_VISIBLE,
        control: CONTROL_SHOWS,
        ruling: sure(GatewayEndpoint, None, Likely),
        reading: "a public address in the service's prefix list, with no router visible on the way, while the way to a public \
                  host or to the same service in another Region shows routers",
        twin: HIDDEN_WAY,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: &[ServiceAnswered],
        prefixes: INSIDE,
        hops: &[NoVisibleResponder],
        control: &[ControlUnreachable],
        ruling: sure(GatewayEndpoint, None, Likely),
        reading: "a public address in the service's prefix list, with no router on the way that lowers the TTL, while neither a \
                  public host nor the same service in another Region can be reached",
        twin: UNSEEN_EGRESS,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: INSIDE,
        hops: NONE_VISIBLE,
        control: CONTROL_TELLS,
        ruling: sure(GatewayEndpoint, None, Possible),
        reading: "a public address in the service's prefix list, with no router visible on the way; the way to a control, or to \
                  the same service in another Region, shows none either, or routers hide and no control can be reached to compare \
                  with, or the service itself did not answer",
        twin: HIDDEN_EGRESS,
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: INSIDE,
        hops: NONE_VISIBLE,
        reading: "a public address in the service's prefix list, with no router visible on the way; without a control \
                  that silence cannot be told from a path that hides its routers",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: &[OutsideSnapshot, PrefixesUnknown],
        hops: NONE_VISIBLE,
        control: CONTROL_DIFFERS,
        ruling: sure(GatewayEndpoint, None, Possible),
        reading: "no router visible on the way while the way to a control shows routers or no control can be reached, as with a \
                  gateway endpoint; but no current prefix list holds this address",
        twin: HIDDEN_EGRESS,
        ..ANY
    },
    // Outside the prefixes, and nothing more is known.
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: &[OutsidePrefixList],
        ruling: sure(Internet, None, Possible),
        reading: "a public address outside the service's managed prefix list, which no gateway route matches",
        ..ANY
    },
    // The walk says nothing.
    Row {
        address: &[AddressPublic],
        contact: CONNECTED,
        prefixes: &[OutsideSnapshot],
        hops: &[HopsUnknown],
        control: CONTROL_REACHED,
        ruling: sure(Internet, None, Possible),
        reading: "a public address outside the published ranges as this program knows them; the internet can be reached",
        ..ANY
    },
    Row {
        address: &[AddressPublic],
        reading: "a public address is the same behind a gateway endpoint and over the internet, and nothing that was \
                  observed tells which it is",
        ..ANY
    },
];
