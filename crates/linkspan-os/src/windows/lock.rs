//! Exclusive locks that the kernel drops with their process.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::os::windows::io::AsRawHandle;
use std::path::{Path, PathBuf};

use thiserror::Error;
use windows_sys::Win32::Foundation::ERROR_SHARING_VIOLATION;
use windows_sys::Win32::Storage::FileSystem::{
    BY_HANDLE_FILE_INFORMATION, FILE_FLAG_OPEN_REPARSE_POINT, FILE_GENERIC_READ,
    FILE_GENERIC_WRITE, FILE_SHARE_READ, GetFileInformationByHandle,
};

use crate::windows::security::SecurityInfo;
use crate::windows::token::check;
use crate::{Directory, Sid, User, is_trusted};

/// An exclusive lock on a file, held until this value is dropped or the process is gone.
///
/// The file stays for ever. It holds the owner's process id, for people only. Others are kept out by
/// the way in which it is open, that is, nobody else can open it for writing, while a lock on its
/// bytes would keep the process id from being read.
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
    /// - [`LockError::Io`]: the file cannot be made or opened.
    pub fn acquire(directory: &Directory, name: &Path) -> Result<Self, LockError> {
        let path = directory.path().join(name);
        let mut file = open(&path)?;
        check_file(&path, &file)?;
        write_pid(&mut file).map_err(|source| LockError::Io { path, source })?;
        Ok(Self { file })
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
        .share_mode(FILE_SHARE_READ)
        .create(true)
        .truncate(false)
        .write(true)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
        .open(path);
    let path = path.to_owned();
    result.map_err(|source| match source.raw_os_error() {
        Some(code) if code == ERROR_SHARING_VIOLATION.cast_signed() => LockError::Held {
            pid: read_pid(&path),
            path,
        },
        _ if path.is_dir() => LockError::NotAFile { path },
        _ => LockError::Io { path, source },
    })
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
    match links(file).map_err(io)? {
        1 => Ok(()),
        links => Err(LockError::Links {
            path: path(),
            links,
        }),
    }
}

fn links(file: &File) -> io::Result<u64> {
    let mut facts = BY_HANDLE_FILE_INFORMATION::default();
    // SAFETY: the file is open as long as it is borrowed, and the pointer is to a local.
    check(unsafe { GetFileInformationByHandle(file.as_raw_handle(), &raw mut facts) })?;
    Ok(facts.nNumberOfLinks.into())
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
