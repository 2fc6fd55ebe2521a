//! The XML of EC2's answers: elements in the order they are given, lists as `<item>` elements.
//!
//! It knows nothing of EC2's resources. [`super::listing`] looks into finished elements to filter them, so that what a filter finds is
//! always what the answer says.

use std::fmt::{Display, Write as _};

use crate::aws::request::escape;

/// One element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Node {
    name: &'static str,
    content: Content,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Content {
    Text(String),
    Nodes(Vec<Node>),
}

/// An element with text in it.
pub(super) fn text(name: &'static str, value: impl Display) -> Node {
    Node { name, content: Content::Text(value.to_string()) }
}

/// An element with elements in it.
pub(super) fn node(name: &'static str, children: Vec<Node>) -> Node {
    Node { name, content: Content::Nodes(children) }
}

/// A list of structures.
pub(super) fn list(name: &'static str, items: impl IntoIterator<Item = Vec<Node>>) -> Node {
    node(name, items.into_iter().map(|children| node(ITEM, children)).collect())
}

/// A list of plain values.
pub(super) fn texts(name: &'static str, values: impl IntoIterator<Item = impl Display>) -> Node {
    node(name, values.into_iter().map(|value| text(ITEM, value)).collect())
}

/// The texts at the end of a path such as `routeSet/gatewayId` below some elements; the items of lists on the way are all entered.
pub(super) fn at<'a>(nodes: &'a [Node], path: &str) -> Vec<&'a str> {
    let (first, rest) = path.split_once('/').map_or((path, ""), |(first, rest)| (first, rest));
    nodes.iter().filter(|node| node.name == first).flat_map(|node| node.values(rest)).collect()
}

/// Elements as text, indented as EC2 does.
pub(super) fn render(nodes: &[Node], depth: usize, out: &mut String) {
    let indent = "    ".repeat(depth);
    for node in nodes {
        let name = node.name;
        // Writing to a string cannot fail.
        let _ = match &node.content {
            Content::Text(text) => writeln!(out, "{indent}<{name}>{}</{name}>", escape(text)),
            Content::Nodes(children) if children.is_empty() => writeln!(out, "{indent}<{name}/>"),
            Content::Nodes(children) => {
                let _ = writeln!(out, "{indent}<{name}>");
                render(children, depth + 1, out);
                writeln!(out, "{indent}</{name}>")
            }
        };
    }
}

/// The element of a list.
const ITEM: &str = "item";

impl Node {
    fn values(&self, path: &str) -> Vec<&str> {
        match &self.content {
            Content::Text(text) if path.is_empty() => vec![text],
            Content::Text(_) => Vec::new(),
            Content::Nodes(children) => {
                let items = children.iter().filter(|child| child.name == ITEM);
                let mut found: Vec<&str> = items.flat_map(|item| item.values(path)).collect();
                found.extend(at(children, path));
                found
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_written_in_order_and_escaped() {
        let mut out = String::new();
        let nodes = [
            text("a", "1 < 2"),
            texts("b", ["x", "y"]),
            list("c", [vec![text("d", true)]]),
            node("e", vec![]),
        ];
        render(&nodes, 0, &mut out);
        assert_eq!(
            out,
            "<a>1 &lt; 2</a>\n<b>\n    <item>x</item>\n    <item>y</item>\n</b>\n<c>\n    <item>\n        \
             <d>true</d>\n    </item>\n</c>\n<e/>\n"
        );
    }

    #[test]
    fn a_path_enters_every_item_of_the_lists_on_its_way() {
        let routes = list("routeSet", [vec![text("gatewayId", "local")], vec![text("gatewayId", "vpce-1")]]);
        let nodes = [text("vpcId", "vpc-1"), routes, texts("idSet", ["x"])];
        assert_eq!(at(&nodes, "vpcId"), ["vpc-1"]);
        assert_eq!(at(&nodes, "routeSet/gatewayId"), ["local", "vpce-1"]);
        assert_eq!(at(&nodes, "idSet"), ["x"]);
        assert!(at(&nodes, "routeSet/state").is_empty() && at(&nodes, "other").is_empty());
    }
}
