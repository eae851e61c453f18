//! Copies of plugins' files, which go when nobody uses them any more.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use os::{Directory, EntryKind, Lock};

use crate::plugin::Verified;
use crate::plugin::host::launch::StartError;

/// Where copies of plugins' files are.
///
/// Each process that has some has a directory of its own there, under a lock. One whose lock nobody
/// holds was left by a process that was killed; the next one removes it. All is readable for others,
/// as root gives each plugin a user of its own, but under names that nobody can guess or list.
#[derive(Debug)]
pub(crate) struct Copies {
    base: PathBuf,
    /// Made with the first copy.
    own: Mutex<Option<Own>>,
    next_number: AtomicU64,
}

/// The directory of this process.
#[derive(Debug)]
struct Own {
    directory: Directory,
    _lock: Lock,
}

/// A copy of a plugin's files. It is removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Copy {
    path: PathBuf,
    /// Keeps the directory that it is in.
    _copies: Arc<Copies>,
}

impl Copies {
    /// Copies in a directory, or where they are by default; what killed processes left there is
    /// removed. Nothing is made yet.
    ///
    /// # Errors
    ///
    /// [`StartError::Place`]: the directory cannot be used.
    pub(crate) fn open(directory: Option<&Path>) -> Result<Arc<Self>, StartError> {
        let base = match directory {
            Some(directory) => directory.to_owned(),
            None => default_directory()?,
        };
        if base.exists() {
            let base = Directory::open(&base, MODE).map_err(StartError::place)?;
            let _lock = lock(&base)?;
            remove_left(&base).map_err(StartError::place)?;
        }
        Ok(Arc::new(Self {
            base,
            own: Mutex::default(),
            next_number: AtomicU64::new(0),
        }))
    }

    /// Where the directories of all processes are.
    pub(super) fn base(&self) -> &Path {
        &self.base
    }

    /// Copies all files of a plugin, its entry only if it is not left out.
    pub(super) fn copy(
        self: &Arc<Self>,
        verified: &Verified,
        leaves_out_entry: bool,
    ) -> Result<Copy, StartError> {
        let number = self.next_number.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", verified.manifest().name);
        let folder = self.make(name.as_ref())?;
        // From here on it is removed whatever happens.
        let copy = Copy {
            path: folder.path().to_owned(),
            _copies: Arc::clone(self),
        };
        let entry = &verified.manifest().entry.file;
        for (path, file) in verified.files() {
            let is_entry = path == entry;
            if is_entry && leaves_out_entry {
                continue;
            }
            let (folders, name) = path.split();
            let inner = enter(&folder, folders)?;
            let parent = inner.as_ref().unwrap_or(&folder);
            let made = parent.create_file(name, file.is_executable);
            let mut into = made.map_err(StartError::place)?;
            match is_entry {
                true => verified.copy_entry(&mut into)?,
                false => verified.copy_file(path, &mut into)?,
            }
        }
        Ok(copy)
    }

    /// Makes a directory in that of this process, which is made, too, if it is the first.
    fn make(&self, name: &Path) -> Result<Directory, StartError> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        let own = match own.as_mut() {
            Some(own) => own,
            None => own.insert(Own::make(&self.base)?),
        };
        own.directory.make_inner(name).map_err(StartError::place)
    }
}

impl Drop for Copies {
    fn drop(&mut self) {
        let own = self.own.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = own {
            // What cannot be removed now is by the next process that starts.
            fs::remove_dir_all(own.directory.path()).ok();
        }
    }
}

impl Own {
    fn make(base: &Path) -> Result<Self, StartError> {
        if let Some(parent) = base.parent() {
            // It holds more than copies, which nobody else has to see.
            Directory::open(parent, PRIVATE).map_err(StartError::place)?;
        }
        let base = Directory::open(base, MODE).map_err(StartError::place)?;
        // Whoever removes what was left must not see it before it is locked.
        let _lock = lock(&base)?;
        let unique = os::random_bytes().map_err(StartError::place)?;
        let name = format!(
            "{PREFIX}{}-{:032x}",
            process::id(),
            u128::from_ne_bytes(unique)
        );
        let made = base.make_inner(name.as_ref());
        let directory = made.map_err(StartError::place)?;
        let lock = Lock::acquire(&directory, LOCK.as_ref()).map_err(StartError::place)?;
        Ok(Self {
            directory,
            _lock: lock,
        })
    }
}

impl Copy {
    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.path).ok();
    }
}

/// Where copies are, unless somebody says so: in the runtime directory, if every user can get into it
/// or plugins are the same user.
fn default_directory() -> Result<PathBuf, StartError> {
    let runtime = os::runtime_directory().map_err(StartError::place)?;
    let is_root = os::own_credentials().uid() == Some(0);
    let is_usable = !is_root || Directory::is_open_to_all(&runtime).unwrap_or_default();
    Ok(match is_usable {
        true => runtime.join("plugins"),
        false => PathBuf::from(ROOT_DIRECTORY),
    })
}

/// The lock under which directories come and go.
fn lock(base: &Directory) -> Result<Lock, StartError> {
    let deadline = Instant::now() + PATIENCE;
    Lock::acquire_before(base, LOCK.as_ref(), deadline).map_err(StartError::place)
}

/// Removes directories of processes that are gone.
fn remove_left(base: &Directory) -> io::Result<()> {
    let entries = base.entries(MAX_ENTRIES)?.into_iter();
    let directories = entries.filter(|entry| {
        let is_own = entry.name.as_encoded_bytes().starts_with(PREFIX.as_bytes());
        is_own && entry.kind == EntryKind::Directory
    });
    for entry in directories {
        // What belongs to somebody else, or is in use, stays.
        let Ok(directory) = base.open_inner(entry.name.as_ref()) else {
            continue;
        };
        let lock = Lock::acquire(&directory, LOCK.as_ref());
        if lock.is_ok() {
            fs::remove_dir_all(directory.path())?;
        }
    }
    Ok(())
}

/// The last of some folders in each other, which are made if they are missing; none if there are none.
fn enter<'a>(
    root: &Directory,
    folders: impl Iterator<Item = &'a Path>,
) -> Result<Option<Directory>, StartError> {
    let mut inner: Option<Directory> = None;
    for folder in folders {
        let parent = inner.as_ref().unwrap_or(root);
        let entered = match parent.path().join(folder).exists() {
            true => parent.open_inner(folder),
            false => parent.make_inner(folder),
        };
        inner = Some(entered.map_err(StartError::place)?);
    }
    Ok(inner)
}

/// Others get through it, but cannot list it.
const MODE: u32 = 0o711;
const PRIVATE: u32 = 0o700;
const PREFIX: &str = "host-";
const LOCK: &str = "lock";
/// More directories than that are looked at by the next one.
const MAX_ENTRIES: usize = 4096;
/// Time for another process to remove what was left.
const PATIENCE: Duration = Duration::from_secs(10);
/// Of root, whose runtime directory other users cannot get into.
const ROOT_DIRECTORY: &str = "/run/linkspan-plugins";
