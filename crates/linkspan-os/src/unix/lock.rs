//! Exclusive locks that the kernel drops with their process.

use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use rustix::fs::{FileType, Mode, OFlags, Stat};
use thiserror::Error;

#[cfg(target_os = "linux")]
use crate::linux::presence as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::presence_portable as sys;

use crate::unix::socket::{as_u64, identity};
use crate::{Directory, LockState, effective_uid, waiting};

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
        let (mut file, _) = open(directory, name, FLAGS)?;
        match file.try_lock() {
            Ok(()) => Self::held(file, path),
            Err(TryLockError::WouldBlock) => Err(LockError::Held {
                path,
                pid: read_pid(&mut file),
            }),
            Err(TryLockError::Error(source)) => Err(LockError::Io { path, source }),
        }
    }

    /// Takes the lock `name` in `directory`, and keeps the calling thread until it is free; not
    /// longer than until `deadline`.
    ///
    /// Only if it is not free at once, a thread of this process waits for it in the kernel. At the
    /// deadline that one stays behind, as nothing can call it back, and the next who waits for the
    /// same lock takes it over; so there are never more of them than there were callers at one time.
    /// When it gets the lock and nobody wants it any more, it gives it back and ends.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire); [`LockError::Held`] at the deadline.
    pub fn acquire_before(
        directory: &Directory,
        name: &Path,
        deadline: Instant,
    ) -> Result<Self, LockError> {
        let path = directory.path().join(name);
        loop {
            let held = match Self::acquire(directory, name) {
                Err(held @ LockError::Held { .. }) => held,
                result => return result,
            };
            let (file, stat) = open(directory, name, FLAGS)?;
            let waited = waiting::wait_before(identity(&stat), deadline, || lock_blocking(file));
            let io = |source| LockError::Io {
                path: path.clone(),
                source,
            };
            let Some(file) = waited.map_err(io)? else {
                return Err(held);
            };
            // Whoever cleans up directories may have put the file away meanwhile.
            let now = directory.stat(name).map_err(io)?;
            if now.is_some_and(|now| identity(&now) == identity(&stat)) {
                return Self::held(file, path);
            }
        }
    }

    /// Whether somebody holds the lock `name` in `directory`. Looking does not get into anybody's
    /// way, and makes no file.
    ///
    /// # Errors
    ///
    /// Those of [`acquire`](Self::acquire), but for [`LockError::Held`].
    pub fn state(directory: &Directory, name: &Path) -> Result<LockState, LockError> {
        let flags = FLAGS.difference(OFlags::CREATE);
        let (mut file, _) = match open(directory, name, flags) {
            Ok(opened) => opened,
            Err(LockError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return Ok(LockState::Free);
            }
            Err(error) => return Err(error),
        };
        seen(&mut file).map_err(|source| LockError::Io {
            path: directory.path().join(name),
            source,
        })
    }

    fn held(mut file: File, path: PathBuf) -> Result<Self, LockError> {
        // In this order, so that whoever sees that it is held sees by whom.
        match write_pid(&mut file) {
            Ok(()) => {
                // Without the mark the lock is worth the same, but that it cannot be seen.
                sys::mark(&file).ok();
                Ok(Self { file })
            }
            Err(source) => Err(LockError::Io { path, source }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a child that another thread has forked has the descriptor as well,
        // until it becomes another program.
        sys::unmark(&self.file).ok();
        // Whoever reads the file next must not take an old number for an owner.
        self.file.set_len(0).ok();
        self.file.unlock().ok();
    }
}

fn open(directory: &Directory, name: &Path, flags: OFlags) -> Result<(File, Stat), LockError> {
    let path = directory.path().join(name);
    let io = |error: rustix::io::Errno| LockError::Io {
        path: path.clone(),
        source: error.into(),
    };
    let descriptor =
        rustix::fs::openat(directory, name, flags, Mode::RUSR | Mode::WUSR).map_err(io)?;
    let stat = rustix::fs::fstat(&descriptor).map_err(io)?;
    check(&path, &stat)?;
    Ok((File::from(descriptor), stat))
}

fn lock_blocking(file: File) -> io::Result<File> {
    loop {
        match file.lock() {
            Ok(()) => return Ok(file),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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

/// Whether a lock is held, and by whom.
fn seen(file: &mut File) -> io::Result<LockState> {
    for _ in 0..LOOKS {
        if !sys::is_marked(file)? {
            return Ok(LockState::Free);
        }
        // Without a number it was given back between the two looks, or says nothing.
        file.rewind()?;
        if let pid @ Some(_) = read_pid(file) {
            return Ok(LockState::Held { pid });
        }
    }
    Ok(LockState::Held { pid: None })
}

/// How often a lock that changes hands is looked at.
const LOOKS: usize = 20;

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_that_was_only_forked_does_not_keep_a_lock() {
        let base = tempfile::tempdir().unwrap();
        let directory = Directory::open(base.path(), 0o700).unwrap();
        let name = Path::new("x.lock");
        let lock = Lock::acquire(&directory, name).unwrap();
        // What a fork gives to the child: one more descriptor of the same open file.
        let copy = lock.file.try_clone().unwrap();
        drop(lock);
        assert_eq!(Lock::state(&directory, name).unwrap(), LockState::Free);
        Lock::acquire(&directory, name).unwrap();
        drop(copy);
    }
}
