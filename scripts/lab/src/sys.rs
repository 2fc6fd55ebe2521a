//! The one place for system calls that have no safe wrapper.
#![expect(unsafe_code, reason = "nix has no wrapper for PR_CAPBSET_DROP and TUNSETIFF")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use nix::errno::Errno;
use nix::libc;

/// The capability to open raw sockets, by its number in `linux/capability.h`.
pub(crate) const CAP_NET_RAW: libc::c_int = 13;
/// The capability to change interfaces, routes and network settings.
pub(crate) const CAP_NET_ADMIN: libc::c_int = 12;

/// Removes every capability but one from the bounding set, so that no program started from here can gain another.
pub(crate) fn drop_capability_bounds(keep: Option<libc::c_int>) -> Result<(), Errno> {
    for capability in (0..=63).filter(|capability| Some(*capability) != keep) {
        // SAFETY: prctl with PR_CAPBSET_DROP takes a number and touches no memory of ours.
        let result = unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) };
        match Errno::result(result) {
            Ok(_) => {}
            // Beyond the last capability this kernel knows.
            Err(Errno::EINVAL) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Makes an interface in the calling thread's network namespace whose packets this file reads and writes, one packet each.
///
/// It is gone when the file is closed.
pub(crate) fn open_tun(interface: &str) -> io::Result<File> {
    let device = File::options().read(true).write(true).open("/dev/net/tun")?;
    // SAFETY: an ifreq is plain bytes, for which zeroes are a value.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    // The last byte stays zero, as the kernel wants its names.
    let room = request.ifr_name.len() - 1;
    for (place, byte) in request.ifr_name[..room].iter_mut().zip(interface.bytes()) {
        *place = byte.cast_signed();
    }
    // Whole IP packets, without a header before each.
    request.ifr_ifru.ifru_flags =
        libc::c_short::try_from(libc::IFF_TUN | libc::IFF_NO_PI).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open, and the kernel reads and writes no more than the ifreq that lives until it returns.
    let result = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &raw mut request) };
    Errno::result(result)?;
    Ok(device)
}
