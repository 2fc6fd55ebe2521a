//! The table over the full product of its dimensions.

use super::*;
use crate::classify::signal::{
    Address, Configured, Contact, Control, Hops, Identity, Prefixes, Proof, PublicAddress, Word,
};
use Address::AddressPublic;
use Confidence::{Likely, Possible, Proven};
use Hops::{HopsUnknown, NoVisibleResponder};
use Identity::{PeerIntercepts, PeerIsNoEndpoint};
use Path::{GatewayEndpoint, Undetermined, Unreachable};
use Prefixes::{NoGatewayForService, OutsideSnapshot, PrefixesUnknown};
use Proof::NoProof;
use Word::EndpointPolicyNamed;

type Exclusion = (&'static str, fn(&Signals) -> bool);

/// Combinations that no observation can yield, each with the reason.
const EXCLUDED: &[Exclusion] = &[
    (
        "a proof counts only where the service itself answered: its calls are made on connections like that one",
        |signals| signals.proof != NoProof && signals.contact != Contact::ServiceAnswered,
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

fn product() -> impl Iterator<Item = Signals> {
    let mut all = Vec::new();
    for &address in Address::ALL {
        for &prefixes in Prefixes::ALL {
            for &hops in Hops::ALL {
                for &control in Control::ALL {
                    for &contact in Contact::ALL {
                        for &identity in Identity::ALL {
                            for &word in Word::ALL {
                                for &proof in Proof::ALL {
                                    for &public_address in PublicAddress::ALL {
                                        for &configured in Configured::ALL {
                                            let signals = Signals {
                                                address,
                                                prefixes,
                                                hops,
                                                control,
                                                contact,
                                                identity,
                                                word,
                                                proof,
                                                public_address,
                                                configured,
                                            };
                                            if EXCLUDED.iter().all(|(_, excluded)| !excluded(&signals)) {
                                                all.push(signals);
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    all.into_iter()
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
        let silent = signals.hops == HopsUnknown || signals.hops == NoVisibleResponder;
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
            assert_ne!(signals.control, Control::ControlUnknown, "{signals:?}");
            assert_eq!(signals.hops, NoVisibleResponder, "{signals:?}");
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
            Signals { control: Control::ControlUnknown, ..known },
            Signals { prefixes: unknown_prefixes(known.prefixes), ..known },
            Signals { identity: Identity::PeerUnknown, ..known },
            Signals { word: Word::NoEndpointNamed, ..known },
            Signals { proof: NoProof, ..known },
            Signals { public_address: PublicAddress::PublicAddressUnknown, ..known },
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
