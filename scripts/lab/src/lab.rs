//! One lab, from definition to the end of its command.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use tokio::runtime;

use crate::fabric::{self, Silences};
use crate::instance::{self, Surroundings};
use crate::realise::{self, FOLDER};
use crate::scenario::Definition;

/// Builds the VPC, runs the command in its instance and returns the command's exit code.
pub(crate) fn run(definition: &Definition, command: &[OsString]) -> anyhow::Result<i32> {
    realise::leave_host()?;
    let topology = &definition.topology;
    let fabric = fabric::compile(topology, Silences::default());
    if std::env::var_os("VPC_LAB_SHOW").is_some() { for n in &fabric.namespaces { eprintln!("== {}\n{}\n{}", n.name, n.network, n.firewall);} }
    let host_name = format!("ip-{}", topology.instance.private_address.to_string().replace('.', "-"));
    realise::build(&fabric, &host_name)?;
    let exe = std::env::current_exe()?;
    let tools = exe.parent().unwrap_or(Path::new("/"));
    let surroundings = instance::prepare(&[("/etc/resolv.conf", format!("nameserver {}\n", topology.resolver()))], &definition.environment, "", tools)?;
    let file = format!("{FOLDER}/instance.json");
    std::fs::write(&file, serde_json::to_string(&surroundings)?)?;
    let mut child = Command::new("/proc/self/exe").arg("enter").arg("--").args(command).spawn()?;
    let status = child.wait()?;
    Ok(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
}
