//! The command line of the agent.
fn main() {}
