//! An answer of EC2 as a tree of named elements, before anyone reads a meaning into it.
//!
//! EC2 writes a list as an element that holds one `item` for each of its entries (Amazon EC2 API reference). Elements that nobody
//! asks for are passed over, as a later version of an answer may have more of them.

use roxmltree::{Document, Node};

use super::ReadFailure;

/// EC2's answers are less than half as deep. The depth of a hostile one must not become that of our stack.
const DEEPEST: usize = 20;

/// One element: its text, or the elements in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Element {
    name: String,
    text: String,
    children: Vec<Element>,
}

impl Element {
    /// Reads the answer to a call.
    ///
    /// # Errors
    ///
    /// That it is something else.
    pub(super) fn of_answer(action: &str, body: &[u8]) -> Result<Self, ReadFailure> {
        let unexpected =
            |what: &str| ReadFailure::Unexpected { text: format!("the answer to {action} {what}") };
        let text = std::str::from_utf8(body).map_err(|_| unexpected("is not UTF-8"))?;
        let document = Document::parse(text).map_err(|error| unexpected(&format!("is not XML: {error}")))?;
        let root = document.root_element();
        if root.tag_name().name().strip_suffix("Response") != Some(action) {
            return Err(unexpected("is none"));
        }
        Self::of(root, DEEPEST).ok_or_else(|| unexpected("is nested too deeply"))
    }

    fn of(node: Node<'_, '_>, deepest: usize) -> Option<Self> {
        let children = node.children().filter(Node::is_element);
        Some(Self {
            name: node.tag_name().name().to_owned(),
            text: node.text().unwrap_or_default().to_owned(),
            children: children
                .map(|child| Self::of(child, deepest.checked_sub(1)?))
                .collect::<Option<_>>()?,
        })
    }

    /// The element of a name in this one.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// The text of the element of a name in this one.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.child(name).map(Self::own_text)
    }

    /// The text of this element itself.
    pub(super) fn own_text(&self) -> &str {
        &self.text
    }

    /// The entries of a list in this element; none where there is no such list.
    pub(super) fn items(&self, list: &str) -> &[Self] {
        self.child(list).map_or(&[], |list| &list.children)
    }

    /// The same, taken out of an answer that is not needed any more.
    pub(super) fn into_items(self, list: &str) -> Vec<Self> {
        let list = self.children.into_iter().find(|child| child.name == list);
        list.map(|list| list.children).unwrap_or_default()
    }

    /// What the element of a name says, yes or no.
    ///
    /// # Errors
    ///
    /// That it says neither.
    pub(super) fn flag(&self, name: &str) -> Result<Option<bool>, ReadFailure> {
        self.parsed(name)
    }

    /// The number that the element of a name holds.
    ///
    /// # Errors
    ///
    /// That it holds none.
    pub(super) fn number(&self, name: &str) -> Result<Option<i32>, ReadFailure> {
        self.parsed(name)
    }

    fn parsed<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, ReadFailure> {
        let parse = |text: &str| {
            text.parse()
                .map_err(|_| ReadFailure::Unexpected { text: format!("{name} has a value of no meaning") })
        };
        self.text(name).map(parse).transpose()
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// An element in EC2's own writing.
    pub(in super::super) fn element(xml: &str) -> Element {
        Element::of(Document::parse(xml).unwrap().root_element(), DEEPEST).unwrap()
    }

    #[test]
    fn an_answer_is_a_tree_of_names_and_texts() {
        let body = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeXResponse xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
                    <set>\n  <item><id>a&amp;b</id><on>true</on><port>-1</port></item>\n  <item/>\n</set><none/></DescribeXResponse>";
        let answer = Element::of_answer("DescribeX", body.as_bytes()).unwrap();
        let items = answer.items("set");
        assert_eq!(items.len(), 2);
        assert_eq!((items[0].text("id"), items[1].text("id")), (Some("a&b"), None));
        assert_eq!((items[0].flag("on"), items[0].number("port")), (Ok(Some(true)), Ok(Some(-1))));
        assert!(items[0].flag("port").is_err() && items[0].number("on").is_err());
        assert_eq!(
            (answer.text("none"), answer.items("none").len(), answer.items("other").len()),
            (Some(""), 0, 0)
        );
    }

    #[test]
    fn what_is_no_answer_to_the_call_is_refused() {
        let deep =
            format!("<DescribeXResponse>{}{}</DescribeXResponse>", "<a>".repeat(2_000), "</a>".repeat(2_000));
        for body in ["", "<html/>", "<DescribeXResponse>", "<DescribeYResponse/>", "<Response/>", &deep] {
            let refused = Element::of_answer("DescribeX", body.as_bytes());
            assert!(matches!(refused, Err(ReadFailure::Unexpected { .. })), "{refused:?}");
        }
        assert!(Element::of_answer("DescribeX", b"\xff").is_err());
    }
}
