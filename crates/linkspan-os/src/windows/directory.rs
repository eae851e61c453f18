//! Directories that nobody else can put files into.
#![expect(unsafe_code, reason = "calls the system")]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::windows::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use thiserror::Error;
use windows_sys::Win32::Storage::FileSystem::{
    CreateDirectoryW, FILE_ATTRIBUTE_REPARSE_POINT, FILE_FLAG_BACKUP_SEMANTICS,
    FILE_FLAG_OPEN_REPARSE_POINT, FILE_LIST_DIRECTORY, FILE_READ_ATTRIBUTES, FILE_SHARE_READ,
    FILE_SHARE_WRITE, READ_CONTROL,
};

use crate::windows::access::Access;
use crate::windows::security::{self, SecurityDescriptor, SecurityInfo};
use crate::windows::text::wide;
use crate::windows::token::{check, process_user};
use crate::{FileId, Sid, User, is_trusted};

/// A directory that was checked and is held open, so that what was checked is what is used: it can be
/// neither removed nor renamed meanwhile.
#[derive(Debug)]
pub struct Directory {
    path: PathBuf,
    handle: File,
}

impl Directory {
    /// Opens a directory, and makes it and its parents if they are missing, for this user, the
    /// system and administrators. There are no modes on Windows; `_mode` is for callers that have
    /// one.
    ///
    /// It is accepted if it belongs to these and nobody else can write to it.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: it belongs to another user.
    /// - [`DirectoryError::Writable`]: others may write to it.
    /// - [`DirectoryError::Io`]: it cannot be made, opened or looked at.
    pub fn open(path: &Path, _mode: u32) -> Result<Self, DirectoryError> {
        let path = if path.as_os_str().is_empty() {
            Path::new(".")
        } else {
            path
        };
        Self::open_as(path, FILE_FLAG_BACKUP_SEMANTICS, check_protection)
    }

    /// Opens a directory that is only this user's, and makes it and its parents so if they are
    /// missing.
    ///
    /// It is accepted if it belongs to this user, the system or administrators, if nobody else has
    /// any right on it, and if it stands there itself instead of a symbolic link or a junction.
    ///
    /// # Errors
    ///
    /// - [`DirectoryError::Owner`]: it belongs to another user.
    /// - [`DirectoryError::Shared`]: others may look into it or write to it.
    /// - [`DirectoryError::Link`]: it is a symbolic link or a junction.
    /// - [`DirectoryError::Io`]: it cannot be made, opened or looked at.
    pub fn open_private(path: &Path) -> Result<Self, DirectoryError> {
        let flags = FILE_FLAG_BACKUP_SEMANTICS | FILE_FLAG_OPEN_REPARSE_POINT;
        Self::open_as(path, flags, check_private)
    }

    fn open_as(
        path: &Path,
        flags: u32,
        check: impl FnOnce(&Path, &File) -> Result<(), DirectoryError>,
    ) -> Result<Self, DirectoryError> {
        let io = |action| {
            move |source| DirectoryError::Io {
                action,
                path: path.into(),
                source,
            }
        };
        if !path.try_exists().map_err(io("look at"))? {
            make(path).map_err(io("make"))?;
        }
        Self::open_existing(path, flags, check)
    }

    pub(super) fn open_existing(
        path: &Path,
        flags: u32,
        check: impl FnOnce(&Path, &File) -> Result<(), DirectoryError>,
    ) -> Result<Self, DirectoryError> {
        let io = |action| {
            move |source| DirectoryError::Io {
                action,
                path: path.into(),
                source,
            }
        };
        let handle = OpenOptions::new()
            .access_mode(ACCESS)
            .share_mode(FILE_SHARE_READ | FILE_SHARE_WRITE)
            .custom_flags(flags)
            .open(path)
            .map_err(io("open"))?;
        let metadata = handle.metadata().map_err(io("look at"))?;
        if metadata.file_attributes() & FILE_ATTRIBUTE_REPARSE_POINT != 0 {
            return Err(DirectoryError::Link { path: path.into() });
        }
        if !metadata.is_dir() {
            return Err(io("open")(io::ErrorKind::NotADirectory.into()));
        }
        check(path, &handle)?;
        Ok(Self {
            path: path.into(),
            handle,
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
        FileId::of(&self.handle)
    }
}

/// Makes a directory and its missing parents, all of them private from birth.
fn make(path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent()
        && !parent.as_os_str().is_empty()
        && !parent.try_exists()?
    {
        make(parent)?;
    }
    let user = process_user()?;
    let security = SecurityDescriptor::parse(&security::owner_only(user, "OICI"), user)?;
    let attributes = security.attributes();
    let text = wide(path);
    // SAFETY: the path ends with a zero, and the attributes lead into `security`; both live on.
    let made = check(unsafe { CreateDirectoryW(text.as_ptr(), &raw const attributes) });
    match made {
        // Somebody was faster; what is there is checked in any case.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}

pub(super) fn check_protection(path: &Path, directory: &File) -> Result<(), DirectoryError> {
    let by = stranger(protection(path, directory)?);
    by.map_or(Ok(()), |by| {
        Err(DirectoryError::Writable {
            path: path.into(),
            by,
        })
    })
}

fn check_private(path: &Path, directory: &File) -> Result<(), DirectoryError> {
    let by = match protection(path, directory)? {
        None => Some(EVERYONE),
        Some(list) => list
            .iter()
            .map(|access| access.who)
            .find(|who| !may_write(*who)),
    };
    by.map_or(Ok(()), |by| {
        Err(DirectoryError::Shared {
            path: path.into(),
            by,
        })
    })
}

/// Who is given rights on a directory whose owner can harm nobody; everybody without a list.
fn protection(path: &Path, directory: &File) -> Result<Option<Vec<Access>>, DirectoryError> {
    let io = |source| DirectoryError::Io {
        action: "look at",
        path: path.into(),
        source,
    };
    let info = SecurityInfo::of_file(directory).map_err(io)?;
    let owner = info.owner().map_err(io)?;
    if !may_write(owner) {
        return Err(DirectoryError::Owner {
            path: path.into(),
            owner,
        });
    }
    info.access().map_err(io)
}

/// The first of those who may write and should not.
pub(super) fn stranger(list: Option<Vec<Access>>) -> Option<Sid> {
    let Some(list) = list else {
        return Some(EVERYONE);
    };
    let mut strangers = list.iter().filter(|access| !may_write(access.who));
    strangers
        .find(|access| access.writes())
        .map(|access| access.who)
}

/// Whether somebody who can change a directory or read a secret can harm nobody with it.
pub(crate) fn may_write(who: Sid) -> bool {
    is_trusted(User::Windows { sid: who }) || [OWNER_RIGHTS, TRUSTED_INSTALLER].contains(&who)
}

/// A directory cannot be used for locks.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// It belongs to somebody else, who could replace what is put into it.
    #[error("directory {path} belongs to {owner}, not to this user, the system or administrators")]
    Owner {
        /// The directory.
        path: PathBuf,
        /// Its owner.
        owner: Sid,
    },
    /// Others may write to it.
    #[error("directory {path} is writable by {by}")]
    Writable {
        /// The directory.
        path: PathBuf,
        /// The first of those who may.
        by: Sid,
    },
    /// Others may at least look into it.
    #[error("directory {path} is open to {by}, not to this user only")]
    Shared {
        /// The directory.
        path: PathBuf,
        /// The first of those who may.
        by: Sid,
    },
    /// It stands elsewhere.
    #[error("directory {path} is a symbolic link or a junction")]
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

/// Sharing is looked at only for whoever may list the directory or more.
const ACCESS: u32 = FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES | READ_CONTROL;
const EVERYONE: Sid = Sid::well_known(1, &[0]);
/// Stands for the owner, who was looked at.
const OWNER_RIGHTS: Sid = Sid::well_known(3, &[4]);
/// To whom the system's own directories belong.
const TRUSTED_INSTALLER: Sid = Sid::well_known(
    5,
    &[
        80,
        956_008_885,
        3_418_522_649,
        1_831_038_044,
        1_853_292_631,
        2_271_478_464,
    ],
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::windows::pipe::Instances;

    /// The stranger among whom a list allows something; a pipe has it, because Wine keeps those of
    /// pipes as they are.
    fn stranger_of(sort: &str, list: &str) -> Option<String> {
        let user = process_user().unwrap();
        let list = list.replace("OWN", &user.to_string());
        let security = SecurityDescriptor::parse(&format!("D:P{list}"), user).unwrap();
        let path = format!(r"\\.\pipe\linkspan-test-{}-{sort}", std::process::id());
        let pipe = Instances::new(path, security).first().unwrap();
        let info = SecurityInfo::of_file(&pipe).unwrap();
        stranger(info.access().unwrap()).map(|who| who.to_string())
    }

    #[tokio::test]
    async fn strangers_are_those_who_may_write() {
        let ours = "(A;;FA;;;SY)(A;;FA;;;BA)(A;;FA;;;OWN)";
        let everyone = Some("S-1-1-0".to_owned());
        let users = Some("S-1-5-32-545".to_owned());
        for (sort, more, expected) in [
            ("nobody", "", None),
            ("reader", "(A;;FR;;;WD)(A;;0x1200a9;;;BU)", None),
            ("denied", "(D;;FA;;;AN)", None),
            ("heir", "(A;OICIIO;FA;;;WD)", None),
            ("writer", "(A;;FR;;;WD)(A;;FW;;;BU)", users),
            ("adds-files", "(A;;0x2;;;WD)", everyone.clone()),
            ("removes", "(A;;0x40;;;WD)", everyone.clone()),
            ("gives-rights", "(A;;WD;;;WD)", everyone.clone()),
            ("takes-it", "(A;;WO;;;WD)", everyone),
        ] {
            let list = format!("{ours}{more}");
            assert_eq!(stranger_of(sort, &list), expected, "{sort}");
        }
        assert_eq!(stranger(None), Some(EVERYONE));
    }
}
