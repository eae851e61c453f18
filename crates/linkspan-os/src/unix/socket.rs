//! Listening Unix sockets that own their path.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, Stat};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use thiserror::Error;

#[cfg(target_os = "linux")]
use crate::linux::socket as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::socket_portable as sys;

use crate::unix::stale::socket_state;
use crate::{Directory, DirectoryError, Lock, LockError, SocketState, max_socket_path_bytes};

/// How a socket is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BindOptions {
    /// Mode of the socket from its first moment on. Default: 0600.
    pub file_permissions: u32,
    /// Mode of directories that have to be made. Default: 0700.
    pub directory_permissions: u32,
    /// Connections that may wait to be accepted. Default: 1,024.
    pub backlog: i32,
}

impl Default for BindOptions {
    fn default() -> Self {
        Self {
            file_permissions: 0o600,
            directory_permissions: 0o700,
            backlog: 1024,
        }
    }
}

/// A listening socket, its path, and the lock that makes both this process's.
///
/// Dropping it removes the path if it is still this socket's own.
#[derive(Debug)]
pub struct SocketFile {
    directory: Directory,
    name: PathBuf,
    /// Device and inode of the socket's file.
    identity: (u64, u64),
    /// Held as long as the path is ours; released after the path was removed.
    _lock: Lock,
}

impl SocketFile {
    /// Listens at `path`.
    ///
    /// `PATH.lock` is taken first, so of two that start at once exactly one gets through. Under the
    /// lock, a socket that nobody listens on is replaced; anything else stays as it is.
    ///
    /// # Errors
    ///
    /// - [`BindError::InUse`]: somebody listens there.
    /// - [`BindError::Occupied`]: something that is not a socket stands there.
    /// - [`BindError::PathTooLong`]: the path cannot be a socket's address.
    /// - [`BindError::Directory`], [`BindError::Lock`], [`BindError::Io`]: the environment does not
    ///   allow it.
    pub fn bind(path: &Path, options: &BindOptions) -> Result<(UnixListener, Self), BindError> {
        let name = path
            .file_name()
            .map(PathBuf::from)
            .ok_or_else(|| BindError::Occupied {
                path: path.into(),
                kind: "directory",
            })?;
        let parent = path.parent().unwrap_or_else(|| Path::new(""));
        let directory = Directory::open(parent, options.directory_permissions)?;
        let lock = take_lock(&directory, &name, path)?;
        clear_path(&directory, &name, path)?;

        let io = |source| BindError::Io {
            path: path.into(),
            source,
        };
        let socket = new_socket().map_err(io)?;
        let address = address(&directory, &name, path)?;
        let mode = Mode::from_raw_mode(mode_bits(options.file_permissions));
        sys::bind_with_mode(&socket, &address, &directory, &name, mode).map_err(io)?;
        let stat = directory
            .stat(&name)
            .map_err(io)?
            .ok_or_else(|| io(moved()))?;
        let bound = Self {
            directory,
            name,
            identity: identity(&stat),
            _lock: lock,
        };
        rustix::net::listen(&socket, options.backlog).map_err(|error| io(error.into()))?;
        Ok((UnixListener::from(socket), bound))
    }

    /// The path.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join(&self.name)
    }

    /// Whether the path still leads to this socket.
    pub fn is_in_place(&self) -> bool {
        let stat = self.directory.stat(&self.name).ok().flatten();
        stat.is_some_and(|stat| identity(&stat) == self.identity)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.is_in_place() {
            self.directory.remove(&self.name).ok();
        }
    }
}

/// A stream socket that does not block and is not inherited.
pub(crate) fn new_socket() -> io::Result<OwnedFd> {
    sys::new_socket(AddressFamily::UNIX, SocketType::STREAM)
}

/// The address of `name` in an open directory, where the system has a way to say that.
pub(crate) fn address_in_directory(directory: impl AsFd, name: &Path) -> Option<SocketAddrUnix> {
    sys::address_in_directory(directory.as_fd(), name)
}

fn take_lock(directory: &Directory, name: &Path, path: &Path) -> Result<Lock, BindError> {
    let mut lock_name = name.as_os_str().to_owned();
    lock_name.push(".lock");
    Lock::acquire(directory, Path::new(&lock_name)).map_err(|error| match error {
        LockError::Held { pid, .. } => BindError::InUse {
            path: path.into(),
            pid,
        },
        error => BindError::Lock(error),
    })
}

/// Removes a socket that nobody listens on; the lock is held.
fn clear_path(directory: &Directory, name: &Path, path: &Path) -> Result<(), BindError> {
    let io = |source| BindError::Io {
        path: path.into(),
        source,
    };
    let Some(stat) = directory.stat(name).map_err(io)? else {
        return Ok(());
    };
    let kind = match FileType::from_raw_mode(stat.st_mode) {
        FileType::Socket => match socket_state(path).map_err(io)? {
            SocketState::Missing => return Ok(()),
            SocketState::Stale => return directory.remove(name).map_err(io),
            SocketState::Live { pid } => {
                return Err(BindError::InUse {
                    path: path.into(),
                    pid,
                });
            }
            SocketState::NotASocket | SocketState::Unknown => "socket that cannot be examined",
        },
        FileType::RegularFile => "regular file",
        FileType::Directory => "directory",
        FileType::Symlink => "symbolic link",
        _ => "special file",
    };
    Err(BindError::Occupied {
        path: path.into(),
        kind,
    })
}

fn address(directory: &Directory, name: &Path, path: &Path) -> Result<SocketAddrUnix, BindError> {
    // The plain path is what other programs and `ss` show; it is used wherever it fits.
    if let Ok(address) = SocketAddrUnix::new(path) {
        return Ok(address);
    }
    address_in_directory(directory, name).ok_or_else(|| BindError::PathTooLong {
        path: path.into(),
        bytes: path.as_os_str().len(),
        limit: max_socket_path_bytes(),
    })
}

/// What tells a file from another: device and inode.
pub(crate) fn identity(stat: &Stat) -> (u64, u64) {
    (as_u64(stat.st_dev), as_u64(stat.st_ino))
}

/// Device and inode numbers and counts of links have another type on each system.
pub(crate) fn as_u64(number: impl TryInto<u64>) -> u64 {
    number.try_into().unwrap_or(u64::MAX)
}

fn mode_bits(permissions: u32) -> rustix::fs::RawMode {
    rustix::fs::RawMode::try_from(permissions & 0o777).unwrap_or(0o600)
}

fn moved() -> io::Error {
    io::Error::new(
        io::ErrorKind::NotFound,
        "the directory was moved while the socket was made",
    )
}

/// A socket cannot be made.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody listens there.
    #[error("{path} is in use by {}", pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    InUse {
        /// The path.
        path: PathBuf,
        /// The process, where it is known.
        pid: Option<u32>,
    },
    /// Something that is not a socket of ours stands there, and stays.
    #[error("{path} is a {kind}, which is never replaced by a socket")]
    Occupied {
        /// The path.
        path: PathBuf,
        /// What it is.
        kind: &'static str,
    },
    /// The path cannot be a socket's address.
    #[error("socket path of {bytes} bytes exceeds the limit of {limit} bytes: {path}")]
    PathTooLong {
        /// The path.
        path: PathBuf,
        /// Its length.
        bytes: usize,
        /// The longest that works.
        limit: usize,
    },
    /// The directory cannot be used.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The lock cannot be had.
    #[error(transparent)]
    Lock(LockError),
    /// The system refused.
    #[error("cannot listen at {path}")]
    Io {
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}
