//! Peer credentials by `SO_PEERCRED`.

use std::io;
use std::os::fd::BorrowedFd;

use crate::{PeerCredentials, User};

pub(crate) fn peer_credentials(socket: BorrowedFd<'_>) -> io::Result<PeerCredentials> {
    let peer = rustix::net::sockopt::socket_peercred(socket)?;
    let user = User::Unix {
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
    };
    let pid = u32::try_from(peer.pid.as_raw_nonzero().get()).ok();
    Ok(PeerCredentials::new(user, pid))
}
