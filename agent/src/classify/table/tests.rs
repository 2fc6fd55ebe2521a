//! The table over the full product of its dimensions.

use super::*;
use crate::classify::signal::{
    Address, Configured, Contact, Control, Egress, Hops, Identity, Prefixes, Proof, PublicAddress, Word,
};
use Address::{AddressPrivateOutsideVpc, AddressPrivateVpcUnknown, AddressPublic};
use Confidence::{Likely, Possible, Proven};
use Contact::{NotConnected, NotTried, PeerUntrusted, ServiceAnswered};
use Control::{
    ControlSharesFirstResponder, ControlUnknown, OtherRegionSharesFirstResponder, OtherRegionShowsResponders,
    OtherRegionSilent,
};
use Egress::{EgressIsAnotherAddress, EgressIsOwnAddress, EgressUnknown};
use Hops::{HiddenResponders, HopsUnknown, NoVisibleResponder, PrivateResponderOnly};
use Identity::{PeerIntercepts, PeerIsAws, PeerIsNoEndpoint, PeerUnknown};
use Path::{GatewayEndpoint, Undetermined, Unreachable};
use Prefixes::{NoGatewayForService, OutsideSnapshot, PrefixesUnknown};
use Proof::NoProof;
use Word::EndpointPolicyNamed;

type Exclusion = (&'static str, fn(&Signals) -> bool);

const SHARES: [Control; 2] = [ControlSharesFirstResponder, OtherRegionSharesFirstResponder];
const CONTROL_SHOWS: [Control; 4] = [
    ControlSharesFirstResponder,
    OtherRegionSharesFirstResponder,
    Control::ControlShowsResponders,
    OtherRegionShowsResponders,
];
const OTHER_REGION: [Control; 3] =
    [OtherRegionSharesFirstResponder, OtherRegionShowsResponders, OtherRegionSilent];

/// Combinations that no observation can yield, each with the reason.
const EXCLUDED: &[Exclusion] = &[
    ("a private address outside the VPC lies in no prefix that a gateway endpoint serves", |signals| {
        matches!(signals.address, AddressPrivateOutsideVpc | AddressPrivateVpcUnknown)
            && signals.prefixes != NoGatewayForService
    }),
    (
        "a router is shared only where one with a private address was seen on the way to the service",
        |signals| SHARES.contains(&signals.control) && !signals.hops.begin_private(),
    ),
    ("the same service elsewhere is compared only with what a gateway endpoint may carry here", |signals| {
        let gateway = signals.address == AddressPublic && signals.prefixes != NoGatewayForService;
        OTHER_REGION.contains(&signals.control) && !gateway
    }),
    ("private addresses are not translated, and only the internet's sees one", |signals| {
        signals.address != AddressPublic && signals.egress != EgressUnknown
    }),
    ("an instance without a public address is not seen under its own", |signals| {
        signals.egress == EgressIsOwnAddress
            && signals.public_address != PublicAddress::InstanceHasPublicAddress
    }),
    ("whose address it is can only be told where metadata says which is the instance's", |signals| {
        signals.egress == EgressIsAnotherAddress
            && signals.public_address == PublicAddress::PublicAddressUnknown
    }),
    (
        "where no router shows what way an address takes that a gateway endpoint may carry, a control's way says nothing of it",
        |signals| {
            let seen = signals.hops.begin_private() || signals.hops == Hops::InternetFirstResponder;
            signals.egress != EgressUnknown && signals.prefixes != NoGatewayForService && !seen
        },
    ),
    ("without a connection there is no certificate to go by", |signals| {
        matches!(signals.contact, NotConnected | NotTried) && signals.identity != PeerUnknown
    }),
    ("a peer that no set of roots vouches for is not known to be AWS", |signals| {
        signals.contact == PeerUntrusted && signals.identity == PeerIsAws
    }),
    ("the service's word counts only where it answered under a certificate of the field's", |signals| {
        signals.word == EndpointPolicyNamed
            && (signals.contact != ServiceAnswered || signals.identity != PeerIsAws)
    }),
    (
        "a proof counts only where the service itself answered: its calls are made on connections like that one",
        |signals| signals.proof != NoProof && signals.contact != ServiceAnswered,
    ),
    (
        "what an interceptor's requests prove is the interceptor's way, so a proof is not read there",
        |signals| signals.proof != NoProof && signals.identity == PeerIntercepts,
    ),
    (
        "what no VPC endpoint does is looked for at private addresses alone, since no interface endpoint has another",
        |signals| {
            signals.identity == PeerIsNoEndpoint
                && matches!(signals.address, AddressPublic | Address::AddressNotRoutable)
        },
    ),
    ("a peer shows what no VPC endpoint does only once a connection stands", |signals| {
        signals.identity == PeerIsNoEndpoint
            && matches!(signals.contact, Contact::NotConnected | Contact::NotTried)
    }),
];

/// Every combination of values that can be. Dimensions are varied one after the other from signals that know nothing, and what is
/// excluded is left out at each step: so a dimension comes after those that its exclusions hang on.
fn product() -> impl Iterator<Item = Signals> {
    let signals = std::iter::once(Signals {
        address: AddressPublic,
        prefixes: NoGatewayForService,
        hops: HopsUnknown,
        control: ControlUnknown,
        contact: NotTried,
        identity: PeerUnknown,
        word: Word::NoEndpointNamed,
        proof: NoProof,
        public_address: PublicAddress::PublicAddressUnknown,
        egress: EgressUnknown,
        configured: Configured::RouteUnknown,
    });
    let signals = vary(signals, Address::ALL, |signals, value| signals.address = value);
    let signals = vary(signals, Prefixes::ALL, |signals, value| signals.prefixes = value);
    let signals = vary(signals, Hops::ALL, |signals, value| signals.hops = value);
    let signals = vary(signals, Control::ALL, |signals, value| signals.control = value);
    let signals = vary(signals, Contact::ALL, |signals, value| signals.contact = value);
    let signals = vary(signals, Identity::ALL, |signals, value| signals.identity = value);
    let signals = vary(signals, Word::ALL, |signals, value| signals.word = value);
    let signals = vary(signals, Proof::ALL, |signals, value| signals.proof = value);
    let signals = vary(signals, PublicAddress::ALL, |signals, value| signals.public_address = value);
    let signals = vary(signals, Egress::ALL, |signals, value| signals.egress = value);
    vary(signals, Configured::ALL, |signals, value| signals.configured = value)
}

/// Boxed, because a type that holds eleven of these in one another takes the compiler all memory there is.
fn vary<T: Copy>(
    signals: impl Iterator<Item = Signals> + 'static,
    values: &'static [T],
    set: fn(&mut Signals, T),
) -> Box<dyn Iterator<Item = Signals>> {
    let varied = signals.flat_map(move |signals| {
        values.iter().map(move |value| {
            let mut signals = signals;
            set(&mut signals, *value);
            signals
        })
    });
    Box::new(varied.filter(|signals| EXCLUDED.iter().all(|(_, excluded)| !excluded(signals))))
}

#[test]
fn every_combination_of_signals_is_decided_by_a_row_of_the_table() {
    for signals in product() {
        assert!(TABLE.iter().any(|row| row.matches(&signals)), "{signals:?}");
    }
}

#[test]
fn every_row_decides_some_combination() {
    let mut used = vec![false; TABLE.len()];
    for signals in product() {
        used[TABLE.iter().position(|row| row.matches(&signals)).unwrap()] = true;
    }
    let unused: Vec<_> =
        TABLE.iter().zip(used).filter(|(_, used)| !used).map(|(row, _)| row.reading).collect();
    assert!(unused.is_empty(), "{unused:#?}");
}

#[test]
fn only_an_undetermined_path_has_no_confidence() {
    for row in TABLE {
        assert_eq!(row.ruling.path == Undetermined, row.ruling.confidence.is_none(), "{}", row.reading);
    }
}

#[test]
fn proven_is_said_only_where_the_service_or_the_control_plane_said_so() {
    for signals in product() {
        if decide(&signals).1.confidence == Some(Proven) {
            let said = signals.word == EndpointPolicyNamed
                || signals.proof != NoProof
                || signals.configured != Configured::RouteUnknown;
            assert!(said, "{signals:?}");
        }
    }
}

#[test]
fn the_snapshot_alone_never_makes_an_address_outside_it_more_than_possible() {
    for signals in product() {
        let silent = matches!(signals.hops, HopsUnknown | NoVisibleResponder | HiddenResponders);
        let alone = silent && signals.configured == Configured::RouteUnknown && signals.proof == NoProof;
        if signals.prefixes == OutsideSnapshot && alone && signals.address == AddressPublic {
            let ruling = decide(&signals).1;
            let unreachable = ruling.path == Unreachable;
            assert!(
                unreachable || signals.word == EndpointPolicyNamed || ruling.confidence <= Some(Possible),
                "{signals:?}"
            );
        }
    }
}

#[test]
fn a_gateway_endpoint_is_never_likely_without_a_control() {
    for signals in product() {
        let ruling = decide(&signals).1;
        let by_silence = signals.word == Word::NoEndpointNamed && signals.proof == NoProof;
        if by_silence && ruling.path == GatewayEndpoint && ruling.confidence == Some(Likely) {
            assert_ne!(signals.control, ControlUnknown, "{signals:?}");
            let shown = CONTROL_SHOWS.contains(&signals.control);
            assert!(
                signals.hops == NoVisibleResponder || (signals.hops == HiddenResponders && shown),
                "{signals:?}"
            );
        }
    }
}

#[test]
fn a_nat_with_the_service_right_behind_it_is_never_likely_to_lead_to_the_internet() {
    for signals in product().filter(|signals| signals.hops == PrivateResponderOnly) {
        let ruling = decide(&signals).1;
        let gateway = !matches!(signals.prefixes, NoGatewayForService | Prefixes::OutsidePrefixList);
        let said = signals.proof != NoProof || signals.configured != Configured::RouteUnknown;
        if gateway && !said && ruling.path == Path::Internet {
            assert_eq!(ruling.confidence, Some(Possible), "{signals:?}");
        }
    }
}

#[test]
fn where_a_control_is_as_silent_as_the_service_silence_makes_no_more_than_possible() {
    let silent = [Control::ControlSilent, OtherRegionSilent];
    for signals in product().filter(|signals| silent.contains(&signals.control)) {
        let ruling = decide(&signals).1;
        let by_silence = signals.word == Word::NoEndpointNamed && signals.proof == NoProof;
        let by_route = signals.configured != Configured::RouteUnknown;
        if by_silence && !by_route && ruling.path == GatewayEndpoint {
            assert_eq!(ruling.confidence, Some(Possible), "{signals:?}");
        }
    }
}

#[test]
fn only_undetermined_rows_are_contradictory_and_two_conclusive_witnesses_that_differ_lead_to_one() {
    for row in TABLE {
        assert!(!row.contradictory || row.ruling.path == Undetermined, "{}", row.reading);
        assert_eq!(row.contradictory, row.reading.contains("contradicts itself"), "{}", row.reading);
    }
    for signals in product() {
        let no_endpoint = signals.proof == Proof::ProofNoEndpoint;
        let endpoint_by_other = signals.word == EndpointPolicyNamed
            || (signals.address == AddressPublic && signals.configured == Configured::RouteToGatewayEndpoint);
        if (no_endpoint && endpoint_by_other) || signals.proof == Proof::ProofsDisagree {
            assert!(decide(&signals).0.contradictory, "{signals:?}");
        }
    }
}

#[test]
fn a_proof_that_no_vpc_endpoint_carried_a_request_never_leads_to_one() {
    for signals in product().filter(|signals| signals.proof == Proof::ProofNoEndpoint) {
        let path = decide(&signals).1.path;
        assert!(!matches!(path, GatewayEndpoint | Path::InterfaceEndpoint), "{signals:?}");
    }
    for signals in product()
        .filter(|signals| !matches!(signals.proof, Proof::ProofNoEndpoint | Proof::ProofsDisagree | NoProof))
    {
        assert_ne!(decide(&signals).1.path, Path::Internet, "{signals:?}");
    }
}

#[test]
fn a_peer_that_does_what_no_endpoint_does_is_never_a_likely_one_unless_ec2_or_a_proof_says_so() {
    for signals in product().filter(|signals| signals.identity == PeerIsNoEndpoint) {
        let ruling = decide(&signals).1;
        let said = signals.proof != NoProof
            || signals.word == EndpointPolicyNamed
            || signals.configured == Configured::InterfaceEndpointHoldsAddress;
        assert!(
            said || ruling.path != Path::InterfaceEndpoint || ruling.confidence == Some(Possible),
            "{signals:?}"
        );
    }
}

/// For signal sets of which one knows more than the other and both mean the same path, knowing more is never less sure.
#[test]
fn knowing_more_never_makes_the_same_path_less_sure() {
    for known in product() {
        let less = [
            Signals { hops: HopsUnknown, ..known },
            Signals { control: ControlUnknown, ..known },
            Signals { prefixes: unknown_prefixes(known.prefixes), ..known },
            Signals { identity: PeerUnknown, ..known },
            Signals { word: Word::NoEndpointNamed, ..known },
            Signals { proof: NoProof, ..known },
            Signals { public_address: PublicAddress::PublicAddressUnknown, ..known },
            Signals { egress: EgressUnknown, ..known },
            Signals { configured: Configured::RouteUnknown, ..known },
        ];
        // An interceptor is a reason to be less sure, not a further witness.
        if known.identity == PeerIntercepts {
            continue;
        }
        let more_ruling = decide(&known).1;
        for less in less {
            let ruling = decide(&less).1;
            if ruling.path.is_determined() && ruling.path == more_ruling.path {
                assert!(ruling.confidence <= more_ruling.confidence, "{less:?} -> {known:?}");
            }
        }
    }
}

fn unknown_prefixes(prefixes: Prefixes) -> Prefixes {
    if prefixes == NoGatewayForService { prefixes } else { PrefixesUnknown }
}
