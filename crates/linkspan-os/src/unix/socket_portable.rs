//! Sockets private from birth without `fchmod` on sockets: made in an owner-only directory, then
//! renamed into place.

use std::fs::DirBuilder;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use rustix::fs::{AtFlags, Mode};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};

use crate::Directory;

#[cfg(not(target_vendor = "apple"))]
pub(crate) fn new_socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    use rustix::net::SocketFlags;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, kind, flags, None)?)
}

#[cfg(target_vendor = "apple")]
pub(crate) fn new_socket(family: AddressFamily, kind: SocketType) -> io::Result<OwnedFd> {
    let socket = rustix::net::socket(family, kind, None)?;
    rustix::io::ioctl_fioclex(&socket)?;
    rustix::io::ioctl_fionbio(&socket, true)?;
    rustix::net::sockopt::set_socket_nosigpipe(&socket, true)?;
    Ok(socket)
}

pub(crate) fn bind_with_mode(
    socket: &OwnedFd,
    _: &SocketAddrUnix,
    directory: &Directory,
    name: &Path,
    mode: Mode,
) -> io::Result<()> {
    let private = directory
        .path()
        .join(format!(".linkspan-{}", std::process::id()));
    DirBuilder::new().mode(0o700).create(&private)?;
    let fresh = private.join("s");
    let made = SocketAddrUnix::new(&fresh)
        .and_then(|address| rustix::net::bind(socket, &address))
        .and_then(|()| rustix::fs::chmodat(rustix::fs::CWD, &fresh, mode, AtFlags::empty()))
        .and_then(|()| rustix::fs::renameat(rustix::fs::CWD, &fresh, directory, name));
    std::fs::remove_file(&fresh).ok();
    std::fs::remove_dir(&private)?;
    Ok(made?)
}

/// There is no `/proc/self/fd` to go through.
pub(crate) fn address_in_directory(_: BorrowedFd<'_>, _: &Path) -> Option<SocketAddrUnix> {
    None
}
