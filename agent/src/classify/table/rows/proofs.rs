//! The rows that path proofs decide. They come first: what a service let in on condition of the way is its own word.
//!
//! That it is rests on `aws:SourceVpce` being in a request only if it came through a VPC endpoint (IAM user guide, "AWS global
//! condition context keys"); that a session policy tells the way by it is concluded from there, and not verified end to end.
//! A VPC endpoint that carried a request need not be this subnet's: what stands on the way may lead into one of its own.

use super::super::Row;
use super::{ANY, CONTRADICTION, IN_VPC, PRIVATE, PRIVATE_FIRST, sure};
use crate::classify::signal::{Address, Configured, Hops, Prefixes, Proof, PublicAddress, Word};
use crate::report::{Confidence, Path, Via};

use Address::{
    AddressInVpc, AddressInVpcByOverride, AddressPrivateOutsideVpc, AddressPrivateVpcUnknown, AddressPublic,
};
use Confidence::{Likely, Proven};
use Configured::{
    InterfaceEndpointHoldsAddress, NoRoute, OtherHoldsAddress, RouteBlackhole,
    RouteToEgressOnlyInternetGateway, RouteToFirewall, RouteToGatewayEndpoint, RouteToInstance,
    RouteToInternetGateway, RouteToNatGateway, RouteToNatGatewayThenGatewayEndpoint,
    RouteToNatGatewayThenUnknown, RouteToPeering, RouteToTransitGateway, RouteToVpnGateway,
};
use Hops::{HiddenResponders, HopsUnknown, InternetFirstResponder, NoVisibleResponder};
use Path::{GatewayEndpoint, InterfaceEndpoint, Internet};
use Prefixes::{NoGatewayForService, OutsidePrefixList};
use Proof::{
    ProofEndpointOfAnotherVpc, ProofEndpointOfThisVpc, ProofGatewayEndpoint, ProofInterfaceEndpoint,
    ProofNoEndpoint, ProofSomeEndpoint, ProofsDisagree,
};
use PublicAddress::{InstanceHasNoPublicAddress, InstanceHasPublicAddress};
use Via::{InternetGateway, NatOrAppliance};

/// A VPC endpoint carried the request.
const ENDPOINT: &[Proof] = &[
    ProofGatewayEndpoint,
    ProofInterfaceEndpoint,
    ProofEndpointOfThisVpc,
    ProofEndpointOfAnotherVpc,
    ProofSomeEndpoint,
];
/// A VPC endpoint carried the request, and it is not known to be an interface endpoint.
const MAYBE_GATEWAY: &[Proof] =
    &[ProofGatewayEndpoint, ProofEndpointOfThisVpc, ProofEndpointOfAnotherVpc, ProofSomeEndpoint];
/// Something that may lead on into a VPC endpoint of its own.
const LEADS_ON: &[Configured] = &[
    RouteToNatGatewayThenUnknown,
    RouteToNatGatewayThenGatewayEndpoint,
    RouteToInstance,
    RouteToFirewall,
    RouteToTransitGateway,
    RouteToVpnGateway,
    RouteToPeering,
];

/// The rows.
pub(super) const ROWS: &[Row] = &[
    // Proofs against each other, and against other conclusive witnesses.
    Row {
        proof: &[ProofsDisagree],
        reading: "the evidence contradicts itself: two path proofs say different things, or one names another VPC endpoint than \
                  the route",
        ..CONTRADICTION
    },
    Row {
        proof: &[ProofNoEndpoint],
        word: &[Word::EndpointPolicyNamed],
        reading: "the evidence contradicts itself: a path proof says that no VPC endpoint carried the request, but the service's \
                  refusal names a VPC endpoint policy",
        ..CONTRADICTION
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        configured: &[RouteToGatewayEndpoint, RouteToNatGatewayThenGatewayEndpoint],
        reading: "the evidence contradicts itself: a path proof says that no VPC endpoint carried the request, but the route table \
                  sends the address to a gateway endpoint",
        ..CONTRADICTION
    },
    Row {
        proof: ENDPOINT,
        address: &[AddressPublic],
        configured: &[RouteToNatGateway, RouteToInternetGateway, RouteToEgressOnlyInternetGateway],
        reading: "the evidence contradicts itself: a path proof says that a VPC endpoint carried the request, but the route table \
                  sends the address to the internet",
        ..CONTRADICTION
    },
    Row {
        address: &[AddressPublic],
        proof: &[
            ProofGatewayEndpoint,
            ProofInterfaceEndpoint,
            ProofEndpointOfThisVpc,
            ProofEndpointOfAnotherVpc,
            ProofSomeEndpoint,
            ProofNoEndpoint,
        ],
        configured: &[RouteBlackhole, NoRoute],
        reading: "the evidence contradicts itself: the route table leads nowhere, but the service answers a path proof",
        ..CONTRADICTION
    },
    Row {
        proof: ENDPOINT,
        address: &[AddressPublic],
        hops: &[InternetFirstResponder],
        reading: "the evidence contradicts itself: a path proof says that a VPC endpoint carried the request, but routers of the \
                  internet side are visible on the way",
        ..CONTRADICTION
    },
    Row {
        proof: &[ProofInterfaceEndpoint],
        address: &[AddressPublic],
        reading: "the evidence contradicts itself: a path proof names an interface endpoint, but the address is public",
        ..CONTRADICTION
    },
    Row {
        proof: MAYBE_GATEWAY,
        address: &[AddressPublic],
        prefixes: &[NoGatewayForService, OutsidePrefixList],
        reading: "the evidence contradicts itself: a path proof says that a VPC endpoint carried the request, but no gateway \
                  endpoint can serve this public address",
        ..CONTRADICTION
    },
    Row {
        proof: &[ProofEndpointOfAnotherVpc],
        address: &[AddressInVpc, AddressInVpcByOverride],
        reading: "the evidence contradicts itself: a path proof says that a VPC endpoint of another VPC carried the request, but \
                  the address is in this VPC",
        ..CONTRADICTION
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: IN_VPC,
        configured: &[InterfaceEndpointHoldsAddress],
        reading: "the evidence contradicts itself: a path proof says that no VPC endpoint carried the request, but EC2 says that an \
                  interface endpoint of this VPC holds the address",
        ..CONTRADICTION
    },
    // Through a gateway endpoint.
    Row {
        proof: MAYBE_GATEWAY,
        address: &[AddressPublic],
        configured: LEADS_ON,
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "a path proof says that a VPC endpoint carried the request, and the subnet's route table sends the address to the \
                  named carrier: the gateway endpoint is that carrier's, not this subnet's",
        ..ANY
    },
    Row {
        proof: MAYBE_GATEWAY,
        address: &[AddressPublic],
        hops: PRIVATE_FIRST,
        ruling: sure(GatewayEndpoint, Some(NatOrAppliance), Proven),
        reading: "a path proof says that a VPC endpoint carried the request, and a private router is visible on the way: the \
                  gateway endpoint is that router's, not this subnet's",
        ..ANY
    },
    Row {
        proof: MAYBE_GATEWAY,
        address: &[AddressPublic],
        ruling: sure(GatewayEndpoint, None, Proven),
        reading: "a path proof says that a VPC endpoint carried the request, and the address is public",
        ..ANY
    },
    Row {
        proof: &[ProofGatewayEndpoint],
        address: PRIVATE,
        ruling: sure(GatewayEndpoint, Some(NatOrAppliance), Proven),
        reading: "a path proof names a gateway endpoint, and the address is private: something there passes requests on",
        ..ANY
    },
    // Through an interface endpoint.
    Row {
        proof: &[ProofInterfaceEndpoint],
        address: PRIVATE,
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "a path proof names an interface endpoint, and the address is private",
        ..ANY
    },
    Row {
        proof: &[ProofEndpointOfAnotherVpc],
        address: &[AddressPrivateOutsideVpc, AddressPrivateVpcUnknown],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "a path proof says that a VPC endpoint of another VPC carried the request, and the address is private and not \
                  known to be in this VPC (hub and spoke)",
        ..ANY
    },
    Row {
        proof: &[ProofEndpointOfThisVpc, ProofSomeEndpoint],
        address: IN_VPC,
        configured: &[OtherHoldsAddress],
        reading: "a path proof says that a VPC endpoint carried the request, but EC2 says that something else in this VPC holds the \
                  address: which endpoint lies behind it cannot be seen",
        ..ANY
    },
    Row {
        proof: &[ProofEndpointOfThisVpc, ProofSomeEndpoint],
        address: IN_VPC,
        configured: &[InterfaceEndpointHoldsAddress],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "a path proof says that a VPC endpoint carried the request, and EC2 says that an interface endpoint of this VPC \
                  holds the address",
        ..ANY
    },
    Row {
        proof: &[ProofEndpointOfThisVpc, ProofSomeEndpoint],
        address: &[AddressInVpc],
        ruling: sure(InterfaceEndpoint, None, Proven),
        reading: "a path proof says that a VPC endpoint carried the request, and the address is in this VPC",
        ..ANY
    },
    Row {
        proof: &[ProofEndpointOfThisVpc, ProofSomeEndpoint],
        address: PRIVATE,
        ruling: sure(InterfaceEndpoint, None, Likely),
        reading: "a path proof says that a VPC endpoint carried the request, and the address is private; whether it is the \
                  endpoint's own or of something that passes requests on was not told",
        ..ANY
    },
    // Over the internet.
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        configured: &[RouteToInternetGateway],
        hops: PRIVATE_FIRST,
        ruling: sure(Internet, Some(NatOrAppliance), Proven),
        reading: "a path proof says that no VPC endpoint carried the request, and the first router on the way is private, though \
                  the route table names an internet gateway",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        configured: &[
            RouteToNatGateway,
            RouteToNatGatewayThenUnknown,
            RouteToInternetGateway,
            RouteToEgressOnlyInternetGateway,
            RouteToInstance,
            RouteToFirewall,
            RouteToTransitGateway,
            RouteToVpnGateway,
            RouteToPeering,
        ],
        ruling: sure(Internet, None, Proven),
        reading: "a path proof says that no VPC endpoint carried the request, and the subnet's route table sends the address to the \
                  named carrier",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        hops: &[InternetFirstResponder],
        public_address: &[InstanceHasPublicAddress],
        ruling: sure(Internet, Some(InternetGateway), Proven),
        reading: "a path proof says that no VPC endpoint carried the request, routers of the internet side are visible on the way, \
                  and the instance has a public address",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        hops: PRIVATE_FIRST,
        ruling: sure(Internet, Some(NatOrAppliance), Proven),
        reading: "a path proof says that no VPC endpoint carried the request, and the first visible router has a private address \
                  (NAT or appliance)",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        hops: &[NoVisibleResponder, HiddenResponders, HopsUnknown],
        public_address: &[InstanceHasNoPublicAddress],
        ruling: sure(Internet, Some(NatOrAppliance), Proven),
        reading: "a path proof says that no VPC endpoint carried the request, and an instance without a public address gets to the                   internet only by NAT or an appliance, seen or not",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: &[AddressPublic],
        ruling: sure(Internet, None, Proven),
        reading: "a path proof says that no VPC endpoint carried the request, and the address is public",
        ..ANY
    },
    Row {
        proof: &[ProofNoEndpoint],
        address: PRIVATE,
        ruling: sure(Internet, None, Proven),
        reading: "a path proof says that no VPC endpoint carried the request, though the address is private: something there \
                  passes requests on over the internet",
        ..ANY
    },
];
