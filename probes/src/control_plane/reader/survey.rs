//! What is asked, in which order: as much as possible at once, and the rest as soon as what it needs to know was answered.
//!
//! The security groups, network ACLs and subnets of VPC endpoints and NAT gateways are known by id only after those are, and
//! prefix lists only after the routes and groups that name them. Where one call came in two waves and the second failed, the
//! first stands, and the ids elsewhere show what is missing.

use std::net::IpAddr;

use futures_util::future::join_all;
use tokio::sync::OnceCell;

use super::Subject;
use crate::control_plane::ask::Asker;
use crate::control_plane::{
    BlockPublicAccess, FurtherPrefixList, InternetGatewayBlock, ManagedPrefixList, NatGateway, NetworkAcl,
    NetworkInterface, ReadFailure, RouteTable, SecurityGroup, SubnetRoutes, VpcEndpoint, calls,
};
use crate::run::{Board, measure};
use crate::step::{Clock, Outcome, SkipReason, Step};

/// EC2 takes at most this many values of one filter (Amazon EC2 API reference, `Filter`).
const MOST_VALUES: usize = 200;
/// Prefix lists that are read one by one; a route table or a security group that names more is a rare one.
const MOST_LISTS: usize = 20;

type Answered<T> = Step<T, ReadFailure>;
type Found<T> = Answered<Vec<T>>;

/// One reading of EC2. Each cell holds an answer that others wait for.
pub(super) struct Survey<'a> {
    asker: Asker<'a>,
    clock: &'a Clock,
    board: &'a Board,
    subject: &'a Subject<'a>,
    route_table: OnceCell<Answered<RouteTable>>,
    endpoints: OnceCell<Found<VpcEndpoint>>,
    nat_gateways: OnceCell<Found<NatGateway>>,
    prefix_lists: OnceCell<Found<ManagedPrefixList>>,
    own_groups: OnceCell<Found<SecurityGroup>>,
    all_groups: OnceCell<Found<SecurityGroup>>,
    own_tables: OnceCell<Found<SubnetRoutes>>,
    all_tables: OnceCell<Found<SubnetRoutes>>,
}

impl<'a> Survey<'a> {
    /// A reading of which nothing is made yet.
    pub(super) fn new(
        asker: Asker<'a>,
        clock: &'a Clock,
        board: &'a Board,
        subject: &'a Subject<'a>,
    ) -> Self {
        Self {
            asker,
            clock,
            board,
            subject,
            route_table: OnceCell::new(),
            endpoints: OnceCell::new(),
            nat_gateways: OnceCell::new(),
            prefix_lists: OnceCell::new(),
            own_groups: OnceCell::new(),
            all_groups: OnceCell::new(),
            own_tables: OnceCell::new(),
            all_tables: OnceCell::new(),
        }
    }

    /// Asks for everything and writes it down. Calls wait for a free connection in this order, so what decides most comes
    /// first.
    pub(super) async fn make(&self) {
        tokio::join!(
            Box::pin(self.route_table()),
            Box::pin(self.prefix_lists()),
            Box::pin(self.endpoints()),
            Box::pin(self.network_interfaces()),
            Box::pin(self.all_tables()),
            Box::pin(self.further_prefix_lists()),
            Box::pin(self.nat_gateways()),
            Box::pin(self.dns()),
            Box::pin(self.all_groups()),
            Box::pin(self.network_acls()),
            Box::pin(self.subnets()),
            Box::pin(self.block_public_access()),
        );
    }

    async fn route_table(&self) -> &Answered<RouteTable> {
        let (vpc, subnet) = (self.subject.vpc_id, self.subject.subnet_id);
        let asked = || async {
            let step = self.timed(calls::route_table(&self.asker, vpc, subnet)).await;
            self.board.control_plane(|seen| seen.route_table = Some(step.clone()));
            step
        };
        self.route_table.get_or_init(|| Box::pin(asked())).await
    }

    async fn endpoints(&self) -> &[VpcEndpoint] {
        let asked = || async {
            let asking = calls::vpc_endpoints(&self.asker, self.subject.vpc_id, self.subject.plan);
            let step = self.timed(asking).await;
            self.board.control_plane(|seen| seen.vpc_endpoints = Some(step.clone()));
            step
        };
        done(self.endpoints.get_or_init(|| Box::pin(asked())).await)
    }

    async fn nat_gateways(&self) -> &[NatGateway] {
        let asked = || async {
            let step = self.timed(calls::nat_gateways(&self.asker, self.subject.vpc_id)).await;
            self.board.control_plane(|seen| seen.nat_gateways = Some(step.clone()));
            step
        };
        done(self.nat_gateways.get_or_init(|| Box::pin(asked())).await)
    }

    async fn prefix_lists(&self) -> &[ManagedPrefixList] {
        let names = &self.subject.plan.prefix_list_names;
        let asked = || async {
            let step = self.unless_empty(names, calls::prefix_lists(&self.asker, names)).await;
            self.board.control_plane(|seen| seen.prefix_lists = Some(step.clone()));
            step
        };
        done(self.prefix_lists.get_or_init(|| Box::pin(asked())).await)
    }

    async fn dns(&self) {
        let step = self.timed(calls::dns(&self.asker, self.subject.vpc_id)).await;
        self.board.control_plane(|seen| seen.dns = Some(step));
    }

    /// Only where something is blocked is it asked for whom it is not. That something is blocked is worth telling even
    /// where nobody says for whom it is not.
    async fn block_public_access(&self) {
        let asked = async {
            let internet_gateways = calls::internet_gateway_block(&self.asker).await?;
            if internet_gateways == InternetGatewayBlock::Off {
                return Ok(BlockPublicAccess { internet_gateways, exclusions: None });
            }
            let mut concerned = vec![self.subject.vpc_id.to_owned()];
            concerned.extend(self.own_subnets());
            concerned.extend(self.nat_gateways().await.iter().filter_map(|nat| nat.subnet.clone()));
            let exclusions = calls::exclusions(&self.asker, &concerned).await.ok();
            Ok(BlockPublicAccess { internet_gateways, exclusions })
        };
        let step = self.timed(asked).await;
        self.board.control_plane(|seen| seen.block_public_access = Some(step));
    }

    async fn own_groups(&self) -> &Found<SecurityGroup> {
        let ids = at_most(self.subject.plan.security_group_ids.clone());
        let asked = || async {
            let step = self.unless_empty(&ids, calls::security_groups(&self.asker, &ids)).await;
            self.board.control_plane(|seen| seen.security_groups = Some(step.clone()));
            step
        };
        self.own_groups.get_or_init(|| Box::pin(asked())).await
    }

    async fn all_groups(&self) -> &Found<SecurityGroup> {
        let asked = || async {
            let (own, endpoints) = tokio::join!(self.own_groups(), self.endpoints());
            let named = endpoints.iter().flat_map(|endpoint| &endpoint.security_groups);
            let ids = further(named, &self.subject.plan.security_group_ids);
            let step = self.unless_empty(&ids, calls::security_groups(&self.asker, &ids)).await;
            let step = joined(own.clone(), step, Vec::push);
            self.board.control_plane(|seen| seen.security_groups = Some(step.clone()));
            step
        };
        self.all_groups.get_or_init(|| Box::pin(asked())).await
    }

    async fn network_acls(&self) {
        let own = self.own_subnets();
        let write = |step: &Found<NetworkAcl>| {
            self.board.control_plane(|seen| seen.network_acls = Some(step.clone()));
        };
        let before = self.timed(calls::network_acls(&self.asker, &own)).await;
        write(&before);
        let ids = further(self.other_subnets().await.iter(), &own);
        let step = self.unless_empty(&ids, calls::network_acls(&self.asker, &ids)).await;
        write(&joined(before, step, add_acl));
    }

    async fn own_tables(&self) -> &Found<SubnetRoutes> {
        let ids = at_most(self.subject.plan.further_subnet_ids.clone());
        let asked = || async { self.tables_of(&ids).await };
        self.own_tables.get_or_init(|| Box::pin(asked())).await
    }

    async fn all_tables(&self) -> &Found<SubnetRoutes> {
        let asked = || async {
            let (own, nat_gateways) = tokio::join!(self.own_tables(), self.nat_gateways());
            let named = nat_gateways
                .iter()
                .filter(|nat| nat.state != "deleted")
                .filter_map(|nat| nat.subnet.as_ref());
            let ids = further(named, &self.own_subnets());
            let step = joined(own.clone(), self.tables_of(&ids).await, add_table);
            self.board.control_plane(|seen| seen.further_route_tables = Some(step.clone()));
            step
        };
        self.all_tables.get_or_init(|| Box::pin(asked())).await
    }

    async fn tables_of(&self, subnets: &[String]) -> Found<SubnetRoutes> {
        let asked = calls::route_tables_of(&self.asker, self.subject.vpc_id, subnets);
        self.unless_empty(subnets, asked).await
    }

    async fn subnets(&self) {
        let mut ids = self.own_subnets();
        ids.extend(further(self.other_subnets().await.iter(), &ids));
        let ids = at_most(ids);
        let step = self.timed(calls::subnets(&self.asker, &ids)).await;
        self.board.control_plane(|seen| seen.subnets = Some(step));
    }

    /// By now names have been answered by one resolver at least; what comes later still is not asked about.
    async fn network_interfaces(&self) {
        let endpoints = self.endpoints().await;
        let inside = |address: &IpAddr| self.subject.plan.inside.iter().any(|cidr| cidr.contains(address));
        let mut addresses: Vec<IpAddr> = self.board.addresses().into_iter().filter(inside).collect();
        addresses.truncate(MOST_VALUES);
        let vpc = self.subject.vpc_id;
        let step: Found<NetworkInterface> = if addresses.is_empty() {
            Step::skipped(SkipReason::NotAsked)
        } else {
            self.timed(calls::network_interfaces(&self.asker, vpc, &addresses, endpoints)).await
        };
        self.board.control_plane(|seen| {
            if let Some(Outcome::Done(endpoints)) = seen.vpc_endpoints.as_mut().map(|step| &mut step.outcome)
            {
                for endpoint in endpoints {
                    endpoint.addresses = held_by(endpoint, done(&step));
                }
            }
            seen.network_interfaces = Some(step);
        });
    }

    /// Those that the instance's own routes and groups name first, and then those that the endpoints' groups and the NAT
    /// gateways' routes name besides.
    async fn further_prefix_lists(&self) {
        let (named, table, groups, tables) =
            tokio::join!(self.prefix_lists(), self.route_table(), self.own_groups(), self.own_tables());
        let mut known: Vec<String> = named.iter().map(|list| list.id.clone()).collect();
        let in_table = table.done().into_iter().flat_map(lists_of_table).collect();
        self.read_lists(&mut known, in_table, done(groups), done(tables)).await;
        let (groups, tables) = tokio::join!(self.all_groups(), self.all_tables());
        self.read_lists(&mut known, Vec::new(), done(groups), done(tables)).await;
    }

    async fn read_lists(
        &self,
        known: &mut Vec<String>,
        mut named: Vec<String>,
        groups: &[SecurityGroup],
        tables: &[SubnetRoutes],
    ) {
        named.extend(groups.iter().flat_map(|group| {
            group.egress.iter().chain(&group.ingress).flat_map(|rule| rule.prefix_lists.iter().cloned())
        }));
        named.extend(tables.iter().flat_map(|table| lists_of_table(&table.table)));
        let mut ids = further(named.iter(), known);
        ids.truncate(MOST_LISTS);
        known.extend(ids.iter().cloned());
        let reading = ids.into_iter().map(|id| async {
            let entries = self.timed(calls::prefix_list_entries(&self.asker, &id)).await;
            self.board.control_plane(|seen| {
                seen.further_prefix_lists.push(FurtherPrefixList { id, entries });
                seen.further_prefix_lists.sort_by(|one, other| one.id.cmp(&other.id));
            });
        });
        join_all(reading).await;
    }

    /// The subnets of the instance's interfaces in this VPC.
    fn own_subnets(&self) -> Vec<String> {
        let mut subnets = vec![self.subject.subnet_id.to_owned()];
        subnets.extend(self.subject.plan.further_subnet_ids.iter().cloned());
        at_most(subnets)
    }

    /// The subnets of VPC endpoints and NAT gateways.
    async fn other_subnets(&self) -> Vec<String> {
        let (endpoints, nat_gateways) = tokio::join!(self.endpoints(), self.nat_gateways());
        let standing = nat_gateways.iter().filter(|nat| nat.state != "deleted");
        let endpoints = endpoints.iter().flat_map(|endpoint| endpoint.subnets.iter().cloned());
        endpoints.chain(standing.filter_map(|nat| nat.subnet.clone())).collect()
    }

    async fn timed<T>(&self, call: impl Future<Output = Result<T, ReadFailure>>) -> Answered<T> {
        measure(self.clock, Box::pin(call)).await
    }

    /// Makes a call that has something to ask for. A filter without values would give everything there is.
    async fn unless_empty<T>(
        &self,
        values: &[String],
        call: impl Future<Output = Result<T, ReadFailure>>,
    ) -> Answered<T> {
        if values.is_empty() { Step::skipped(SkipReason::NotAsked) } else { self.timed(call).await }
    }
}

/// The addresses that the interfaces of an endpoint hold.
fn held_by(endpoint: &VpcEndpoint, interfaces: &[NetworkInterface]) -> Vec<IpAddr> {
    let own = interfaces.iter().filter(|interface| interface.vpc_endpoint.as_ref() == Some(&endpoint.id));
    let mut addresses: Vec<IpAddr> = own.flat_map(|interface| interface.addresses.iter().copied()).collect();
    addresses.sort();
    addresses
}

fn done<T>(step: &Found<T>) -> &[T] {
    step.done().map_or(&[], Vec::as_slice)
}

fn lists_of_table(table: &RouteTable) -> Vec<String> {
    table.routes.iter().filter_map(|route| route.prefix_list.clone()).collect()
}

/// What two calls for different things of one kind came to: the sum where both were answered, else the answer of the first.
fn joined<T: Clone>(before: Found<T>, step: Found<T>, add: fn(&mut Vec<T>, T)) -> Found<T> {
    match (&before.outcome, &step.outcome) {
        (Outcome::Done(first), Outcome::Done(second)) => {
            let mut all = first.clone();
            for found in second {
                add(&mut all, found.clone());
            }
            let end_ms = step.start_ms + step.elapsed_ms;
            Step::placed(before.start_ms, end_ms - before.start_ms, Outcome::Done(all))
        }
        (Outcome::Skipped(SkipReason::NotAsked), _) => step,
        _ => before,
    }
}

/// Adds a network ACL; one that was found before holds for the further subnets as well.
fn add_acl(acls: &mut Vec<NetworkAcl>, found: NetworkAcl) {
    match acls.iter_mut().find(|acl| acl.id == found.id) {
        Some(acl) => {
            acl.subnets.extend(found.subnets);
            acl.subnets.sort();
        }
        None => acls.push(found),
    }
}

/// The same for a route table.
fn add_table(tables: &mut Vec<SubnetRoutes>, found: SubnetRoutes) {
    match tables.iter_mut().find(|table| table.table.id == found.table.id) {
        Some(table) => table.subnets.extend(found.subnets),
        None => tables.push(found),
    }
}

/// The ids beside those that were asked for already, each once.
fn further<'i>(ids: impl Iterator<Item = &'i String>, asked: &[String]) -> Vec<String> {
    let mut further: Vec<String> = ids.filter(|id| !asked.contains(id)).cloned().collect();
    further.sort();
    further.dedup();
    at_most(further)
}

fn at_most(mut ids: Vec<String>) -> Vec<String> {
    ids.truncate(MOST_VALUES);
    ids
}
