//! A simulated VPC in Linux namespaces, with AWS at its far end.

#[allow(dead_code, unused_imports, reason = "AWS is served by the namespaces of the lab")]
mod aws;

fn main() {}
