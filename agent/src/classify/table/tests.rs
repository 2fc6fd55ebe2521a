//! The table over the full product of its dimensions.

use super::*;
use crate::classify::signal::{
    Address, Configured, Contact, Control, Hops, Identity, Prefixes, PublicAddress, Word,
};
use Address::AddressPublic;
use Confidence::{Likely, Possible, Proven};
use Hops::{HopsUnknown, NoVisibleResponder};
use Identity::PeerIntercepts;
use Path::{GatewayEndpoint, Undetermined, Unreachable};
use Prefixes::{NoGatewayForService, OutsideSnapshot, PrefixesUnknown};
use Word::EndpointPolicyNamed;

fn product() -> impl Iterator<Item = Signals> {
    let mut all = Vec::new();
    for &address in Address::ALL {
        for &prefixes in Prefixes::ALL {
            for &hops in Hops::ALL {
                for &control in Control::ALL {
                    for &contact in Contact::ALL {
                        for &identity in Identity::ALL {
                            for &word in Word::ALL {
                                for &public_address in PublicAddress::ALL {
                                    for &configured in Configured::ALL {
                                        all.push(Signals {
                                            address,
                                            prefixes,
                                            hops,
                                            control,
                                            contact,
                                            identity,
                                            word,
                                            public_address,
                                            configured,
                                        });
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
            let said = signals.word == EndpointPolicyNamed || signals.configured != Configured::RouteUnknown;
            assert!(said, "{signals:?}");
        }
    }
}

#[test]
fn the_snapshot_alone_never_makes_an_address_outside_it_more_than_possible() {
    for signals in product() {
        let silent = signals.hops == HopsUnknown || signals.hops == NoVisibleResponder;
        let alone = silent && signals.configured == Configured::RouteUnknown;
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
        let by_silence = signals.word == Word::NoEndpointNamed;
        if by_silence && ruling.path == GatewayEndpoint && ruling.confidence == Some(Likely) {
            assert_ne!(signals.control, Control::ControlUnknown, "{signals:?}");
            assert_eq!(signals.hops, NoVisibleResponder, "{signals:?}");
        }
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
