//! Peer credentials.

use std::io;
use std::os::fd::AsFd;

#[cfg(target_os = "linux")]
use crate::linux::peer as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::peer_portable as sys;

use crate::{PeerCredentials, User};

/// What the kernel would say about this process.
pub fn own_credentials() -> PeerCredentials {
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let user = User::Unix {
        uid: uid.as_raw(),
        gid: gid.as_raw(),
    };
    PeerCredentials::new(user, Some(std::process::id()))
}

/// Who is at the other end of a connected Unix socket.
///
/// # Errors
///
/// The system's error, if this is not such a socket.
pub fn peer_credentials(socket: impl AsFd) -> io::Result<PeerCredentials> {
    sys::peer_credentials(socket.as_fd())
}
