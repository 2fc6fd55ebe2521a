//! What all `Describe…` calls share: ids, filters and pages over a list of resources.
//!
//! A filter is a name and the path of the elements it compares, in the resource's own answer. Filters that the documentation names and that no
//! resource of the lab can match lead nowhere: they are understood and find nothing, unlike names that EC2 does not know.
//!
//! Sources: the filters and page sizes in EC2's API reference; the texts of refusals in public logs and in other simulators.

use crate::aws::errors::Fault;
use crate::aws::policy::pattern::matches;

use super::View;
use super::form::Form;
use super::xml::{Node, at, list, text};

/// One kind of resource and how it is asked for.
pub(super) struct Listing {
    /// The operation, such as `DescribeRouteTables`.
    pub(super) operation: &'static str,
    /// The list's element in the answer.
    pub(super) set: &'static str,
    /// The parameter of ids, and the path of the id they mean.
    pub(super) ids: (&'static str, &'static str),
    /// What EC2 says to an id that does not exist: the code without `.NotFound`, and the words before the id.
    pub(super) unknown: (&'static str, &'static str),
    /// The smallest and the largest page that may be asked for.
    pub(super) page: (usize, usize),
    /// The filters: name and path.
    pub(super) filters: &'static [(&'static str, &'static str)],
    /// The resources themselves.
    pub(super) items: fn(&View<'_>) -> Vec<Vec<Node>>,
}

impl Listing {
    /// The answer's elements.
    ///
    /// # Errors
    ///
    /// EC2's words for an id that does not exist, a filter it does not know, or a page that cannot be.
    pub(super) fn answer(&self, view: &View<'_>, form: &Form) -> Result<Vec<Node>, Fault> {
        let mut items = (self.items)(view);
        let (parameter, path) = self.ids;
        let wanted = form.list(parameter);
        for id in &wanted {
            if !items.iter().any(|item| at(item, path).contains(&id.as_str())) {
                return Err(self.unknown(id));
            }
        }
        if !wanted.is_empty() {
            items.retain(|item| at(item, path).iter().any(|id| wanted.iter().any(|wanted| wanted == id)));
        }
        for (name, values) in form.filters() {
            self.filter(&mut items, &name, &values)?;
        }
        let (page, next) = self::page(items, form, self.page)?;
        let mut nodes = vec![list(self.set, page)];
        nodes.extend(next);
        Ok(nodes)
    }

    fn unknown(&self, id: &str) -> Fault {
        let (code, noun) = self.unknown;
        Fault::new(400, &format!("{code}.NotFound"), format!("The {noun} '{id}' does not exist"))
    }

    fn filter(&self, items: &mut Vec<Vec<Node>>, name: &str, values: &[String]) -> Result<(), Fault> {
        let known = self.filters.iter().find(|(known, _)| *known == name).map(|(_, path)| *path);
        // Nothing in the lab has a tag.
        let tag = name.starts_with("tag:") && self.filters.iter().any(|(known, _)| *known == "tag-key");
        let Some(path) = known.or(tag.then_some("")) else {
            let text = format!("The filter '{name}' is invalid");
            return Err(Fault::new(400, "InvalidParameterValue", text));
        };
        items.retain(|item| {
            at(item, path).iter().any(|found| values.iter().any(|value| matches(value, found)))
        });
        Ok(())
    }
}

/// The part of a list that `MaxResults` and `NextToken` ask for, and the token of the next part.
///
/// # Errors
///
/// When the size is out of bounds, or the token is none of ours.
pub(super) fn page<T>(
    mut items: Vec<T>,
    form: &Form,
    (least, most): (usize, usize),
) -> Result<(Vec<T>, Option<Node>), Fault> {
    let start = match form.value("NextToken") {
        None => 0,
        Some(token) => offset(token)
            .filter(|offset| *offset <= items.len())
            .ok_or_else(|| Fault::new(400, "InvalidNextToken", format!("The token '{token}' is invalid")))?,
    };
    let size = match form.value("MaxResults") {
        None => items.len(),
        Some(size) => {
            let expected = |bound: String| {
                let text = format!(
                    "Value ( {size} ) for parameter maxResults is invalid. Expecting a value {bound}."
                );
                Fault::new(400, "InvalidParameterValue", text)
            };
            match size.parse::<usize>() {
                Ok(size) if size > most => return Err(expected(format!("smaller than {most}"))),
                Ok(size) if size >= least => size,
                _ => return Err(expected(format!("greater than {least}"))),
            }
        }
    };
    let end = start.saturating_add(size).min(items.len());
    let next = (end < items.len()).then(|| text("nextToken", token(end)));
    items.truncate(end);
    Ok((items.split_off(start), next))
}

/// Tokens mean nothing to their holder; these are the place to go on at, written so that nobody takes them for a number.
fn token(offset: usize) -> String {
    hex::encode(format!("{TOKEN}{offset}"))
}

fn offset(token: &str) -> Option<usize> {
    let text = String::from_utf8(hex::decode(token).ok()?).ok()?;
    text.strip_prefix(TOKEN)?.parse().ok()
}

/// What tokens start with.
const TOKEN: &str = "from ";
