//! Peer credentials by `getpeereid`, which does not tell the process.
#![expect(unsafe_code, reason = "no safe wrapper of getpeereid exists")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

use crate::{PeerCredentials, User};

pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<PeerCredentials> {
    let (mut uid, mut gid) = (0, 0);
    // SAFETY: the descriptor is open as long as it is borrowed, and both pointers are to locals.
    let result = unsafe { libc::getpeereid(socket.as_raw_fd(), &mut uid, &mut gid) };
    if result != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(PeerCredentials::new(User::Unix { uid, gid }, None))
}
