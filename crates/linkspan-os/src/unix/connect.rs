//! Connecting to Unix sockets, and how long their paths may be.

use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::net::SocketAddrUnix;

use crate::unix::socket;

/// Connects to the socket at `path`; the stream does not block.
///
/// A path that is too long for a socket address is reached through its directory where the system
/// allows it.
///
/// # Errors
///
/// The system's error; [`io::ErrorKind::WouldBlock`] if the server's queue is full, in which case
/// trying again soon may succeed.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = socket::new_socket()?;
    match SocketAddrUnix::new(path) {
        Ok(address) => rustix::net::connect(&socket, &address)?,
        Err(_) => connect_in_directory(&socket, path)?,
    }
    Ok(UnixStream::from(socket))
}

/// Longest path of a socket that any program can reach, in bytes.
pub fn max_socket_path_bytes() -> usize {
    const PATH_FIELD_BYTES: usize = if cfg!(target_os = "linux") { 108 } else { 104 };
    PATH_FIELD_BYTES - 1
}

fn connect_in_directory(socket: &rustix::fd::OwnedFd, path: &Path) -> io::Result<()> {
    let parent = path.parent().unwrap_or_else(|| Path::new("."));
    let directory = rustix::fs::open(parent, OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())?;
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    let address = socket::address_in_directory(&directory, name.as_ref()).ok_or_else(|| {
        let (bytes, limit) = (path.as_os_str().len(), max_socket_path_bytes());
        let text = format!("socket path of {bytes} bytes exceeds the limit of {limit} bytes");
        io::Error::new(io::ErrorKind::InvalidFilename, text)
    })?;
    Ok(rustix::net::connect(socket, &address)?)
}
