//! Prefix lists, AWS's and the account's own, with the entries that the lab routes by.
//!
//! `DescribePrefixLists` is the older call and gives AWS's lists with their entries at once; `DescribeManagedPrefixLists` and
//! `GetManagedPrefixListEntries` give the same in two steps and in pages.

use super::View;
use super::form::Form;
use super::listing::{Listing, page};
use super::missing;
use super::xml::{Node, list, node, text, texts};
use crate::aws::errors::Fault;
use crate::fabric;
use crate::topology::PrefixList;

/// `DescribePrefixLists`.
pub(super) const PREFIX_LISTS: Listing = Listing {
    operation: "DescribePrefixLists",
    set: "prefixListSet",
    ids: ("PrefixListId", "prefixListId"),
    unknown: ("InvalidPrefixListId", "prefix list ID"),
    page: (5, 1000),
    filters: &[("prefix-list-id", "prefixListId"), ("prefix-list-name", "prefixListName")],
    items: |view| {
        let lists = view.topology.prefix_lists.iter().filter(|list| list.name.is_none());
        let describe = |list: &PrefixList| {
            vec![
                text("prefixListId", &list.id),
                text("prefixListName", name(view, list)),
                texts("cidrSet", fabric::entries(view.topology, list)),
            ]
        };
        lists.map(describe).collect()
    },
};

/// `DescribeManagedPrefixLists`.
pub(super) const MANAGED_PREFIX_LISTS: Listing = Listing {
    operation: "DescribeManagedPrefixLists",
    set: "prefixListSet",
    ids: ("PrefixListId", "prefixListId"),
    unknown: ("InvalidPrefixListID", "prefix list ID"),
    page: (1, 100),
    filters: &[
        ("owner-id", "ownerId"),
        ("prefix-list-id", "prefixListId"),
        ("prefix-list-name", "prefixListName"),
        ("tag-key", "tagSet/key"),
    ],
    items: |view| view.topology.prefix_lists.iter().map(|list| managed(view, list)).collect(),
};

/// `GetManagedPrefixListEntries`.
///
/// # Errors
///
/// When no list is named, there is none of this id, or the page cannot be.
pub(super) fn entries(view: &View<'_>, form: &Form) -> Result<Vec<Node>, Fault> {
    let id = form.value("PrefixListId").ok_or_else(|| missing("PrefixListId"))?;
    let found = view.topology.prefix_list(id).ok_or_else(|| {
        Fault::new(400, "InvalidPrefixListID.NotFound", format!("The prefix list ID '{id}' does not exist"))
    })?;
    let (entries, next) = page(fabric::entries(view.topology, found), form, (1, 100))?;
    let mut nodes = vec![list("entrySet", entries.iter().map(|cidr| vec![text("cidr", cidr)]))];
    nodes.extend(next);
    Ok(nodes)
}

/// `com.amazonaws.REGION.SERVICE`, in China too.
fn name(view: &View<'_>, list: &PrefixList) -> String {
    list.name.clone().unwrap_or_else(|| format!("com.amazonaws.{}.{}", view.region(), list.service))
}

fn managed(view: &View<'_>, list: &PrefixList) -> Vec<Node> {
    let own = list.name.is_some();
    let account = if own { view.account() } else { "aws" };
    let arn = format!("arn:{}:ec2:{}:{account}:prefix-list/{}", view.partition(), view.region(), list.id);
    let mut nodes = vec![
        text("prefixListId", &list.id),
        text("addressFamily", "IPv4"),
        text("state", "create-complete"),
        text("prefixListArn", arn),
        text("prefixListName", name(view, list)),
        node("tagSet", vec![]),
        text("ownerId", if own { view.account() } else { "AWS" }),
    ];
    if own {
        nodes.push(text("maxEntries", fabric::entries(view.topology, list).len().max(1)));
        nodes.push(text("version", 1));
    }
    nodes
}
