//! Directories that nobody else can put files into.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, RawMode, Stat};
use thiserror::Error;

use crate::{FileId, effective_uid};

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
        make_missing(path, mode)?;
        Self::open_existing(path, OFlags::empty(), check)
    }

    /// Opens a directory that is only this user's, and makes it and its parents with mode 0700 if
    /// they are missing.
    ///
    /// It is accepted if it belongs to this user or root, if nobody else has any right on it, and if
    /// it stands there itself instead of a symbolic link.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: it belongs to another user.
    /// - [`DirectoryError::Shared`]: others may look into it or write to it.
    /// - [`DirectoryError::Link`]: it is a symbolic link.
    /// - [`DirectoryError::Io`]: it cannot be made, opened or looked at.
    pub fn open_private(path: &Path) -> Result<Self, DirectoryError> {
        // With a slash at its end, a link would be followed.
        let path: PathBuf = path.components().collect();
        make_missing(&path, 0o700)?;
        if fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Err(DirectoryError::Link { path });
        }
        // What has become a link since then is refused by the system.
        Self::open_existing(&path, OFlags::NOFOLLOW, check_private)
    }

    /// One that was opened and checked.
    pub(super) fn of(path: PathBuf, descriptor: OwnedFd) -> Self {
        Self { path, descriptor }
    }

    pub(super) fn open_existing(
        path: &Path,
        flags: OFlags,
        check: impl FnOnce(&Path, &Stat) -> Result<(), DirectoryError>,
    ) -> Result<Self, DirectoryError> {
        let io = |action| {
            move |error: rustix::io::Errno| DirectoryError::Io {
                action,
                path: path.into(),
                source: error.into(),
            }
        };
        let flags = flags | OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let descriptor = rustix::fs::open(path, flags, Mode::empty()).map_err(io("open"))?;
        let stat = rustix::fs::fstat(&descriptor).map_err(io("look at"))?;
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

    /// What tells it from other directories of this machine, by whatever path they were opened.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn id(&self) -> io::Result<FileId> {
        FileId::of(&self.descriptor.try_clone()?.into())
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

fn make_missing(path: &Path, mode: u32) -> Result<(), DirectoryError> {
    let is_missing =
        fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
    if !is_missing {
        return Ok(());
    }
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.map_err(|source| DirectoryError::Io {
        action: "make",
        path: path.into(),
        source,
    })
}

/// That nobody else can put files in the place of ours there.
pub(super) fn check(path: &Path, stat: &Stat) -> Result<(), DirectoryError> {
    match stat.st_mode & STICKY {
        0 => check_only_ours(path, stat),
        _ => check_owner(path, stat),
    }
}

/// That nobody else can put files there.
pub(super) fn check_only_ours(path: &Path, stat: &Stat) -> Result<(), DirectoryError> {
    check_owner(path, stat)?;
    if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
        return Err(DirectoryError::Writable {
            path: path.into(),
            mode: as_u32(stat.st_mode & 0o7777),
        });
    }
    Ok(())
}

fn check_private(path: &Path, stat: &Stat) -> Result<(), DirectoryError> {
    check_owner(path, stat)?;
    if stat.st_mode & OF_OTHERS != 0 {
        return Err(DirectoryError::Shared {
            path: path.into(),
            mode: as_u32(stat.st_mode & 0o7777),
        });
    }
    Ok(())
}

fn check_owner(path: &Path, stat: &Stat) -> Result<(), DirectoryError> {
    let (owner, user) = (stat.st_uid, effective_uid());
    if owner != user && owner != ROOT {
        return Err(DirectoryError::Owner {
            path: path.into(),
            owner,
            user,
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
    #[error("directory {path} with mode {mode:04o} is writable by others")]
    Writable {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// Others may at least look into it.
    #[error("directory {path} with mode {mode:04o} is open to others, not 0700")]
    Shared {
        /// The directory.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// It stands elsewhere.
    #[error("directory {path} is a symbolic link")]
    Link {
        /// The link.
        path: PathBuf,
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
const OF_OTHERS: RawMode = 0o077;
const STICKY: RawMode = 0o1000;
