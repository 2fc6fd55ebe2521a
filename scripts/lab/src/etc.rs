//! The instance's `/etc`: the machine's own, without what would let this machine's proxies into the lab, and with the files of
//! the scenario.
//!
//! Nothing is written to the machine: a folder of the lab takes the place of `/etc` in the instance's mount namespace.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use crate::instance::StartError;
use crate::realise::FOLDER;

const ETC: &str = "/etc";
/// Where programs, services and login shells find settings that a scenario decides about.
const HIDDEN: [&str; 6] = ["environment", "profile.d", "systemd", "yum.conf", "dnf", "docker"];

/// Puts the instance's `/etc` in place; paths are below it, such as `profile.d/proxy.sh`.
pub(crate) fn put(files: &BTreeMap<PathBuf, String>) -> Result<(), StartError> {
    let staging = Path::new(FOLDER).join("etc");
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StartError::Write(path, source)
    };
    // A second command finds the files as the first one left them; what was mounted is gone with the first.
    let fresh = !staging.exists();
    fs::create_dir_all(&staging).map_err(failed(&staging))?;
    for entry in fs::read_dir(ETC).map_err(failed(Path::new(ETC)))?.flatten() {
        let (from, to) = (entry.path(), staging.join(entry.file_name()));
        if HIDDEN.iter().any(|hidden| entry.file_name() == *hidden) {
            continue;
        }
        let kind = entry.file_type().map_err(failed(&from))?;
        if kind.is_symlink() {
            let target = fs::read_link(&from).map_err(failed(&from))?;
            if fresh {
                symlink(target, &to).map_err(failed(&to))?;
            }
            continue;
        }
        if kind.is_dir() {
            fs::create_dir_all(&to).map_err(failed(&to))?;
        } else if fresh {
            fs::write(&to, "").map_err(failed(&to))?;
        }
        bind(&from, &to)?;
    }
    for (path, text) in files.iter().filter(|_| fresh) {
        let path = staging.join(path);
        let folder = path.parent().unwrap_or(&staging);
        fs::create_dir_all(folder).map_err(failed(folder))?;
        fs::write(&path, text).map_err(failed(&path))?;
    }
    bind(&staging, Path::new(ETC))
}

fn bind(from: &Path, to: &Path) -> Result<(), StartError> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|source| StartError::Mount(to.to_owned(), source))
}
