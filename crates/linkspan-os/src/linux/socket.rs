//! Sockets private from birth: Linux takes a socket file's mode from the unbound socket.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use crate::Directory;

pub(crate) fn new_socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

pub(crate) fn bind_with_mode(
    socket: &OwnedFd,
    address: &SocketAddrUnix,
    directory: &Directory,
    name: &Path,
    mode: Mode,
) -> io::Result<()> {
    rustix::fs::fchmod(socket, mode)?;
    rustix::net::bind(socket, address)?;
    // The process's umask may have taken bits away; giving back what was asked for only widens.
    let made = directory
        .stat(name)?
        .map(|stat| Mode::from_raw_mode(stat.st_mode));
    if made.is_some_and(|made| made != mode) {
        rustix::fs::chmodat(directory, name, mode, AtFlags::empty())?;
    }
    Ok(())
}

/// A short way to a file in a directory whose path is too long for a socket address.
pub(crate) fn address_in_directory(
    directory: BorrowedFd<'_>,
    name: &Path,
) -> Option<SocketAddrUnix> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd())).join(name);
    SocketAddrUnix::new(path).ok()
}
