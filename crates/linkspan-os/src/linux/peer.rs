//! Peer credentials by `SO_PEERCRED`.
#![expect(
    unsafe_code,
    reason = "rustix takes the process id for one that is never 0"
)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::{PeerCredentials, User};

/// A process outside of this one's PID namespace has no number here: the kernel gives 0.
pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<PeerCredentials> {
    let mut peer = libc::ucred {
        pid: 0,
        uid: NOBODY,
        gid: NOBODY,
    };
    let mut length = UCRED_BYTES;
    // SAFETY: the descriptor is open as long as it is borrowed; both pointers are to locals, and
    // the kernel writes at most `length` bytes to the first, which is the size of `peer`.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERCRED,
            (&raw mut peer).cast(),
            &raw mut length,
        )
    };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    // What is not connected, or not a Unix socket, has a peer that is nobody.
    if length != UCRED_BYTES || peer.uid == NOBODY {
        return Err(io::ErrorKind::NotConnected.into());
    }
    let user = User::Unix {
        uid: peer.uid,
        gid: peer.gid,
    };
    let pid = u32::try_from(peer.pid).ok().filter(|pid| *pid != 0);
    Ok(PeerCredentials::new(user, pid))
}

/// The user id that no user has.
const NOBODY: u32 = u32::MAX;
#[expect(clippy::cast_possible_truncation, reason = "it is 12 bytes")]
const UCRED_BYTES: libc::socklen_t = size_of::<libc::ucred>() as libc::socklen_t;
