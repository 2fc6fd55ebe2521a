//! The one place for system calls that have no safe wrapper.
#![expect(unsafe_code, reason = "nix has no wrapper for PR_CAPBSET_DROP, TUNSETIFF and seccomp")]

use std::fs::File;
use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, UnixAddr, recvmsg, sendmsg};

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

/// A process that waits for a network driver's answer.
pub(crate) struct DriverQuestion {
    /// The kernel's number of the question.
    id: u64,
    /// The thread that asks.
    pub(crate) process: u32,
    /// Where in its memory the question lies (a `struct ifreq`).
    pub(crate) request: u64,
}

/// From now on the kernel holds this process, and the program that it becomes, at each question to a network driver
/// (`SIOCETHTOOL`) until somebody has answered who reads it from this descriptor. The process must be one that can gain no
/// privileges.
pub(crate) fn driver_questions() -> io::Result<OwnedFd> {
    const SIOCETHTOOL: u32 = 0x8946;
    const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    const RETURN: u32 = libc::BPF_RET | libc::BPF_K;
    // In a struct seccomp_data the number of the call comes first, and from byte 16 on its arguments with 64 bits each. The
    // second is the command, in the half with the lower weight.
    const NUMBER: u32 = 0;
    const COMMAND: u32 = if cfg!(target_endian = "big") { 28 } else { 24 };
    let ioctl = u32::try_from(libc::SYS_ioctl).map_err(io::Error::other)?;
    let step = |code: u32, jump_false: u8, k: u32| {
        let code = u16::try_from(code).map_err(io::Error::other)?;
        Ok::<_, io::Error>(libc::sock_filter { code, jt: 0, jf: jump_false, k })
    };
    let mut program = [
        step(LOAD, 0, NUMBER)?,
        step(IF_EQUAL, 3, ioctl)?,
        step(LOAD, 0, COMMAND)?,
        step(IF_EQUAL, 1, SIOCETHTOOL)?,
        step(RETURN, 0, libc::SECCOMP_RET_USER_NOTIF)?,
        step(RETURN, 0, libc::SECCOMP_RET_ALLOW)?,
    ];
    let length = u16::try_from(program.len()).map_err(io::Error::other)?;
    let filter = libc::sock_fprog { len: length, filter: program.as_mut_ptr() };
    // SAFETY: the kernel copies the program, which lives until the call returns and is as long as it says.
    let result = unsafe {
        libc::syscall(
            libc::SYS_seccomp,
            libc::SECCOMP_SET_MODE_FILTER,
            libc::SECCOMP_FILTER_FLAG_NEW_LISTENER,
            &raw const filter,
        )
    };
    let descriptor = i32::try_from(Errno::result(result)?).map_err(io::Error::other)?;
    // SAFETY: the kernel has just opened it for this process, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}

/// Waits for the next question.
pub(crate) fn next_question(questions: &OwnedFd) -> io::Result<DriverQuestion> {
    loop {
        // SAFETY: every field is a number, for which zero is a value; the kernel wants all of them zero.
        let mut notice: libc::seccomp_notif = unsafe { std::mem::zeroed() };
        // SAFETY: the descriptor is open, and the kernel writes no more than the structure that lives until it returns.
        let result =
            unsafe { libc::ioctl(questions.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_RECV, &raw mut notice) };
        match Errno::result(result) {
            // A signal to this process.
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
            Ok(_) => {
                return Ok(DriverQuestion {
                    id: notice.id,
                    process: notice.pid,
                    request: notice.data.args[2],
                });
            }
        }
    }
}

/// Makes sure that who asked still waits for the answer.
pub(crate) fn check_waiting(questions: &OwnedFd, question: &DriverQuestion) -> io::Result<()> {
    // SAFETY: the descriptor is open, and the kernel reads no more than the number that lives until it returns.
    let result = unsafe {
        libc::ioctl(questions.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_ID_VALID, &raw const question.id)
    };
    Errno::result(result)?;
    Ok(())
}

/// Lets the process go on: with the answer that was written to its memory, or to have its question answered by the kernel.
pub(crate) fn settle_question(
    questions: &OwnedFd,
    question: &DriverQuestion,
    answered: bool,
) -> io::Result<()> {
    let flags = if answered { 0 } else { libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE };
    let flags = u32::try_from(flags).map_err(io::Error::other)?;
    let mut response = libc::seccomp_notif_resp { id: question.id, val: 0, error: 0, flags };
    // SAFETY: the descriptor is open, and the kernel touches no more than the structure that lives until it returns.
    let result =
        unsafe { libc::ioctl(questions.as_raw_fd(), libc::SECCOMP_IOCTL_NOTIF_SEND, &raw mut response) };
    Errno::result(result)?;
    Ok(())
}

/// Hands a descriptor over to who listens at a path.
pub(crate) fn send_descriptor(path: &Path, descriptor: &OwnedFd) -> io::Result<()> {
    let connection = UnixStream::connect(path)?;
    let raw = [descriptor.as_raw_fd()];
    let message = [IoSlice::new(b"d")];
    let rights = [ControlMessage::ScmRights(&raw)];
    sendmsg::<UnixAddr>(connection.as_raw_fd(), &message, &rights, MsgFlags::empty(), None)?;
    Ok(())
}

/// Takes the descriptor that somebody hands over.
pub(crate) fn receive_descriptor(connection: &UnixStream) -> io::Result<OwnedFd> {
    let mut byte = [0];
    let mut message = [IoSliceMut::new(&mut byte)];
    let mut room = cmsg_space!(libc::c_int);
    let flags = MsgFlags::MSG_CMSG_CLOEXEC;
    let received = recvmsg::<UnixAddr>(connection.as_raw_fd(), &mut message, Some(&mut room), flags)?;
    let descriptors = received.cmsgs()?.find_map(|message| match message {
        ControlMessageOwned::ScmRights(descriptors) => descriptors.first().copied(),
        _ => None,
    });
    let descriptor = descriptors.ok_or(io::ErrorKind::InvalidData)?;
    // SAFETY: the kernel has just opened it for this process, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(descriptor) })
}
