//! Directories that nobody else can put files into.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RawMode, Stat};
use thiserror::Error;

use crate::effective_uid;

/// A directory that was checked and is held open, so that what was checked is what is used.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    descriptor: OwnedFd,
}

impl Directory {
    /// Opens a directory, and makes it and its parents with `mode` if they are missing.
    ///
    /// It is accepted if it belongs to this user or root and nobody else can write to it, or if it
    /// is sticky as `/tmp` is, where nobody can remove another's files.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: it belongs to another user.
    /// - [`DirectoryError::Writable`]: others may write to it.
    /// - [`DirectoryError::Io`]: it cannot be made, opened or looked at.
    pub fn open(path: &Path, mode: u32) -> Result<Self, DirectoryError> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        let io = |action| {
            move |source| DirectoryError::Io {
                action,
                path: path.into(),
                source,
            }
        };
        if let Err(error) = fs::symlink_metadata(path)
            && error.kind() == io::ErrorKind::NotFound
        {
            DirBuilder::new()
                .recursive(true)
                .mode(mode)
                .create(path)
                .map_err(io("make"))?;
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty())
            .map_err(|error| io("open")(error.into()))?;
        let stat = rustix::fs::fstat(&descriptor).map_err(|error| io("look at")(error.into()))?;
        check(path, &stat)?;
        Ok(Self {
            path: path.into(),
            descriptor,
        })
    }

    /// Where it was opened.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What stands under `name` in it; symbolic links are not followed.
    pub(crate) fn stat(&self, name: &Path) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.descriptor, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(rustix::io::Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes a file from it.
    pub(crate) fn remove(&self, name: &Path) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(
            &self.descriptor,
            name,
            AtFlags::empty(),
        )?)
    }
}

impl AsFd for Directory {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

fn check(path: &Path, stat: &Stat) -> Result<(), DirectoryError> {
    let (owner, mode) = (stat.st_uid, stat.st_mode);
    let user = effective_uid();
    if owner != user && owner != ROOT {
        return Err(DirectoryError::Owner {
            path: path.into(),
            owner,
            user,
        });
    }
    if mode & WRITABLE_BY_OTHERS != 0 && mode & STICKY == 0 {
        return Err(DirectoryError::Writable {
            path: path.into(),
            mode: as_u32(mode & 0o7777),
        });
    }
    Ok(())
}

/// Modes have another type on each system.
fn as_u32(mode: impl TryInto<u32>) -> u32 {
    mode.try_into().unwrap_or(u32::MAX)
}

/// A directory cannot be used for sockets and locks.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It belongs to somebody else, who could replace what is put into it.
    #[error("directory {path} belongs to uid {owner}, not to uid {user} or root")]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// This process's user.
        user: u32,
    },
    /// Others may write to it.
    #[error("directory {path} with mode {mode:04o} is writable by others and not sticky")]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// The system refused.
    #[error("cannot {action} directory {path}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The directory.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

const ROOT: u32 = 0;
const WRITABLE_BY_OTHERS: RawMode = 0o022;
const STICKY: RawMode = 0o1000;
