//! Carries a compiled fabric out: namespaces, wires, addresses, routes, firewalls, by the programs `ip` and `nft`.
//!
//! The process first becomes root of a user namespace of its own, so that nothing here needs privileges and nothing
//! outlives it: when the last process is gone the kernel takes the whole VPC down.

use std::fs;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::ifaddrs::getifaddrs;
use nix::mount::{MsFlags, mount};
use nix::net::if_::InterfaceFlags;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::{getegid, geteuid, sethostname};

use crate::delay;
use crate::fabric::{Fabric, LongWire, Namespace, Update};
use crate::sys;

/// Why the VPC could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RealiseError {
    #[error(
        "failed to create a user namespace: the kernel does not let this user (see kernel.unprivileged_userns_clone, \
         kernel.apparmor_restrict_unprivileged_userns and user.max_user_namespaces); running as root helps"
    )]
    UserNamespace(#[source] nix::Error),
    #[error("failed to {0}")]
    Kernel(&'static str, #[source] nix::Error),
    #[error("failed to write {path}")]
    Write { path: String, source: io::Error },
    #[error("failed to start `{program}`; it belongs to the Debian package {package}")]
    Start { program: &'static str, package: &'static str, source: io::Error },
    #[error("failed to set up namespace {namespace}: `{program}` said: {said}")]
    Refused { namespace: String, program: &'static str, said: String },
    #[error("failed to open namespace {name}")]
    Open { name: String, source: io::Error },
    #[error("failed to bring up the wires of namespace {0} within 10 s")]
    Dead(String),
    #[error(
        "failed to make {interface}, a wire with a delay; that takes /dev/net/tun, which only root may open on some machines"
    )]
    Device { interface: String, source: io::Error },
    #[error("failed in a thread that was in namespace {0}")]
    Thread(String),
}

/// The folder of the lab's own files, in a file system that only this process and its children see.
pub(crate) const FOLDER: &str = "/run/vpc-lab";

/// Leaves the host: user, mount, network and host-name namespaces of our own, with a private `/run`.
///
/// Must come before any thread exists; the kernel refuses a user namespace to a process with threads.
pub(crate) fn leave_host() -> Result<(), RealiseError> {
    let (user, group) = (geteuid(), getegid());
    let namespaces = CloneFlags::CLONE_NEWUSER
        | CloneFlags::CLONE_NEWNS
        | CloneFlags::CLONE_NEWNET
        | CloneFlags::CLONE_NEWUTS;
    unshare(namespaces).map_err(RealiseError::UserNamespace)?;
    map_ids(0, user.as_raw(), 0, group.as_raw())?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|source| RealiseError::Kernel("make mounts private", source))?;
    mount(Some("vpc-lab"), "/run", Some("tmpfs"), MsFlags::empty(), Some("mode=0755"))
        .map_err(|source| RealiseError::Kernel("mount a private /run", source))?;
    fs::create_dir_all(FOLDER).map_err(|source| RealiseError::Write { path: FOLDER.to_owned(), source })
}

/// Maps one user and one group of the parent namespace into the one this process just created.
pub(crate) fn map_ids(
    inner_user: u32,
    outer_user: u32,
    inner_group: u32,
    outer_group: u32,
) -> Result<(), RealiseError> {
    // Without this the kernel refuses an unprivileged process the group map.
    write("/proc/self/setgroups", "deny")?;
    write("/proc/self/uid_map", &format!("{inner_user} {outer_user} 1"))?;
    write("/proc/self/gid_map", &format!("{inner_group} {outer_group} 1"))
}

/// Builds everything a fabric describes. The calling process must have left the host.
pub(crate) fn build(fabric: &Fabric, host_name: &str) -> Result<(), RealiseError> {
    sethostname(host_name).map_err(|source| RealiseError::Kernel("set the host name", source))?;
    let mut create = String::new();
    for namespace in &fabric.namespaces {
        create.push_str("netns add ");
        create.push_str(&namespace.name);
        create.push('\n');
    }
    ip("the lab", &create)?;
    for namespace in &fabric.namespaces {
        within(&namespace.name, || settings(&namespace.settings))??;
    }
    ip("the lab", &fabric.wires)?;
    fabric.long_wires.iter().try_for_each(long_wire)?;
    // Namespaces do not depend on each other from here on, and setting one up is mostly waiting for programs.
    std::thread::scope(|scope| {
        let threads: Vec<_> = fabric
            .namespaces
            .iter()
            .map(|namespace| (namespace, scope.spawn(|| within(&namespace.name, || set_up(namespace)))))
            .collect();
        threads.into_iter().try_for_each(|(namespace, thread)| {
            thread.join().map_err(|_| RealiseError::Thread(namespace.name.clone()))??
        })
    })?;
    fabric
        .namespaces
        .iter()
        .try_for_each(|namespace| within(&namespace.name, || wires_carry(&namespace.name))?)
}

/// Makes a wire on which packets travel for a while.
fn long_wire(wire: &LongWire) -> Result<(), RealiseError> {
    let open = |(interface, namespace): &(String, String)| -> Result<fs::File, RealiseError> {
        within(namespace, || {
            let device = sys::open_tun(interface)
                .map_err(|source| RealiseError::Device { interface: interface.clone(), source })?;
            ip(namespace, &format!("link set {interface} mtu {}\n", wire.mtu))?;
            Ok(device)
        })?
    };
    let [near, far] = &wire.ends;
    delay::join(open(near)?, open(far)?, wire.one_way)
        .map_err(|source| RealiseError::Device { interface: near.0.clone(), source })
}

/// Changes what was built.
pub(crate) fn update(update: &Update) -> Result<(), RealiseError> {
    if !update.wires.is_empty() {
        ip("the lab", &update.wires)?;
    }
    for namespace in &update.namespaces {
        within(&namespace.name, || set_up(namespace))??;
    }
    if update.wires.is_empty() {
        return Ok(());
    }
    update
        .namespaces
        .iter()
        .try_for_each(|namespace| within(&namespace.name, || wires_carry(&namespace.name))?)
}

/// Waits until every interface of the calling thread's namespace carries packets.
///
/// An interface that is up has no queue before the kernel has noticed, in its own time, that the other end is up too; what
/// is sent meanwhile is lost, and a lost first packet costs the command a second.
fn wires_carry(name: &str) -> Result<(), RealiseError> {
    let patience = Instant::now() + Duration::from_secs(10);
    loop {
        let mut interfaces =
            getifaddrs().map_err(|source| RealiseError::Kernel("list interfaces", source))?;
        let ready = InterfaceFlags::IFF_LOOPBACK | InterfaceFlags::IFF_RUNNING;
        if interfaces.all(|interface| interface.flags.intersects(ready)) {
            return Ok(());
        }
        if Instant::now() > patience {
            return Err(RealiseError::Dead(name.to_owned()));
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Runs something in a network namespace, on a thread that belongs to it; programs it starts belong there too.
pub(crate) fn within<T: Send>(name: &str, work: impl FnOnce() -> T + Send) -> Result<T, RealiseError> {
    let path = namespace_path(name);
    let file =
        fs::File::open(&path).map_err(|source| RealiseError::Open { name: name.to_owned(), source })?;
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            setns(file.as_fd(), CloneFlags::CLONE_NEWNET)
                .map_err(|source| RealiseError::Kernel("enter a network namespace", source))?;
            Ok(work())
        });
        thread.join().map_err(|_| RealiseError::Thread(name.to_owned()))?
    })
}

/// Where `ip netns` keeps the handle of a namespace.
pub(crate) fn namespace_path(name: &str) -> String {
    format!("/run/netns/{name}")
}

fn set_up(namespace: &Namespace) -> Result<(), RealiseError> {
    settings(&namespace.interface_settings)?;
    ip(&namespace.name, &namespace.network)?;
    if namespace.firewall.is_empty() {
        return Ok(());
    }
    feed(&namespace.name, Command::new("nft").args(["-f", "-"]), "nft", "nftables", &namespace.firewall)
}

fn settings(settings: &[(String, String)]) -> Result<(), RealiseError> {
    settings.iter().try_for_each(|(key, value)| write(&format!("/proc/sys/{key}"), value))
}

fn ip(namespace: &str, batch: &str) -> Result<(), RealiseError> {
    feed(namespace, Command::new("ip").args(["-batch", "-"]), "ip", "iproute2", batch)
}

/// Runs a program in the namespace of the calling thread and gives it its input.
fn feed(
    namespace: &str,
    command: &mut Command,
    program: &'static str,
    package: &'static str,
    input: &str,
) -> Result<(), RealiseError> {
    let start = |source| RealiseError::Start { program, package, source };
    let mut child = command
        .env("PATH", search_path())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that stops reading has said why on its standard error, which is what gets reported.
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(start)?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(RealiseError::Refused { namespace: namespace.to_owned(), program, said })
}

/// The caller's search path and the folders of system programs, which ordinary users often lack.
pub(crate) fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    format!("{path}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")
}

fn write(path: &str, text: &str) -> Result<(), RealiseError> {
    fs::write(Path::new(path), text).map_err(|source| RealiseError::Write { path: path.to_owned(), source })
}
