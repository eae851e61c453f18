//! Small files in checked directories.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{FileType, Mode, OFlags, RawMode, Stat};

use crate::file::{file_path, temporary_name};
use crate::unix::socket::identity;
use crate::{Directory, FileError, FileId, effective_uid};

impl Directory {
    /// Puts a file with mode 0600 in the place of `name`, all at once: who reads sees what was there
    /// before or all of `bytes`. It is not forced to the disk.
    ///
    /// A process that is killed meanwhile may leave a file `.NAME.PID-NUMBER.tmp` behind.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Io`]: the system refused, as on a full disk; what was there before still is.
    pub fn write_file(&self, name: &Path, bytes: &[u8]) -> Result<FileId, FileError> {
        let path = file_path(self.path(), name)?;
        let temporary = temporary_name(name);
        let written = self.write_new(&temporary, bytes).and_then(|id| {
            rustix::fs::renameat(self, &temporary, self, name)?;
            Ok(id)
        });
        written.map_err(|source| {
            self.remove(&temporary).ok();
            FileError::Io { path, source }
        })
    }

    /// Reads the file `name`, which has to be this user's own or root's; `None` if there is none.
    /// Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Owner`]: it belongs to another user.
    /// - [`FileError::NotAFile`]: it is something else than a regular file.
    /// - [`FileError::TooLong`]: it has more than `max_bytes` bytes.
    /// - [`FileError::Io`]: the system refused.
    pub fn read_file(&self, name: &Path, max_bytes: usize) -> Result<Option<Vec<u8>>, FileError> {
        self.read_checked(name, max_bytes, |_, _| Ok(()))
    }

    /// The same for a file that holds secrets, and that others have no right on.
    ///
    /// # Errors
    ///
    /// Those of [`read_file`](Self::read_file), and [`FileError::Shared`]: others may at least read
    /// it.
    pub fn read_private_file(
        &self,
        name: &Path,
        max_bytes: usize,
    ) -> Result<Option<Vec<u8>>, FileError> {
        self.read_checked(name, max_bytes, check_private)
    }

    fn read_checked(
        &self,
        name: &Path,
        max_bytes: usize,
        check: impl FnOnce(&Path, &Stat) -> Result<(), FileError>,
    ) -> Result<Option<Vec<u8>>, FileError> {
        let path = file_path(self.path(), name)?;
        let io = |source| FileError::Io {
            path: path.clone(),
            source,
        };
        let descriptor = match rustix::fs::openat(self, name, READING, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(FileError::NotAFile { path }),
            result => result.map_err(|error| io(error.into()))?,
        };
        let stat = checked(&path, &descriptor)?;
        check(&path, &stat)?;
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        // With room for all of it, no copies of a secret stay behind where a vector was before.
        let length = usize::try_from(stat.st_size).unwrap_or_default();
        let mut bytes = Vec::with_capacity(length.min(max_bytes).saturating_add(1));
        let mut reader = File::from(descriptor).take(limit.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() > max_bytes {
            return Err(FileError::TooLong { path, max_bytes });
        }
        Ok(Some(bytes))
    }

    /// Opens the file `name` to write at its end, and makes it if it is missing, for this user alone.
    /// Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Owner`]: it belongs to another user.
    /// - [`FileError::Shared`]: others may at least read it.
    /// - [`FileError::NotAFile`]: it is something else than a regular file.
    /// - [`FileError::Io`]: the system refused.
    pub fn append_file(&self, name: &Path) -> Result<File, FileError> {
        let path = file_path(self.path(), name)?;
        let mode = Mode::RUSR | Mode::WUSR;
        let descriptor = match rustix::fs::openat(self, name, APPENDING, mode) {
            Err(rustix::io::Errno::LOOP) => return Err(FileError::NotAFile { path }),
            result => result.map_err(|error| FileError::Io {
                path: path.clone(),
                source: error.into(),
            })?,
        };
        let stat = checked(&path, &descriptor)?;
        check_private(&path, &stat)?;
        Ok(File::from(descriptor))
    }

    /// Removes the file `name` if it is still the one that [`write_file`](Self::write_file) made, and
    /// says whether it was.
    ///
    /// Who replaces it between looking and removing is not seen: do this under a lock.
    ///
    /// # Errors
    ///
    /// [`FileError::Name`] and [`FileError::Io`].
    pub fn remove_own(&self, name: &Path, id: FileId) -> Result<bool, FileError> {
        let path = file_path(self.path(), name)?;
        let removed = self.stat(name).and_then(|stat| {
            let is_own = stat.is_some_and(|stat| FileId(identity(&stat)) == id);
            if is_own {
                self.remove(name)?;
            }
            Ok(is_own)
        });
        removed.map_err(|source| FileError::Io { path, source })
    }

    fn write_new(&self, name: &Path, bytes: &[u8]) -> io::Result<FileId> {
        let mode = Mode::RUSR | Mode::WUSR;
        let descriptor = rustix::fs::openat(self, name, WRITING, mode)?;
        // A strict umask may have taken away more than it should.
        rustix::fs::fchmod(&descriptor, mode)?;
        let id = FileId(identity(&rustix::fs::fstat(&descriptor)?));
        File::from(descriptor).write_all(bytes)?;
        Ok(id)
    }
}

/// Looks whether what was opened is a file of this user's or root's.
pub(super) fn checked(path: &Path, descriptor: &OwnedFd) -> Result<Stat, FileError> {
    let stat = rustix::fs::fstat(descriptor).map_err(|error| FileError::Io {
        path: path.into(),
        source: error.into(),
    })?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
        return Err(FileError::NotAFile { path: path.into() });
    }
    let user = effective_uid();
    if stat.st_uid != user && stat.st_uid != ROOT {
        return Err(FileError::Owner {
            path: path.into(),
            owner: stat.st_uid.to_string(),
            user: user.to_string(),
        });
    }
    Ok(stat)
}

fn check_private(path: &Path, stat: &Stat) -> Result<(), FileError> {
    if stat.st_mode & OF_OTHERS != 0 {
        return Err(FileError::Shared {
            path: path.into(),
            access: format!("mode {:04o}", stat.st_mode & 0o7777),
        });
    }
    Ok(())
}

const OF_OTHERS: RawMode = 0o077;
const APPENDING: OFlags = OFlags::WRONLY
    .union(OFlags::APPEND)
    .union(OFlags::CREATE)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
pub(super) const READING: OFlags = OFlags::RDONLY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::NONBLOCK)
    .union(OFlags::NOCTTY)
    .union(OFlags::CLOEXEC);
const WRITING: OFlags = OFlags::WRONLY
    .union(OFlags::CREATE)
    .union(OFlags::EXCL)
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);
const ROOT: u32 = 0;
