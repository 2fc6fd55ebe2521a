//! From one running fabric to another: only what differs, as input for the same programs.
//!
//! Routing tables that differ are written anew, and so is each firewall table, in one transaction; the packet counts have a
//! table of their own and go on counting. New wires may be added, nothing that stands may move to another place.

use std::collections::{BTreeMap, BTreeSet};

use super::{Fabric, Namespace, line};

/// What the kernel must be told to turn one fabric into another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Update {
    /// Input for `ip -batch` that makes the new wires.
    pub(crate) wires: String,
    /// The namespaces that change; each holds only the difference.
    pub(crate) namespaces: Vec<Namespace>,
}

/// The difference between two fabrics; nothing if the second needs other namespaces, or a wire less.
pub(crate) fn update(running: &Fabric, wanted: &Fabric) -> Option<Update> {
    let names = |fabric: &Fabric| fabric.namespaces.iter().map(|each| each.name.clone()).collect::<Vec<_>>();
    if names(running) != names(wanted) || running.long_wires != wanted.long_wires {
        return None;
    }
    let wires = wanted.wires.strip_prefix(&running.wires)?.to_owned();
    let mut namespaces = Vec::new();
    for (old, new) in running.namespaces.iter().zip(&wanted.namespaces) {
        if old == new {
            continue;
        }
        if old.settings != new.settings {
            return None;
        }
        let known = |setting: &&(String, String)| !old.interface_settings.contains(setting);
        namespaces.push(Namespace {
            name: new.name.clone(),
            settings: Vec::new(),
            interface_settings: new.interface_settings.iter().filter(known).cloned().collect(),
            network: network(&old.network, &new.network)?,
            firewall: firewall(&old.firewall, &new.firewall),
        });
    }
    Some(Update { wires, namespaces })
}

/// Commands between two lists of commands: what is gone is taken back, what is new is done.
fn network(old: &str, new: &str) -> Option<String> {
    let (old_tables, old_rest) = by_table(old);
    let (new_tables, new_rest) = by_table(new);
    let mut text = String::new();
    for gone in old_rest.iter().filter(|line| !new_rest.contains(line)) {
        line(&mut text, format_args!("{}", undo(gone)?));
    }
    for added in new_rest.iter().filter(|line| !old_rest.contains(line)) {
        line(&mut text, format_args!("{added}"));
    }
    let none = Vec::new();
    let tables: BTreeSet<&str> = old_tables.keys().chain(new_tables.keys()).copied().collect();
    for table in tables {
        let before = old_tables.get(table).unwrap_or(&none);
        let after = new_tables.get(table).unwrap_or(&none);
        if before == after {
            continue;
        }
        // A table that never had a route does not exist, and flushing it would be an error.
        if !before.is_empty() {
            line(&mut text, format_args!("route flush table {table}"));
        }
        for route in after {
            line(&mut text, format_args!("{route}"));
        }
    }
    Some(text)
}

/// The routes of each numbered table, and all other commands.
fn by_table(commands: &str) -> (BTreeMap<&str, Vec<&str>>, Vec<&str>) {
    let mut tables: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let mut rest = Vec::new();
    for command in commands.lines() {
        match command.rsplit_once(" table ") {
            Some((_, table)) if command.starts_with("route ") && table != "main" => {
                tables.entry(table).or_default().push(command);
            }
            _ => rest.push(command),
        }
    }
    (tables, rest)
}

/// The command that takes another one back.
fn undo(command: &str) -> Option<String> {
    let (object, rest) = command.split_once(" add ")?;
    ["addr", "route", "rule"].contains(&object).then(|| format!("{object} del {rest}"))
}

/// Tables that differ, each replaced as a whole.
fn firewall(old: &str, new: &str) -> String {
    let (old, new) = (tables(old), tables(new));
    let mut text = String::new();
    for (header, body) in &new {
        match old.get(header) {
            Some(before) if before == body => continue,
            // Declaring it once more makes deleting it safe.
            Some(_) => line(&mut text, format_args!("{header}\ndelete {header}")),
            None => {}
        }
        text.push_str(body);
    }
    for header in old.keys().filter(|header| !new.contains_key(*header)) {
        line(&mut text, format_args!("delete {header}"));
    }
    text
}

/// The tables of a firewall by their headers, such as `table ip vpc`.
fn tables(firewall: &str) -> BTreeMap<&str, String> {
    let mut tables: BTreeMap<&str, String> = BTreeMap::new();
    let mut current = "";
    for each in firewall.lines() {
        if let Some(header) = each.strip_suffix(" {").filter(|header| header.starts_with("table ")) {
            current = header;
        }
        let table = tables.entry(current).or_default();
        table.push_str(each);
        table.push('\n');
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::super::{Silences, compile};
    use super::*;
    use crate::change::{Change, apply};
    use crate::scenario;
    use crate::topology::{GatewayEndpoint, Route};

    #[test]
    fn nothing_is_told_where_nothing_changed() {
        let fabric = compile(&scenario::load("mixed").unwrap().topology, Silences::default());
        assert_eq!(update(&fabric, &fabric), Some(Update { wires: String::new(), namespaces: Vec::new() }));
    }

    #[test]
    fn a_route_rewrites_its_table_and_leaves_the_rest() {
        let mut topology = scenario::load("healthy-private").unwrap().topology;
        let before = compile(&topology, Silences::default());
        let change = Change::SetRoute {
            route_table: "rtb-0b1b1b1b1b1b1b1b1".to_owned(),
            destination: "0.0.0.0/0".to_owned(),
            target: "nat-0f0f0f0f0f0f0f0f0".to_owned(),
        };
        apply(&mut topology, change).unwrap();
        let update = update(&before, &compile(&topology, Silences::default())).unwrap();
        assert_eq!((update.wires.as_str(), update.namespaces.len()), ("", 1));
        let router = &update.namespaces[0];
        assert!(router.network.starts_with("route flush table 1001\n"), "{}", router.network);
        assert!(
            router.network.contains("route replace 0.0.0.0/0 via 10.0.0.220 dev nat0 onlink table 1001\n")
        );
        assert!(!router.network.contains("table 1000"));
        assert_eq!(router.firewall, "");
    }

    #[test]
    fn an_endpoint_may_be_added_to_what_runs_and_the_counts_stay() {
        let mut topology = scenario::load("mixed").unwrap().topology;
        let before = compile(&topology, Silences::default());
        topology.gateway_endpoints.push(GatewayEndpoint {
            id: "vpce-1".to_owned(),
            service: "dynamodb".to_owned(),
            answers_at_ttl: 1,
        });
        let route =
            Route { destination: "pl-02cd2c6b".to_owned(), target: "vpce-1".to_owned(), blackhole: false };
        topology.route_tables[1].routes.push(route);
        topology.security_groups[0].egress.clear();
        let update = update(&before, &compile(&topology, Silences::default())).unwrap();
        assert!(update.wires.starts_with("link add gwe1 "), "{}", update.wires);
        let router = update.namespaces.iter().find(|each| each.name == "vpc").unwrap();
        assert!(router.network.contains("dev gwe1\nlink set gwe1 up\n"), "{}", router.network);
        assert!(router.firewall.starts_with("table ip vpc\ndelete table ip vpc\ntable ip vpc {\n"));
        assert!(!router.firewall.contains("counts"));
    }

    #[test]
    fn what_would_need_other_namespaces_is_not_tried() {
        let mut topology = scenario::load("healthy-private").unwrap().topology;
        let before = compile(&topology, Silences::default());
        topology.nat_gateways.clear();
        assert_eq!(update(&before, &compile(&topology, Silences::default())), None);
    }
}
