//! Judges.

pub mod catalogue;
pub mod prefix_lists;
