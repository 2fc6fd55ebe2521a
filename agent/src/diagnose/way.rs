//! Where packets to an address that stays silent are stopped, by what EC2 says of routes, filters and VPC endpoints.
//!
//! Every way is walked as the packets would: out of the instance's interface, its subnet, by the route table, into the
//! subnet and interface of an endpoint, and the answer back. What would stop them there is an [`Obstacle`]; what was not read is
//! kept as an open question and never guessed. An obstacle that would also have stopped a connection that stands is not
//! believed: EC2's description and the network do not agree about it. The rules about routes and filters make findings of
//! the obstacles; this module knows no rule.

mod obstacles;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use probes::control_plane::VpcEndpoint;
use probes::environment::{Environment, Interface};
use probes::observations::{Attempt, TargetObservation, TcpFailure};

use super::case::Case;
use crate::catalogue::EndpointKind;
use crate::filters::{AclPassage, Direction};
use crate::report::{Path, Recording, Verdict};

/// What stops packets, as far as EC2's description shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// No rule of the instance's own security groups lets them out.
    OwnGroups {
        /// The groups of the interface they leave by.
        groups: Vec<String>,
    },
    /// The network ACL of the instance's subnet stops them on the way out, or the answers on the way back.
    OwnAcl {
        /// The ACL.
        acl: String,
        /// The packets (out) or the answers (in).
        direction: Direction,
        /// What it lets through of the ports.
        passage: AclPassage,
    },
    /// The route table has no route for the address.
    NoRoute {
        /// The table.
        table: String,
    },
    /// The route that holds leads to something that is gone.
    Blackhole {
        /// The table.
        table: String,
        /// The route's destination.
        destination: String,
        /// What it led to.
        target: String,
    },
    /// The route leads to an internet gateway, which is of no use without a public address.
    NoPublicAddress {
        /// The table.
        table: String,
        /// The internet gateway.
        gateway: String,
    },
    /// The NAT gateway that the route leads to carries nothing.
    NatGateway {
        /// The NAT gateway.
        gateway: String,
        /// Why not, as the end of a sentence.
        why: String,
    },
    /// VPC Block Public Access keeps the VPC from the internet.
    BlockedPublicAccess {
        /// What the route leads to.
        target: String,
    },
    /// The network ACL of the subnet in which the endpoint has its interface stops packets or answers.
    EndpointAcl {
        /// The endpoint.
        endpoint: String,
        /// The subnet.
        subnet: String,
        /// The ACL.
        acl: String,
        /// The packets (in) or the answers (out).
        direction: Direction,
        /// What it lets through of the ports.
        passage: AclPassage,
    },
    /// No rule of the endpoint's security groups lets this instance in.
    EndpointGroups {
        /// The endpoint.
        endpoint: String,
        /// Its groups.
        groups: Vec<String>,
    },
}

/// The way to one address of a target.
#[derive(Debug, Clone)]
pub struct Way<'a> {
    /// The target.
    pub target: &'a TargetObservation,
    /// Its verdict.
    pub verdict: &'a Verdict,
    /// The attempt at the address.
    pub attempt: &'a Attempt,
    /// Where the packets leave the instance.
    pub place: Place<'a>,
    /// The interface endpoint that the address belongs to, where that is known.
    pub endpoint: Option<&'a VpcEndpoint>,
    /// What stops them, in the order in which they meet it.
    pub obstacles: Vec<Obstacle>,
    /// What would have to be known to say more.
    pub open: Vec<String>,
}

/// The network interface that packets leave the instance by.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// The interface, as the host and instance metadata know it.
    pub interface: &'a Interface,
    /// Its subnet.
    pub subnet: Option<&'a str>,
    /// The address that the packets carry.
    pub source: Option<IpAddr>,
    /// Whether it is the instance's first interface.
    pub first: bool,
}

/// All ways on which TCP was tried.
#[derive(Debug, Clone)]
pub struct Ways<'a> {
    /// Those on which nothing came back.
    pub silent: Vec<Way<'a>>,
    /// Those on which a connection stood.
    pub standing: Vec<Way<'a>>,
}

impl<'a> Ways<'a> {
    /// Walks every way of a case on which TCP was tried without a proxy.
    #[must_use]
    pub fn of(case: &Case<'a>) -> Self {
        let (mut silent, mut standing) = (Vec::new(), Vec::new());
        for (target, verdict) in case.targets().filter(|(_, verdict)| verdict.path != Path::Proxy) {
            for attempt in
                target.attempts.iter().filter(|attempt| crate::classify::fold::counts(target, attempt))
            {
                let into = match (attempt.tcp.done(), attempt.tcp.failed()) {
                    (Some(_), _) => &mut standing,
                    (None, Some(TcpFailure::TimedOut)) => &mut silent,
                    _ => continue,
                };
                into.extend(Way::walked(case.recording, target, verdict, attempt));
            }
        }
        let refuted: Vec<Obstacle> = standing.iter().flat_map(|way| way.obstacles.iter().cloned()).collect();
        for way in &mut silent {
            let before = way.obstacles.len();
            way.obstacles.retain(|obstacle| !refuted.iter().any(|other| other.is_of_the_same(obstacle)));
            if way.obstacles.len() < before {
                way.open.push("what EC2 says and what connects do not agree".to_owned());
            }
        }
        Self { silent, standing }
    }

    /// The silent ways that meet an obstacle which `wanted` picks.
    pub fn meeting(&self, wanted: impl Fn(&Obstacle) -> bool) -> Vec<&Way<'a>> {
        self.silent.iter().filter(|way| way.obstacles.iter().any(&wanted)).collect()
    }

    /// Whether some address of the way's target connects.
    #[must_use]
    pub fn is_partial(&self, way: &Way<'_>) -> bool {
        self.standing.iter().any(|other| other.target.target == way.target.target)
    }
}

impl<'a> Way<'a> {
    fn walked(
        recording: &'a Recording,
        target: &'a TargetObservation,
        verdict: &'a Verdict,
        attempt: &'a Attempt,
    ) -> Option<Self> {
        let place = Place::of(recording, attempt)?;
        let endpoint = endpoint_at(recording, target, attempt.address);
        let mut way =
            Self { target, verdict, attempt, place, endpoint, obstacles: Vec::new(), open: Vec::new() };
        obstacles::meet(recording, &mut way);
        Some(way)
    }

    /// The address at its end.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        self.attempt.address
    }
}

impl Obstacle {
    /// Whether both are about the same component and the same thing it does.
    fn is_of_the_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::OwnGroups { groups: one }, Self::OwnGroups { groups: other }) => one == other,
            (Self::OwnAcl { acl, direction, .. }, Self::OwnAcl { acl: other, direction: way, .. })
            | (
                Self::EndpointAcl { acl, direction, .. },
                Self::EndpointAcl { acl: other, direction: way, .. },
            ) => acl == other && direction == way,
            (Self::EndpointGroups { endpoint: one, .. }, Self::EndpointGroups { endpoint: other, .. }) => {
                one == other
            }
            (Self::NoRoute { .. }, Self::NoRoute { .. })
            | (Self::Blackhole { .. }, Self::Blackhole { .. })
            | (Self::NatGateway { .. }, Self::NatGateway { .. })
            | (Self::BlockedPublicAccess { .. }, Self::BlockedPublicAccess { .. })
            | (Self::NoPublicAddress { .. }, Self::NoPublicAddress { .. }) => self == other,
            _ => false,
        }
    }
}

impl<'a> Place<'a> {
    /// Where packets of an attempt leave. `None` where no interface of the instance is known to EC2.
    #[must_use]
    pub fn of(recording: &'a Recording, attempt: &Attempt) -> Option<Self> {
        let source = attempt.route.as_ref().and_then(|route| route.source);
        let host = &recording.environment.host;
        let first = first_interface(host)?;
        let holder = source.and_then(|source| interface_with(host, source));
        let interface = holder.unwrap_or(first);
        let primary = host.subnet_id.as_deref();
        let subnet = interface.subnet_id.as_deref().or(primary);
        let same_family = |address: &IpAddr| address.is_ipv4() == attempt.address.is_ipv4();
        let own = interface.addresses.iter().map(ipnet::IpNet::addr).find(same_family);
        let first = std::ptr::eq(interface, first);
        Some(Self { interface, subnet, source: own, first })
    }

    /// Whether an address lies in the interface's own subnet, so that packets to it stay inside.
    #[must_use]
    pub fn is_neighbour(&self, address: IpAddr) -> bool {
        self.interface.subnet_cidrs.iter().any(|cidr| cidr.contains(&address))
    }
}

/// The instance's first interface: device number 0, else the one in the instance's first subnet.
#[must_use]
pub fn first_interface(host: &Environment) -> Option<&Interface> {
    let known = || host.interfaces.iter().filter(|interface| !interface.security_group_ids.is_empty());
    let by_subnet =
        || known().find(|interface| interface.subnet_id.is_none() || interface.subnet_id == host.subnet_id);
    known().find(|interface| interface.device_number == Some(0)).or_else(by_subnet)
}

/// The interface that EC2 knows and that holds this address.
#[must_use]
pub fn interface_with(host: &Environment, source: IpAddr) -> Option<&Interface> {
    let interfaces = host.interfaces.iter();
    interfaces
        .filter(|interface| !interface.security_group_ids.is_empty())
        .find(|interface| interface.addresses.iter().any(|net| net.addr() == source))
}

/// The interface endpoint of this VPC that an address belongs to: the one that holds it, or, where holders are not known, the only
/// one of the target's service. Another address of the VPC may be anything.
fn endpoint_at<'a>(
    recording: &'a Recording,
    target: &TargetObservation,
    address: IpAddr,
) -> Option<&'a VpcEndpoint> {
    let host = &recording.environment.host;
    if !host.vpc_cidrs.iter().any(|cidr| cidr.contains(&address)) {
        return None;
    }
    let listed = recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done())?;
    let holder = listed.iter().find(|endpoint| endpoint.addresses.contains(&address));
    let of_service = endpoints_of(recording, &target.service, EndpointKind::Interface);
    match (holder, of_service.as_slice()) {
        (Some(holder), _) => Some(holder),
        (None, [only]) if only.addresses.is_empty() => Some(only),
        _ => None,
    }
}

/// The endpoints of a service and kind in this VPC, as EC2 lists them, in any state.
#[must_use]
pub fn endpoints_of<'a>(recording: &'a Recording, service: &str, kind: EndpointKind) -> Vec<&'a VpcEndpoint> {
    let listed = recording.control_plane.vpc_endpoints.as_ref().and_then(|step| step.done());
    let region = recording.environment.host.region.as_deref();
    let (Some(listed), Some(region), Some(service)) = (listed, region, crate::catalogue::service(service))
    else {
        return Vec::new();
    };
    let name = service.endpoint_service_name(region, kind);
    let word = match kind {
        EndpointKind::Gateway => "Gateway",
        EndpointKind::Interface => "Interface",
    };
    listed.iter().filter(|endpoint| endpoint.service_name == name && endpoint.kind == word).collect()
}
