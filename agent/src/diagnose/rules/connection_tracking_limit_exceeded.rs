//! EC2 drops packets of new connections, because security groups keep track of as many as they can.

use probes::environment::Limit;

use crate::diagnose::allowances::{self, About};
use crate::diagnose::case::Case;
use crate::diagnose::{Check, Rule};

pub(super) const RULE: Rule = Rule {
    id: "connection-tracking-limit-exceeded",
    title: "EC2 dropped packets because connection tracking was full",
    check,
};

const ABOUT: About = About {
    rule: RULE.id,
    limit: Limit::ConnectionTracking,
    counter: "conntrack_allowance_exceeded",
    what: "packets of new connections, for which its connection tracking had no room,",
    causes: &[
        "there are more connections at once than this instance type can keep track of",
        "connections that nobody closed stay in the table: by default for five days, on the newest instance types for 350 seconds",
    ],
    remedy: "Have idle connections forgotten sooner: TcpEstablishedTimeout=350 does so after 350 seconds, which is the default on \
             Nitro v6 instance types and far less than on others, so what idles longer (pools of database connections) then needs \
             keepalives. Look first what is set now: less is better already. Or close connections that are done, or take a larger \
             instance type.",
};

fn check(case: &Case<'_>) -> Check {
    allowances::check(case, &ABOUT, |name| {
        let interfaces = &case.recording.environment.host.interfaces;
        let interface = interfaces.iter().find(|interface| interface.name == name);
        let id = interface.and_then(|interface| interface.interface_id.as_deref());
        let Some((region, id)) = case.region().zip(id) else { return Vec::new() };
        vec![
            format!(
                "aws ec2 describe-network-interfaces --region {region} --network-interface-ids {id} --query \
                 'NetworkInterfaces[].ConnectionTrackingConfiguration'"
            ),
            format!(
                "aws ec2 modify-network-interface-attribute --region {region} --network-interface-id {id} \
                 --connection-tracking-specification TcpEstablishedTimeout=350"
            ),
        ]
    })
}
