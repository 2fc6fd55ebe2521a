//! A simulated VPC.
fn main() {}
