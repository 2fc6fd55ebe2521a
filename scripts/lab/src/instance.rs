//! The command's surroundings: a user with no capabilities in the instance's namespaces, with the instance's files; or an
//! operator of the account on the internet, with an administrator's key and no path through the VPC at all.
//!
//! The lab starts itself once more as [`become_command`], a process without threads, which takes the steps that need
//! one: it enters the network of the place, mounts its files, gives up every privilege and becomes the command.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::statvfs::{FsFlags, statvfs};
use nix::sys::{prctl, signal::Signal};
use nix::unistd::{getegid, geteuid};
use serde::{Deserialize, Serialize};

use crate::aws::AccessKey;
use crate::driver;
use crate::etc;
use crate::fabric::{CONTAINER, INSTANCE, INTERNET};
use crate::realise::{self, FOLDER, RealiseError};
use crate::sys::{self, CAP_NET_ADMIN, CAP_NET_RAW};
use crate::topology::Instance;
use crate::trust::Stores;

/// The user id the command has.
const USER: u32 = 1000;

/// The resolver that answers operators, at an address set aside for documents (RFC 5737).
pub(crate) const PUBLIC_RESOLVER: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 53);

/// Where a command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Place {
    /// In the instance.
    Instance,
    /// On a machine of the account's administrator, somewhere on the internet.
    Operator,
}

impl Place {
    /// The file that tells the second process of its surroundings.
    pub(crate) fn file(self) -> String {
        format!("{FOLDER}/{}.json", self.name())
    }

    /// The name, as the command line takes it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Instance => "instance",
            Self::Operator => "operator",
        }
    }
}

/// What the second process needs to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Surroundings {
    /// The network namespace.
    namespace: String,
    /// Files of the lab that take the place of the machine's own.
    pub(crate) files: Vec<(PathBuf, PathBuf)>,
    /// Files below `/etc` that the machine has not.
    etc: BTreeMap<PathBuf, String>,
    /// What the firmware says about the machine, by the name of the file in `/sys/devices/virtual/dmi/id`.
    firmware: BTreeMap<String, String>,
    /// The whole environment of the command.
    pub(crate) environment: BTreeMap<String, String>,
    /// Whether the lab answers for its network driver.
    pub(crate) has_driver: bool,
}

/// Tools that need raw sockets on every Linux machine and are started with `sudo` there.
const RAW_SOCKET_TOOLS: [&str; 4] = ["traceroute", "tcptraceroute", "mtr", "ping"];

/// What somebody may do who is in the list of `sudo`, as far as it is about the instance's network.
const SUDO: &str = "sudo";

/// Why the command could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    #[error("failed to prepare the instance")]
    Realise(#[from] RealiseError),
    #[error("failed to {0}")]
    Kernel(&'static str, #[source] nix::Error),
    #[error("failed to put {0} in place")]
    Mount(PathBuf, #[source] nix::Error),
    #[error("failed to write {0}")]
    Write(PathBuf, #[source] std::io::Error),
    #[error(
        "failed to hand over the questions to the network driver; the kernel must know seccomp's notices (5.5)"
    )]
    Driver(#[source] std::io::Error),
    #[error("failed to run {0}")]
    Run(String, #[source] std::io::Error),
    #[error("failed to read what to prepare")]
    Input(#[from] serde_json::Error),
}

/// Writes the instance's files and makes its environment.
pub(crate) fn prepare(
    files: &[(&str, String)],
    machine: &Instance,
    etc: &BTreeMap<PathBuf, String>,
    environment: &BTreeMap<String, String>,
    trust: &Stores,
    tools: &Path,
) -> Result<Surroundings, StartError> {
    let folder = Path::new(FOLDER);
    let write = |path: PathBuf, text: &str| {
        fs::write(&path, text).map_err(|source| StartError::Write(path.clone(), source)).map(|()| path)
    };
    let home = folder.join("home");
    fs::create_dir_all(&home).map_err(|source| StartError::Write(home.clone(), source))?;
    let mut placed = Vec::new();
    for (target, text) in files {
        if let Some(path) = target.strip_prefix("~/") {
            let path = home.join(path);
            let above = path.parent().unwrap_or(&home);
            fs::create_dir_all(above).map_err(|source| StartError::Write(above.to_owned(), source))?;
            write(path, text)?;
            continue;
        }
        let name = Path::new(target).file_name().unwrap_or_default();
        placed.push((write(folder.join(name), text)?, PathBuf::from(target)));
    }
    let machine_store = write(folder.join("machine-roots.pem"), &trust.machine)?;
    let bundle = write(folder.join("ca.pem"), &trust.ca_bundle)?;

    let text = |path: &Path| path.to_string_lossy().into_owned();
    let mut clean = BTreeMap::from([
        ("PATH".to_owned(), format!("{}:{}", text(tools), realise::search_path())),
        ("HOME".to_owned(), text(&home)),
        ("LANG".to_owned(), "C.UTF-8".to_owned()),
        // What stands for the store of the distribution: a file of one's own, because the machine's knows no authority of the lab.
        ("SSL_CERT_FILE".to_owned(), text(&machine_store)),
        ("AWS_CA_BUNDLE".to_owned(), text(&bundle)),
        // curl knows nothing of the AWS variable.
        ("CURL_CA_BUNDLE".to_owned(), text(&bundle)),
    ]);
    if let Ok(terminal) = std::env::var("TERM") {
        clean.insert("TERM".to_owned(), terminal);
    }
    clean.extend(environment.clone());
    let namespace = if machine.container { CONTAINER } else { INSTANCE }.to_owned();
    Ok(Surroundings {
        namespace,
        files: placed,
        etc: etc.clone(),
        firmware: firmware(machine),
        environment: clean,
        has_driver: false,
    })
}

/// The operator's machine: the public DNS, and the administrator's key. What else is clean in the instance is so here.
pub(crate) fn operator(
    instance: &Surroundings,
    key: &AccessKey,
    roots: &str,
) -> Result<Surroundings, StartError> {
    let folder = Path::new(FOLDER).join("operator");
    let home = folder.join("home");
    fs::create_dir_all(&home).map_err(|source| StartError::Write(home.clone(), source))?;
    let mut files = Vec::new();
    for (target, text) in [
        ("/etc/resolv.conf", format!("nameserver {PUBLIC_RESOLVER}\n")),
        ("/etc/hosts", "127.0.0.1 localhost\n".to_owned()),
        ("/etc/nsswitch.conf", "hosts: files dns\n".to_owned()),
    ] {
        let path = folder.join(Path::new(target).file_name().unwrap_or_default());
        fs::write(&path, text).map_err(|source| StartError::Write(path.clone(), source))?;
        files.push((path, PathBuf::from(target)));
    }
    let bundle = folder.join("ca.pem");
    fs::write(&bundle, roots).map_err(|source| StartError::Write(bundle.clone(), source))?;
    let kept = ["PATH", "LANG", "TERM"];
    let mut environment: BTreeMap<String, String> =
        instance.environment.clone().into_iter().filter(|(name, _)| kept.contains(&name.as_str())).collect();
    environment.extend([
        ("HOME".to_owned(), home.to_string_lossy().into_owned()),
        ("AWS_CA_BUNDLE".to_owned(), bundle.to_string_lossy().into_owned()),
        ("CURL_CA_BUNDLE".to_owned(), bundle.to_string_lossy().into_owned()),
        ("AWS_ACCESS_KEY_ID".to_owned(), key.id.clone()),
        ("AWS_SECRET_ACCESS_KEY".to_owned(), key.secret.clone()),
        // There is nobody to leaf through a long answer.
        ("AWS_PAGER".to_owned(), String::new()),
    ]);
    Ok(Surroundings {
        namespace: INTERNET.to_owned(),
        files,
        etc: BTreeMap::new(),
        firmware: BTreeMap::new(),
        environment,
        has_driver: false,
    })
}

/// The second process: takes the instance's place and becomes the command. Returns only if it failed.
pub(crate) fn become_command(
    surroundings: &str,
    harmless: bool,
    command: &[OsString],
) -> Result<std::convert::Infallible, StartError> {
    let surroundings: Surroundings = serde_json::from_str(surroundings)?;
    let path = realise::namespace_path(&surroundings.namespace);
    let network = fs::File::open(&path).map_err(|source| StartError::Write(path.into(), source))?;
    setns(network.as_fd(), CloneFlags::CLONE_NEWNET)
        .map_err(|source| StartError::Kernel("enter the network", source))?;
    unshare(CloneFlags::CLONE_NEWNS)
        .map_err(|source| StartError::Kernel("create a mount namespace", source))?;
    // The machine's logs are none of the instance's, and what is put there must not stay on this machine.
    mount(None::<&str>, LOGS, Some("tmpfs"), MsFlags::empty(), None::<&str>)
        .map_err(|source| StartError::Mount(LOGS.into(), source))?;
    for (file, target) in &surroundings.files {
        put(file, target)?;
    }
    if !surroundings.firmware.is_empty() {
        etc::put(&surroundings.etc)?;
        put_firmware(&surroundings.firmware)?;
    }
    if harmless {
        protect_machine()?;
    }
    let as_root = command.first().is_some_and(|program| program == SUDO);
    let command = if as_root { &command[1..] } else { command };
    let program = command.first().cloned().unwrap_or_default();
    let raw = RAW_SOCKET_TOOLS.iter().any(|tool| Path::new(&program).file_name() == Some(tool.as_ref()));
    if as_root || raw {
        // The instance's root, cut down to this one capability. It must stay in the user namespace that owns the network.
        sys::drop_capability_bounds(Some(if as_root { CAP_NET_ADMIN } else { CAP_NET_RAW }))
    } else {
        let (user, group) = (geteuid().as_raw(), getegid().as_raw());
        unshare(CloneFlags::CLONE_NEWUSER)
            .map_err(|source| StartError::Kernel("create a user namespace", source))?;
        realise::map_ids(USER, user, USER, group)?;
        sys::drop_capability_bounds(None)
    }
    .map_err(|source| StartError::Kernel("drop capabilities", source))?;
    prctl::set_no_new_privs().map_err(|source| StartError::Kernel("forbid new privileges", source))?;
    if surroundings.has_driver {
        driver::hand_over().map_err(StartError::Driver)?;
    }
    // The kernel forgets this at every change of credentials, so it comes last.
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|source| StartError::Kernel("tie the command to the lab", source))?;
    let mut next = Command::new(resolve(&program, &surroundings.environment));
    next.args(command.iter().skip(1)).env_clear().envs(&surroundings.environment);
    let source = next.exec();
    Err(StartError::Run(program.to_string_lossy().into_owned(), source))
}

/// The folder of logs, which is empty on an instance unless a scenario says what is in it.
const LOGS: &str = "/var/log";

/// Makes the machine's own file systems read-only; the lab's, which are below `/run`, and what it has put over others stay as
/// they are.
fn protect_machine() -> Result<(), StartError> {
    let table = fs::read_to_string("/proc/self/mounts")
        .map_err(|source| StartError::Write("/proc/self/mounts".into(), source))?;
    for entry in table.lines() {
        let mut fields = entry.split(' ');
        let (device, place, kind) = (fields.next(), fields.next(), fields.next());
        let Some(place) = place else { continue };
        // Of the rest only file systems that outlive the lab count.
        let own = device == Some("vpc-lab") || place.starts_with("/run");
        let passing = ["proc", "sysfs", "devtmpfs", "devpts", "mqueue", "cgroup", "cgroup2", "tmpfs", "nsfs"];
        if own || kind.is_none_or(|kind| passing.contains(&kind)) {
            continue;
        }
        // What is set already must be said again, or the kernel takes it for an attempt to clear it.
        let Ok(found) = statvfs(place) else { continue };
        let mut flags = MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY;
        for (set, flag) in [
            (FsFlags::ST_NOSUID, MsFlags::MS_NOSUID),
            (FsFlags::ST_NODEV, MsFlags::MS_NODEV),
            (FsFlags::ST_NOEXEC, MsFlags::MS_NOEXEC),
            (FsFlags::ST_NOATIME, MsFlags::MS_NOATIME),
            (FsFlags::ST_RELATIME, MsFlags::MS_RELATIME),
        ] {
            flags.set(flag, found.flags().contains(set));
        }
        mount(None::<&str>, place, None::<&str>, flags, None::<&str>)
            .map_err(|source| StartError::Mount(place.into(), source))?;
    }
    Ok(())
}

/// Bind-mounts a file over the machine's. A link may lead into `/run`, which is empty here: its target is made.
fn put(file: &Path, target: &Path) -> Result<(), StartError> {
    let real = match fs::read_link(target) {
        Ok(link) => target.parent().unwrap_or(Path::new("/")).join(link),
        Err(_) => target.to_owned(),
    };
    if !real.exists() {
        if let Some(parent) = real.parent() {
            fs::create_dir_all(parent).map_err(|source| StartError::Write(real.clone(), source))?;
        }
        fs::File::create(&real)
            .and_then(|mut made| made.write_all(b""))
            .map_err(|source| StartError::Write(real.clone(), source))?;
    }
    mount(Some(file), &real, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|source| StartError::Mount(target.to_owned(), source))
}

/// The DMI data of a Nitro instance, as far as programs look at it.
fn firmware(machine: &Instance) -> BTreeMap<String, String> {
    let vendor =
        ["sys_vendor", "board_vendor", "bios_vendor", "chassis_vendor"].map(|file| (file, "Amazon EC2"));
    let rest = [
        ("bios_version", "1.0"),
        ("product_name", machine.instance_type.as_str()),
        ("board_asset_tag", machine.id.as_str()),
        ("chassis_asset_tag", "Amazon EC2"),
    ];
    vendor.into_iter().chain(rest).map(|(file, text)| (file.to_owned(), format!("{text}\n"))).collect()
}

/// Gives the machine another firmware. Nothing can be created in `/sys`, so the folder above is replaced by one that has
/// everything the old one has, and the firmware's own.
fn put_firmware(firmware: &BTreeMap<String, String>) -> Result<(), StartError> {
    let above = Path::new("/sys/devices/virtual");
    let staging = Path::new(FOLDER).join("virtual");
    let own = staging.join("dmi/id");
    fs::create_dir_all(&own).map_err(|source| StartError::Write(own.clone(), source))?;
    for (file, text) in firmware {
        let path = own.join(file);
        fs::write(&path, text).map_err(|source| StartError::Write(path.clone(), source))?;
    }
    let bind = |from: &Path, to: &Path| {
        mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
            .map_err(|source| StartError::Mount(to.to_owned(), source))
    };
    let entries = fs::read_dir(above).map_err(|source| StartError::Write(above.to_owned(), source))?;
    for entry in entries.flatten().filter(|entry| entry.file_name() != "dmi") {
        let place = staging.join(entry.file_name());
        fs::create_dir_all(&place).map_err(|source| StartError::Write(place.clone(), source))?;
        bind(&entry.path(), &place)?;
    }
    bind(&staging, above)
}

/// Finds a program on the instance's path. `exec` would look on the lab's own.
fn resolve(program: &OsString, environment: &BTreeMap<String, String>) -> PathBuf {
    let given = PathBuf::from(program);
    if given.components().count() > 1 {
        return given;
    }
    environment
        .get("PATH")
        .and_then(|path| {
            std::env::split_paths(path).map(|folder| folder.join(program)).find(|file| file.is_file())
        })
        .unwrap_or(given)
}
