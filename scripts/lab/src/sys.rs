//! The one place for system calls that have no safe wrapper.
#![expect(unsafe_code, reason = "nix has no wrapper for PR_CAPBSET_DROP")]

use nix::errno::Errno;
use nix::libc;

/// The capability to open raw sockets, by its number in `linux/capability.h`.
pub(crate) const CAP_NET_RAW: libc::c_int = 13;

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
