//! Unix sockets, which have no meaning here: a configuration for another system can be looked at.

use std::io;
use std::path::{Path, PathBuf};

use crate::{RuntimeDirectoryError, SocketState, runtime_directory};

/// The path that the node's socket would have: `node.sock` in the [`runtime_directory`]. Nodes on
/// Windows listen at pipes, see [`default_pipe_name`](crate::default_pipe_name).
///
/// # Errors
///
/// Those of [`runtime_directory`].
pub fn default_socket_path() -> Result<PathBuf, RuntimeDirectoryError> {
    Ok(runtime_directory()?.join("node.sock"))
}

/// Finds out what stands at `path`; never a socket.
///
/// # Errors
///
/// The system's error if `path` cannot be looked at.
pub fn socket_state(path: &Path) -> io::Result<SocketState> {
    match std::fs::symlink_metadata(path) {
        Ok(_) => Ok(SocketState::NotASocket),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(SocketState::Missing),
        Err(error) => Err(error),
    }
}
