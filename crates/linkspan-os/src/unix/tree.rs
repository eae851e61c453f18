//! Trees of files that nobody else can change.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Component, Path};

use rustix::fs::{FileType, Mode, OFlags, RawMode, Stat};

#[cfg(target_os = "linux")]
use crate::linux::exchange as sys;
#[cfg(not(target_os = "linux"))]
use crate::unix::exchange_portable as sys;

use crate::file::file_path;
use crate::tree::{DirectoryEntry, EntryKind, TrustedFile};
use crate::unix::directory::{check, check_only_ours};
use crate::unix::file::{READING, checked};
use crate::{Directory, DirectoryError, FileError};

impl Directory {
    /// Opens a directory that stands already and that only this user and root can change or replace:
    /// it and all above it belong to them, and nobody else can write there, or only as in `/tmp`,
    /// where nobody can remove another's files. Symbolic links on the way are followed, and where
    /// they lead is looked at.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: one of them belongs to another user.
    /// - [`DirectoryError::Writable`]: others may write to one of them.
    /// - [`DirectoryError::Io`]: it cannot be opened or looked at.
    pub fn open_trusted(path: &Path) -> Result<Self, DirectoryError> {
        let real = fs::canonicalize(path).map_err(|source| DirectoryError::Io {
            action: "open",
            path: path.into(),
            source,
        })?;
        let mut directory = Self::open_existing(Path::new("/"), OFlags::empty(), check)?;
        let names = real.components().filter_map(|part| match part {
            Component::Normal(name) => Some(Path::new(name)),
            _ => None,
        });
        for name in names {
            directory = directory.enter(name, check)?;
        }
        check_only_ours(directory.path(), &directory.look()?)?;
        Ok(directory)
    }

    /// Whether every user can get into a directory, as far as its mode and those of all above it say.
    ///
    /// # Errors
    ///
    /// The system's error if one of them cannot be looked at.
    pub fn is_open_to_all(path: &Path) -> io::Result<bool> {
        let real = fs::canonicalize(path)?;
        for directory in real.ancestors() {
            if directory.metadata()?.mode() & BY_ALL == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Opens a directory in this one, that only this user and root can change.
    ///
    /// # Errors
    ///
    /// Those of [`open_trusted`](Self::open_trusted), and [`DirectoryError::Link`]: it is a symbolic
    /// link.
    pub fn open_inner(&self, name: &Path) -> Result<Self, DirectoryError> {
        let stat = self.stat(name).ok().flatten();
        if stat.is_some_and(|stat| kind_of(&stat) == EntryKind::Link) {
            let path = self.path().join(name);
            return Err(DirectoryError::Link { path });
        }
        self.enter(name, check_only_ours)
    }

    /// Opens a file in this directory, that only this user and root can change; `None` if there is
    /// none. Symbolic links are not followed.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Owner`]: it belongs to another user.
    /// - [`FileError::Writable`]: others may change it.
    /// - [`FileError::NotAFile`]: it is something else than a regular file.
    /// - [`FileError::Io`]: the system refused.
    pub fn open_file(&self, name: &Path) -> Result<Option<TrustedFile>, FileError> {
        let path = file_path(self.path(), name)?;
        let descriptor = match rustix::fs::openat(self, name, READING, Mode::empty()) {
            Err(rustix::io::Errno::NOENT) => return Ok(None),
            Err(rustix::io::Errno::LOOP) => return Err(FileError::NotAFile { path }),
            result => result.map_err(|error| FileError::Io {
                path: path.clone(),
                source: error.into(),
            })?,
        };
        let stat = checked(&path, &descriptor)?;
        if stat.st_mode & WRITABLE_BY_OTHERS != 0 {
            let access = format!("mode {:04o}", stat.st_mode & 0o7777);
            return Err(FileError::Writable { path, access });
        }
        Ok(Some(TrustedFile {
            file: descriptor.into(),
            length: u64::try_from(stat.st_size).unwrap_or_default(),
            is_executable: stat.st_mode & RUNNABLE != 0,
        }))
    }

    /// What stands in it, by name; one more than `max` at most, which says that there are more.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn entries(&self, max: usize) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = Vec::new();
        for entry in rustix::fs::Dir::read_from(self)? {
            let entry = entry?;
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            if name == "." || name == ".." {
                continue;
            }
            // Not every file system says what an entry is, and one may be gone already.
            let Some(stat) = self.stat(name.as_ref())? else {
                continue;
            };
            entries.push(DirectoryEntry {
                name: name.to_owned(),
                kind: kind_of(&stat),
            });
            if entries.len() > max {
                break;
            }
        }
        entries.sort();
        Ok(entries)
    }

    /// Makes a directory in this one, which others may look into.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Io`], as when the name is taken.
    pub fn make_inner(&self, name: &Path) -> Result<Self, DirectoryError> {
        let mode = Mode::from_raw_mode(0o755);
        let made = rustix::fs::mkdirat(self, name, mode);
        made.map_err(|error| self.io("make", name, error))?;
        let inner = self.open_inner(name)?;
        // A strict umask may have taken away more than it should.
        rustix::fs::fchmod(&inner, mode).map_err(|error| self.io("make", name, error))?;
        Ok(inner)
    }

    /// Makes a file in this directory, which others may read, and run if it is executable.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Io`]: the system refused, as when the name is taken.
    pub fn create_file(&self, name: &Path, is_executable: bool) -> Result<File, FileError> {
        let path = file_path(self.path(), name)?;
        let mode = Mode::from_raw_mode(if is_executable { 0o755 } else { 0o644 });
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let made = rustix::fs::openat(self, name, flags, mode).and_then(|file| {
            rustix::fs::fchmod(&file, mode)?;
            Ok(file)
        });
        let made = made.map_err(|error| FileError::Io {
            path,
            source: error.into(),
        });
        made.map(File::from)
    }

    /// Renames a directory in this one; nothing but an empty directory is replaced.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn rename_inner(&self, from: &Path, to: &Path) -> io::Result<()> {
        Ok(rustix::fs::renameat(self, from, self, to)?)
    }

    /// Has two directories in this one swap their names: all at once on Linux, elsewhere with a moment
    /// in which one name is nobody's.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn exchange_inner(&self, one: &Path, other: &Path) -> io::Result<()> {
        sys::exchange(self, one, other)
    }

    fn enter(
        &self,
        name: &Path,
        check: impl FnOnce(&Path, &Stat) -> Result<(), DirectoryError>,
    ) -> Result<Self, DirectoryError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = rustix::fs::openat(self, name, flags, Mode::empty());
        let descriptor = opened.map_err(|error| self.io("open", name, error))?;
        let inner = Self::of(self.path().join(name), descriptor);
        check(inner.path(), &inner.look()?)?;
        Ok(inner)
    }

    fn look(&self) -> Result<Stat, DirectoryError> {
        rustix::fs::fstat(self).map_err(|error| self.io("look at", Path::new(""), error))
    }

    fn io(&self, action: &'static str, name: &Path, error: rustix::io::Errno) -> DirectoryError {
        DirectoryError::Io {
            action,
            path: self.path().join(name),
            source: error.into(),
        }
    }
}

pub(crate) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.read_at(buffer, offset)
}

fn kind_of(stat: &Stat) -> EntryKind {
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => EntryKind::File,
        FileType::Directory => EntryKind::Directory,
        FileType::Symlink => EntryKind::Link,
        _ => EntryKind::Other,
    }
}

const WRITABLE_BY_OTHERS: RawMode = 0o022;
const RUNNABLE: RawMode = 0o100;
const BY_ALL: u32 = 0o001;
