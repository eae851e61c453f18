//! Trees of files that nobody else can change. A directory that is held open stays where it is, so that
//! paths lead into it, and what is above it does not matter.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::FileExt;
use std::path::Path;

use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
};

use crate::file::{file_path, temporary_name};
use crate::tree::{DirectoryEntry, EntryKind, TrustedFile};
use crate::windows::directory::{check_protection, stranger};
use crate::windows::file::{checked, open};
use crate::{Directory, DirectoryError, FileError};

impl Directory {
    /// Opens a directory that stands already and that only this user, the system and administrators can
    /// change.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: it belongs to another user.
    /// - [`DirectoryError::Writable`]: others may write to it.
    /// - [`DirectoryError::Io`]: it cannot be opened or looked at.
    pub fn open_trusted(path: &Path) -> Result<Self, DirectoryError> {
        let real = fs::canonicalize(path).map_err(|source| DirectoryError::Io {
            action: "open",
            path: path.into(),
            source,
        })?;
        Self::open_existing(&real, FILE_FLAG_BACKUP_SEMANTICS, check_protection)
    }

    /// Whether every user can get into a directory; here that is never asked for another user's sake.
    ///
    /// # Errors
    ///
    /// The system's error if it cannot be looked at.
    pub fn is_open_to_all(path: &Path) -> io::Result<bool> {
        path.metadata().map(|metadata| metadata.is_dir())
    }

    /// Opens a directory in this one, that only this user, the system and administrators can change.
    ///
    /// # Errors
    ///
    /// Those of [`open_trusted`](Self::open_trusted), and [`DirectoryError::Link`]: it is a symbolic
    /// link or a junction.
    pub fn open_inner(&self, name: &Path) -> Result<Self, DirectoryError> {
        let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
        Self::open_existing(&self.path().join(name), flags, check_protection)
    }

    /// Opens a file in this directory, that only this user, the system and administrators can change;
    /// `None` if there is none. Symbolic links are not followed.
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
        let io = |source| FileError::Io {
            path: path.clone(),
            source,
        };
        let file = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            result => result.map_err(io)?,
        };
        let info = checked(&path, &file)?;
        if let Some(who) = stranger(info.access().map_err(io)?) {
            let access = who.to_string();
            return Err(FileError::Writable { path, access });
        }
        let length = file.metadata().map_err(io)?.len();
        Ok(Some(TrustedFile {
            file,
            length,
            is_executable: true,
        }))
    }

    /// What stands in it, by name; one more than `max` at most, which says that there are more.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn entries(&self, max: usize) -> io::Result<Vec<DirectoryEntry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(self.path())?.take(max.saturating_add(1)) {
            let entry = entry?;
            let sort = entry.file_type()?;
            let kind = match () {
                () if sort.is_symlink() => EntryKind::Link,
                () if sort.is_dir() => EntryKind::Directory,
                () if sort.is_file() => EntryKind::File,
                () => EntryKind::Other,
            };
            let name = entry.file_name();
            entries.push(DirectoryEntry { name, kind });
        }
        entries.sort();
        Ok(entries)
    }

    /// Makes a directory in this one, protected as this one says.
    ///
    /// # Errors
    ///
    /// [`DirectoryError::Io`], as when the name is taken.
    pub fn make_inner(&self, name: &Path) -> Result<Self, DirectoryError> {
        let path = self.path().join(name);
        fs::create_dir(&path).map_err(|source| DirectoryError::Io {
            action: "make",
            path,
            source,
        })?;
        self.open_inner(name)
    }

    /// Makes a file in this directory, protected as it says; names say what is executable.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Io`]: the system refused, as when the name is taken.
    pub fn create_file(&self, name: &Path, _is_executable: bool) -> Result<File, FileError> {
        let path = file_path(self.path(), name)?;
        let made = OpenOptions::new().write(true).create_new(true).open(&path);
        made.map_err(|source| FileError::Io { path, source })
    }

    /// Renames a directory in this one, which nobody may have open; nothing is replaced.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn rename_inner(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(self.path().join(from), self.path().join(to))
    }

    /// Has two directories in this one swap their names, with a moment in which one name is nobody's.
    ///
    /// # Errors
    ///
    /// The system's error.
    pub fn exchange_inner(&self, one: &Path, other: &Path) -> io::Result<()> {
        let aside = temporary_name(other);
        self.rename_inner(other, &aside)?;
        self.rename_inner(one, other)?;
        self.rename_inner(&aside, one)
    }
}

pub(crate) fn read_some_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    file.seek_read(buffer, offset)
}
