//! Whether anybody listens on a socket's path.

use std::io;
use std::path::Path;

use crate::{SocketState, connect, peer_credentials};

/// Finds out what stands at `path` by looking and connecting.
///
/// A live server sees a connection that closes at once.
///
/// # Errors
///
/// The system's error if `path` cannot be looked at.
pub fn socket_state(path: &Path) -> io::Result<SocketState> {
    use std::os::unix::fs::FileTypeExt;
    match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.file_type().is_socket() => {}
        Ok(_) => return Ok(SocketState::NotASocket),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(SocketState::Missing),
        Err(error) => return Err(error),
    }
    Ok(match connect(path) {
        Ok(stream) => {
            let pid = peer_credentials(&stream).ok().and_then(|peer| peer.pid);
            SocketState::Live { pid }
        }
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => SocketState::Stale,
            io::ErrorKind::NotFound => SocketState::Missing,
            // A full queue means that somebody has one.
            io::ErrorKind::WouldBlock => SocketState::Live { pid: None },
            _ => SocketState::Unknown,
        },
    })
}
