//! One file, several scenarios: `[[variants]]` of a base, each with changes and expectations of its own, and conditions that many
//! scenarios share.
//!
//! Everything here happens to tables, before anything is understood: the outcome is read like a file without variants, so that
//! a misspelt key is an error wherever it stands.

use toml::{Table, Value};

/// Why a file's variants make no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum VariantError {
    /// `variants` is no list of tables, or one has no name or title.
    #[error("a variant needs a name and a title, both texts")]
    Malformed,
    /// Two variants carry the same name.
    #[error("the variant {0} is defined twice")]
    Twice(String),
    /// The file has variants, and none of this name was asked for.
    #[error("it has variants: {}", .0.join(", "))]
    Unknown(Vec<String>),
}

/// The names of a file's variants, in their order; none for a file that is one scenario.
pub(super) fn names(file: &Table) -> Result<Vec<String>, VariantError> {
    let mut names = Vec::new();
    for variant in listed(file)? {
        let name = text(variant, "name")?.to_owned();
        if names.contains(&name) {
            return Err(VariantError::Twice(name));
        }
        names.push(name);
    }
    Ok(names)
}

/// One variant as a file of its own, and the names of the conditions it holds under.
pub(super) fn choose(mut file: Table, wanted: Option<&str>) -> Result<(Table, Vec<String>), VariantError> {
    let names = names(&file)?;
    let mut conditions = take_conditions(&mut file)?;
    let Some(position) = names.iter().position(|name| Some(name.as_str()) == wanted) else {
        return if names.is_empty() && wanted.is_none() {
            Ok((file, conditions))
        } else {
            Err(VariantError::Unknown(names))
        };
    };
    let mut variant = listed(&file)?.get(position).copied().cloned().ok_or(VariantError::Malformed)?;
    file.remove("variants");
    variant.remove("name");
    let title = text(&variant, "title")?.to_owned();
    variant.remove("title");
    let base = text(&file, "title")?;
    file.insert("title".to_owned(), Value::String(format!("{base}, {title}")));
    conditions.extend(take_conditions(&mut variant)?);
    lay(&mut file, variant);
    Ok((file, conditions))
}

/// Lays a variant or a condition over a scenario: what is a list of things that are done or that exist grows, anything else is
/// replaced.
pub(super) fn lay(scenario: &mut Table, over: Table) {
    const GROWING: [&str; 4] = ["answers", "arguments", "change", "proxies"];
    for (key, value) in over {
        match (scenario.get_mut(&key), value) {
            (Some(Value::Array(below)), Value::Array(above)) if GROWING.contains(&key.as_str()) => {
                below.extend(above);
            }
            (Some(Value::Table(below)), Value::Table(above)) => lay(below, above),
            (_, value) => {
                scenario.insert(key, value);
            }
        }
    }
}

fn take_conditions(table: &mut Table) -> Result<Vec<String>, VariantError> {
    let Some(value) = table.remove("conditions") else { return Ok(Vec::new()) };
    let Value::Array(names) = value else { return Err(VariantError::Malformed) };
    names.iter().map(|name| name.as_str().map(str::to_owned).ok_or(VariantError::Malformed)).collect()
}

fn listed(file: &Table) -> Result<Vec<&Table>, VariantError> {
    match file.get("variants") {
        None => Ok(Vec::new()),
        Some(Value::Array(variants)) => {
            variants.iter().map(|variant| variant.as_table().ok_or(VariantError::Malformed)).collect()
        }
        Some(_) => Err(VariantError::Malformed),
    }
}

fn text<'a>(table: &'a Table, key: &str) -> Result<&'a str, VariantError> {
    table.get(key).and_then(Value::as_str).ok_or(VariantError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "title = 'base'\narguments = ['-a']\nconditions = ['c']\n[expect]\nstatus = 'x'\nexit_code = 1\n\
                        [[variants]]\nname = 'one'\ntitle = 'first'\nconditions = ['d']\narguments = ['-b']\nexpect.status = 'y'\n\
                        [[variants]]\nname = 'two'\ntitle = 'second'";

    fn table(text: &str) -> Table {
        text.parse().unwrap()
    }

    #[test]
    fn a_variant_is_its_base_with_its_own_things_on_top() {
        let (chosen, conditions) = choose(table(FILE), Some("one")).unwrap();
        let wanted = "title = 'base, first'\narguments = ['-a', '-b']\n[expect]\nstatus = 'y'\nexit_code = 1";
        assert_eq!(chosen, table(wanted));
        assert_eq!(conditions, ["c", "d"]);
    }

    #[test]
    fn a_file_with_variants_is_none_of_them() {
        let names = vec!["one".to_owned(), "two".to_owned()];
        assert_eq!(choose(table(FILE), None), Err(VariantError::Unknown(names.clone())));
        assert_eq!(choose(table(FILE), Some("three")), Err(VariantError::Unknown(names)));
    }

    #[test]
    fn a_file_without_variants_is_one_scenario() {
        assert_eq!(choose(table("title = 'x'"), None), Ok((table("title = 'x'"), Vec::new())));
        assert_eq!(choose(table("title = 'x'"), Some("y")), Err(VariantError::Unknown(Vec::new())));
    }

    #[test]
    fn variants_need_names_of_their_own() {
        let twice = "[[variants]]\nname = 'a'\ntitle = 't'\n[[variants]]\nname = 'a'\ntitle = 't'";
        assert_eq!(names(&table(twice)), Err(VariantError::Twice("a".to_owned())));
        assert_eq!(names(&table("variants = 1")), Err(VariantError::Malformed));
    }
}
