//! The parameters of a call to EC2: a flat list of names, where a list is `Name.1`, `Name.2`, … and a structure `Name.Field`.

use std::collections::BTreeMap;

/// The parameters of one call.
#[derive(Clone, Debug, Default)]
pub(super) struct Form {
    fields: BTreeMap<String, String>,
}

impl Form {
    /// The parameters as they arrived, decoded; the first of two with the same name counts.
    pub(super) fn new(fields: Vec<(String, String)>) -> Self {
        let mut form = Self::default();
        for (name, value) in fields {
            form.fields.entry(name).or_insert(value);
        }
        form
    }

    /// A parameter that is not empty.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.fields.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Whether a parameter says `true`.
    pub(super) fn flag(&self, name: &str) -> bool {
        self.value(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The values of a list parameter, in the order of their numbers.
    pub(super) fn list(&self, name: &str) -> Vec<String> {
        let values = self.members(name).into_iter().filter_map(|member| self.value(&member));
        values.map(str::to_owned).collect()
    }

    /// The names of a list parameter's members (`Filter.1`, `Filter.2`, …), in the order of their numbers.
    pub(super) fn members(&self, name: &str) -> Vec<String> {
        let number = |key: &String| {
            let rest = key.strip_prefix(name)?.strip_prefix('.')?;
            rest.split('.').next()?.parse::<u32>().ok()
        };
        let mut numbers: Vec<u32> = self.fields.keys().filter_map(number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.into_iter().map(|number| format!("{name}.{number}")).collect()
    }

    /// The filters: name and values.
    pub(super) fn filters(&self) -> Vec<(String, Vec<String>)> {
        let named = |member: String| {
            let name = self.value(&format!("{member}.Name"))?.to_owned();
            Some((name, self.list(&format!("{member}.Value"))))
        };
        self.members("Filter").into_iter().filter_map(named).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_come_in_the_order_of_their_numbers() {
        let fields = [
            "Id.10=c",
            "Id.2=b",
            "Id.1=a",
            "Filter.1.Name=vpc-id",
            "Filter.1.Value.1=v",
            "Filter.1.Value.2=w",
        ];
        let pair = |text: &str| {
            text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned())).unwrap()
        };
        let form = Form::new(fields.into_iter().map(pair).collect());
        assert_eq!(form.list("Id"), ["a", "b", "c"]);
        assert_eq!(form.filters(), [("vpc-id".to_owned(), vec!["v".to_owned(), "w".to_owned()])]);
        assert!(form.value("Absent").is_none() && !form.flag("DryRun"));
    }
}
