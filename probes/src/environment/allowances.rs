//! What EC2 has dropped of this host's packets because of its limits, as the network driver counts it.
//!
//! The ENA driver has the counters (EC2 user guide, "Monitor network performance for ENA settings on your EC2 instance"), and
//! everybody may read them. Other drivers have none, and neither has the other end of a container's wire: nothing is listed then.
//! They count from the start of the driver on, so they are read before and after the run.

use super::{Allowance, Interface, Limit};
use crate::sys;

/// The counters of every interface that has some.
pub(super) fn observe(interfaces: &[Interface]) -> Vec<Allowance> {
    interfaces.iter().flat_map(|interface| of_interface(&interface.name)).collect()
}

/// Reads the counters once more, and notes what was added since.
pub(super) fn observe_again(allowances: &mut [Allowance]) {
    for allowance in allowances {
        let now = of_interface(&allowance.interface);
        if let Some(now) = now.into_iter().find(|now| now.limit == allowance.limit) {
            // A driver that was started anew begins at nothing.
            allowance.during_run = now.exceeded.saturating_sub(allowance.exceeded);
            allowance.exceeded = now.exceeded;
        }
    }
}

fn of_interface(name: &str) -> Vec<Allowance> {
    read(name, &sys::driver_counters(name).unwrap_or_default())
}

fn read(interface: &str, counters: &[(String, u64)]) -> Vec<Allowance> {
    let limit = |name: &str| match name {
        "linklocal_allowance_exceeded" => Some(Limit::LinkLocal),
        "conntrack_allowance_exceeded" => Some(Limit::ConnectionTracking),
        _ => None,
    };
    let counted = counters.iter().filter_map(|(name, exceeded)| Some((limit(name)?, *exceeded)));
    counted
        .map(|(limit, exceeded)| Allowance {
            interface: interface.to_owned(),
            limit,
            exceeded,
            during_run: 0,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(list: &[(&str, u64)]) -> Vec<(String, u64)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn the_two_limits_are_picked_from_what_ena_counts() {
        let ena = counters(&[
            ("tx_timeout", 0),
            ("suspend", 0),
            ("bw_in_allowance_exceeded", 7),
            ("pps_allowance_exceeded", 0),
            ("conntrack_allowance_exceeded", 3),
            ("linklocal_allowance_exceeded", 901),
            ("conntrack_allowance_available", 136_812),
            ("queue_0_tx_cnt", 55),
        ]);
        let seen: Vec<(Limit, u64)> =
            read("eth0", &ena).iter().map(|each| (each.limit, each.exceeded)).collect();
        assert_eq!(seen, [(Limit::ConnectionTracking, 3), (Limit::LinkLocal, 901)]);
    }

    #[test]
    fn another_driver_has_no_such_counters() {
        assert_eq!(read("eth0", &counters(&[("peer_ifindex", 4), ("rx_queue_0_drops", 0)])), []);
    }

    #[test]
    fn an_interface_that_is_gone_keeps_what_was_read() {
        let before =
            Allowance { interface: "none0".into(), limit: Limit::LinkLocal, exceeded: 5, during_run: 0 };
        let mut again = vec![before.clone()];
        observe_again(&mut again);
        assert_eq!(again, [before]);
    }
}
