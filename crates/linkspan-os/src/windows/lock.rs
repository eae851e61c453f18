//! Exclusive locks that the kernel drops with their process.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};
use std::time::Instant;

use thiserror::Error;
use windows_sys::Win32::Foundation::ERROR_LOCK_VIOLATION;
use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_READ, FILE_GENERIC_WRITE, FILE_SHARE_READ,
    FILE_SHARE_WRITE, LOCK_FILE_FLAGS, LOCKFILE_EXCLUSIVE_LOCK, LOCKFILE_FAIL_IMMEDIATELY,
    LockFileEx,
};
use windows_sys::Win32::System::IO::OVERLAPPED;

use crate::windows::executable::{self, identity};
use crate::windows::security::SecurityInfo;
use crate::windows::token::check;
use crate::{Directory, LockState, Sid, User, is_trusted, waiting};

/// An exclusive lock on a file, held until this value is dropped or the process is gone.
///
/// The file stays for ever. It holds the owner's process id, for people only. What is locked is a
/// byte far behind the end of the file, so that the process id can be read; another such byte shows
/// that the lock is held, so that whoever looks at that one never keeps anybody from the other.
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
    /// - [`LockError::NotAFile`]: it is something else than a regular file, such as a symbolic link,
    ///   which is never followed.
    /// - [`LockError::Links`]: it is a hard link, so that another file would be written.
    /// - [`LockError::Io`]: the file cannot be made, opened or locked.
    pub fn acquire(directory: &Directory, name: &Path) -> Result<Self, LockError> {
        let path = directory.path().join(name);
        let file = open(&path)?;
        match lock_byte(&file, LOCK, EXCLUSIVE | LOCKFILE_FAIL_IMMEDIATELY) {
            Ok(()) => Self::held(file, path),
            Err(error) if is_held(&error) => Err(LockError::Held {
                pid: read_pid(&path),
                path,
            }),
            Err(source) => Err(LockError::Io { path, source }),
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
        let held = match Self::acquire(directory, name) {
            Err(held @ LockError::Held { .. }) => held,
            result => return result,
        };
        let path = directory.path().join(name);
        let file = open(&path)?;
        let waited = identity(&file).and_then(|key| {
            let lock = || lock_byte(&file, LOCK, EXCLUSIVE).map(|()| file);
            waiting::wait_before(key, deadline, lock)
        });
        // The file cannot have been put away meanwhile, as it is open without a right to that.
        match waited {
            Ok(Some(file)) => Self::held(file, path),
            Ok(None) => Err(held),
            Err(source) => Err(LockError::Io { path, source }),
        }
    }

    /// Whether somebody holds the lock `name` in `directory`. Looking does not get into anybody's
    /// way, and makes no file.
    ///
    /// # Errors
    ///
    /// [`LockError::Io`] if the file cannot be looked at.
    pub fn state(directory: &Directory, name: &Path) -> Result<LockState, LockError> {
        let path = directory.path().join(name);
        let file = match File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(LockState::Free),
            Err(source) => return Err(LockError::Io { path, source }),
            Ok(file) => file,
        };
        // It is given back with the file.
        match lock_byte(&file, PRESENCE, LOCKFILE_FAIL_IMMEDIATELY) {
            Ok(()) => Ok(LockState::Free),
            Err(error) if is_held(&error) => Ok(LockState::Held {
                pid: read_pid(&path),
            }),
            Err(source) => Err(LockError::Io { path, source }),
        }
    }

    fn held(mut file: File, path: PathBuf) -> Result<Self, LockError> {
        let shown = lock_byte(&file, PRESENCE, EXCLUSIVE).and_then(|()| write_pid(&mut file));
        match shown {
            Ok(()) => Ok(Self { file }),
            Err(source) => Err(LockError::Io { path, source }),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever reads the file next must not take an old number for an owner.
        self.file.set_len(0).ok();
    }
}

fn open(path: &Path) -> Result<File, LockError> {
    let result = OpenOptions::new()
        .access_mode(FILE_GENERIC_READ | FILE_GENERIC_WRITE)
        .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
        .create(true)
        .truncate(false)
        .write(true)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path);
    let owned = || path.to_owned();
    match result {
        Ok(file) => check_file(path, &file).map(|()| file),
        Err(_) if path.is_dir() => Err(LockError::NotAFile { path: owned() }),
        Err(source) => Err(LockError::Io {
            path: owned(),
            source,
        }),
    }
}

/// Locks one byte; the file may be shorter. Without [`LOCKFILE_FAIL_IMMEDIATELY`] the calling thread
/// waits.
fn lock_byte(file: &File, place: u32, flags: LOCK_FILE_FLAGS) -> io::Result<()> {
    let mut range = OVERLAPPED::default();
    range.Anonymous.Anonymous.Offset = place;
    // Far behind all that is ever written.
    range.Anonymous.Anonymous.OffsetHigh = 0x4000_0000;
    let handle = file.as_raw_handle();
    // SAFETY: the file is open as long as it is borrowed; it was opened without overlapping calls,
    // so that the system has done with the local when the call returns.
    check(unsafe { LockFileEx(handle, flags, 0, 1, 0, &raw mut range) })
}

fn is_held(error: &io::Error) -> bool {
    error.raw_os_error() == Some(ERROR_LOCK_VIOLATION.cast_signed())
}

/// Refuses what somebody else has put in the place of a lock: what is locked is written to.
fn check_file(path: &Path, file: &File) -> Result<(), LockError> {
    let io = |source| LockError::Io {
        path: path.into(),
        source,
    };
    let path = || path.to_owned();
    if !file.metadata().map_err(io)?.is_file() {
        return Err(LockError::NotAFile { path: path() });
    }
    let owner = SecurityInfo::of_file(file)
        .and_then(|info| info.owner())
        .map_err(io)?;
    if !is_trusted(User::Windows { sid: owner }) {
        return Err(LockError::Owner {
            path: path(),
            owner,
        });
    }
    match executable::facts(file).map_err(io)?.nNumberOfLinks {
        1 => Ok(()),
        links => Err(LockError::Links {
            path: path(),
            links: links.into(),
        }),
    }
}

fn read_pid(path: &Path) -> Option<u32> {
    let mut text = String::new();
    let file = File::open(path).ok()?;
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
    #[error("lock file {path} belongs to {owner}, not to this user, the system or administrators")]
    Owner {
        /// The lock file.
        path: PathBuf,
        /// Its owner.
        owner: Sid,
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

const EXCLUSIVE: LOCK_FILE_FLAGS = LOCKFILE_EXCLUSIVE_LOCK;
/// The byte that is the lock.
const LOCK: u32 = 0;
/// The byte that shows that it is held.
const PRESENCE: u32 = 1;
