//! Values that many reports have in common, each kept once and known by a number: thousands of instances differ in little.

use std::collections::HashMap;
use std::hash::Hash;

/// Distinct values, numbered in the order in which they came.
#[derive(Debug)]
pub(super) struct Shared<T> {
    values: Vec<T>,
    numbers: HashMap<T, u32>,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self { values: Vec::new(), numbers: HashMap::new() }
    }
}

impl<T: Clone + Eq + Hash> Shared<T> {
    /// The number of a value, which is kept if it is new.
    pub(super) fn number(&mut self, value: T) -> u32 {
        if let Some(number) = self.numbers.get(&value) {
            return *number;
        }
        // Four thousand million different values do not fit into memory.
        let number = u32::try_from(self.values.len()).unwrap_or(u32::MAX);
        self.values.push(value.clone());
        self.numbers.insert(value, number);
        number
    }

    /// The value of a number that [`Self::number`] gave.
    pub(super) fn value(&self, number: u32) -> &T {
        &self.values[number as usize]
    }
}
