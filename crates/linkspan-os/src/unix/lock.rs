//! Exclusive locks that the kernel drops with their process.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, Mode, OFlags, Stat};
use thiserror::Error;

use crate::unix::socket::as_u64;
use crate::{Directory, effective_uid};

/// An exclusive lock on a file, held until this value is dropped or the process is gone.
///
/// The file stays for ever: removing it would let two processes lock two files of one name. It
/// holds the owner's process id, for people only.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock `name` in `directory`, without waiting.
    ///
    /// # Errors
    ///
    /// - [`LockError::Held`]: another process has it.
    /// - [`LockError::Owner`]: the file belongs to another user.
    /// - [`LockError::NotAFile`]: it is something else than a regular file.
    /// - [`LockError::Links`]: it is a hard link, so that another file would be written.
    /// - [`LockError::Io`]: the file cannot be made, opened or locked; it may be a symbolic link,
    ///   which is never followed.
    pub fn acquire(directory: &Directory, name: &Path) -> Result<Self, LockError> {
        let path = directory.path().join(name);
        let io = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let descriptor = rustix::fs::openat(directory, name, FLAGS, Mode::RUSR | Mode::WUSR)
            .map_err(|error| io(error.into()))?;
        let stat = rustix::fs::fstat(&descriptor).map_err(|error| io(error.into()))?;
        check(&path, &stat)?;
        let mut file = File::from(descriptor);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(LockError::Held {
                    path,
                    pid: read_pid(&mut file),
                });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        write_pid(&mut file).map_err(io)?;
        Ok(Self { file })
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever reads the file next must not take an old number for an owner.
        self.file.set_len(0).ok();
    }
}

/// Refuses what somebody else has put in the place of a lock: what is locked is written to.
fn check(path: &Path, stat: &Stat) -> Result<(), LockError> {
    let path = || path.to_owned();
    let (owner, user) = (stat.st_uid, effective_uid());
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(LockError::NotAFile { path: path() });
    }
    if owner != user {
        return Err(LockError::Owner {
            path: path(),
            owner,
            user,
        });
    }
    match as_u64(stat.st_nlink) {
        1 => Ok(()),
        links => Err(LockError::Links {
            path: path(),
            links,
        }),
    }
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// A lock cannot be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LockError {
    /// Another process holds it.
    #[error("{path} is locked by {}", pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}")))]
    Held {
        /// The lock file.
        path: PathBuf,
        /// The process that says that it holds it.
        pid: Option<u32>,
    },
    /// The file belongs to another user.
    #[error("lock file {path} belongs to uid {owner}, not to uid {user}")]
    Owner {
        /// The lock file.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This process's user.
        user: u32,
    },
    /// Something that is not a regular file stands there.
    #[error("lock file {path} is not a regular file")]
    NotAFile {
        /// The lock file.
        path: PathBuf,
    },
    /// The file has other names, under which it may be something else than a lock.
    #[error("lock file {path} has {links} hard links instead of 1")]
    Links {
        /// The lock file.
        path: PathBuf,
        /// How many names it has.
        links: u64,
    },
    /// The system refused.
    #[error("cannot lock {path}")]
    Io {
        /// The lock file.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// Opening anything else than a regular file has no effect with these, and does not wait.
const FLAGS: OFlags = OFlags::RDWR
    .union(OFlags::CREATE)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
