//! Small files in checked directories. A directory that is held open stays where it is, so that paths
//! lead into it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::windows::fs::OpenOptionsExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use windows_sys::Win32::Storage::FileSystem::{
    FILE_FLAG_BACKUP_SEMANTICS, FILE_FLAG_OPEN_REPARSE_POINT,
};

use crate::file::{file_path, temporary_name};
use crate::windows::directory::may_write;
use crate::windows::executable::identity;
use crate::windows::security::SecurityInfo;
use crate::{Directory, FileError, FileId, User, is_trusted, own_credentials};

impl Directory {
    /// Puts a file in the place of `name`, all at once: who reads sees what was there before or all
    /// of `bytes`. It is protected as its directory says, and not forced to the disk.
    ///
    /// A process that is killed meanwhile may leave a file `.NAME.PID-NUMBER.tmp` behind.
    ///
    /// # Errors
    ///
    /// - [`FileError::Name`]: the name has other parts than one.
    /// - [`FileError::Io`]: the system refused, as on a full disk, or because somebody has had the file
    ///   open for a second; what was there before still is.
    pub fn write_file(&self, name: &Path, bytes: &[u8]) -> Result<FileId, FileError> {
        let path = file_path(self.path(), name)?;
        let temporary = self.path().join(temporary_name(name));
        let written = write_new(&temporary, bytes).and_then(|id| {
            replace(&temporary, &path)?;
            Ok(id)
        });
        written.map_err(|source| {
            fs::remove_file(&temporary).ok();
            FileError::Io { path, source }
        })
    }

    /// Reads the file `name`, which has to belong to this user, the system or administrators; `None`
    /// if there is none. Symbolic links are not followed.
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

    /// The same for a file that holds secrets, and that nobody else has a right on but the system and
    /// administrators.
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
        check: impl FnOnce(&Path, &SecurityInfo) -> Result<(), FileError>,
    ) -> Result<Option<Vec<u8>>, FileError> {
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
        check(&path, &info)?;
        let limit = u64::try_from(max_bytes).unwrap_or(u64::MAX);
        // With room for all of it, no copies of a secret stay behind where a vector was before.
        let length = file.metadata().map_err(io)?.len();
        let length = usize::try_from(length).unwrap_or_default();
        let mut bytes = Vec::with_capacity(length.min(max_bytes).saturating_add(1));
        let mut reader = file.take(limit.saturating_add(1));
        reader.read_to_end(&mut bytes).map_err(io)?;
        if bytes.len() > max_bytes {
            return Err(FileError::TooLong { path, max_bytes });
        }
        Ok(Some(bytes))
    }

    /// Opens the file `name` to write at its end, and makes it if it is missing, protected as its
    /// directory says. Symbolic links are not followed.
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
        let file = OpenOptions::new()
            .append(true)
            .read(true)
            .create(true)
            .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT)
            .open(&path)
            .map_err(|source| FileError::Io {
                path: path.clone(),
                source,
            })?;
        let info = checked(&path, &file)?;
        check_private(&path, &info)?;
        Ok(file)
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
        let found = match open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            result => result.and_then(|file| identity(&file)),
        };
        let removed = found.and_then(|found| {
            let is_own = FileId(found) == id;
            if is_own {
                fs::remove_file(&path)?;
            }
            Ok(is_own)
        });
        removed.map_err(|source| FileError::Io { path, source })
    }
}

/// Looks whether what was opened is a file of this user's, the system's or administrators'.
pub(super) fn checked(path: &Path, file: &File) -> Result<SecurityInfo, FileError> {
    let io = |source| FileError::Io {
        path: path.into(),
        source,
    };
    if !file.metadata().map_err(io)?.is_file() {
        return Err(FileError::NotAFile { path: path.into() });
    }
    let info = SecurityInfo::of_file(file).map_err(io)?;
    let owner = info.owner().map_err(io)?;
    if !is_trusted(User::Windows { sid: owner }) {
        let user = own_credentials().sid();
        return Err(FileError::Owner {
            path: path.into(),
            owner: owner.to_string(),
            user: user.map(|user| user.to_string()).unwrap_or_default(),
        });
    }
    Ok(info)
}

fn check_private(path: &Path, info: &SecurityInfo) -> Result<(), FileError> {
    let list = info.access().map_err(|source| FileError::Io {
        path: path.into(),
        source,
    })?;
    let shared = |access| {
        let path = path.into();
        Err(FileError::Shared { path, access })
    };
    let Some(list) = list else {
        return shared("everybody".to_owned());
    };
    let stranger = list.iter().find(|access| !may_write(access.who));
    stranger.map_or(Ok(()), |access| shared(access.who.to_string()))
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<FileId> {
    let mut file = File::create_new(path)?;
    file.write_all(bytes)?;
    identity(&file).map(FileId)
}

/// Some file systems do not let a file be replaced while somebody reads it, which nothing tells the
/// end of.
fn replace(from: &Path, to: &Path) -> io::Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match fs::rename(from, to) {
            Err(error)
                if error.kind() == io::ErrorKind::PermissionDenied && Instant::now() < deadline =>
            {
                thread::sleep(Duration::from_millis(1));
            }
            result => return result,
        }
    }
}

pub(super) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .read(true)
        .custom_flags(FILE_FLAG_OPEN_REPARSE_POINT | FILE_FLAG_BACKUP_SEMANTICS)
        .open(path)
}

const PATIENCE: Duration = Duration::from_secs(1);
