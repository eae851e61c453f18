//! Where the files of one daemon are.
//!
//! ```text
//! RUNTIME/daemons/NAME/
//!     socket            commands come here
//!     spawn.lock        held by the client that starts the daemon
//!     life.lock         held by the daemon that takes commands, until it takes no more or dies
//!     drain.PID.lock    held by one that only finishes what runs
//!     daemon.json       who it is, and how the last one ended
//!     failure.json      why the last start failed
//!     log, log.1, ...   what it said
//!     log.lock          held by whoever turns the log over
//! ```
//!
//! No lock is ever removed while somebody may wait for it, and no file is believed: what counts is
//! which locks are held and who answers at the socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use os::{Directory, FileError, FileId, Lock, LockError, LockState};

use crate::Address;
use crate::address::Platform;
use crate::daemon::lifecycle::{DaemonId, PlaceError};

/// The directory of one daemon, checked and held open.
#[derive(Debug)]
pub(crate) struct Places {
    directory: Directory,
    name: String,
    address: Address,
}

impl Places {
    /// Opens the directory, and makes it if it is missing. `base` stands for the user's runtime
    /// directory, if it is given.
    pub(crate) fn open(id: &DaemonId, base: Option<&Path>) -> Result<Self, PlaceError> {
        let daemons = all(base)?;
        let name = id.name();
        Self::open_in(&daemons, name)
    }

    /// The directories of all daemons of this user, also of those that are gone; those that cannot be
    /// opened as errors. Makes none.
    pub(crate) fn open_all(
        base: Option<&Path>,
    ) -> Result<Vec<Result<Self, PlaceError>>, PlaceError> {
        let daemons = runtime(base)?.join(DAEMONS);
        if !daemons.exists() {
            return Ok(Vec::new());
        }
        let daemons = all(base)?;
        let entries = std::fs::read_dir(&daemons);
        let entries = entries.map_err(|source| PlaceError::unreadable(&daemons, source))?;
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<_> = names.filter(|name| is_name(name)).collect();
        names.sort_unstable();
        let open = |name| Self::open_in(&daemons, name);
        Ok(names.into_iter().map(open).collect())
    }

    fn open_in(daemons: &Path, name: String) -> Result<Self, PlaceError> {
        let directory = Directory::open_private(&daemons.join(&name))?;
        let address = address(&directory)
            .map_err(|source| PlaceError::unreadable(directory.path(), source))?;
        Ok(Self {
            directory,
            name,
            address,
        })
    }

    /// The name of the directory, which is made of the daemon's id.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Where the daemon listens.
    pub(crate) fn address(&self) -> Address {
        self.address.clone()
    }

    /// The directory itself.
    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The user's runtime directory, in which it is.
    pub(crate) fn runtime(&self) -> Option<&Path> {
        self.directory().ancestors().nth(2)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path(LOG)
    }

    pub(crate) fn life_lock(&self) -> PathBuf {
        self.path(LIFE_LOCK)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.path(SOCKET)
    }

    /// The right to start the daemon; waits for it on the calling thread.
    pub(crate) fn lock_spawn(&self, deadline: Instant) -> Result<Lock, LockError> {
        Lock::acquire_before(&self.directory, Path::new(SPAWN_LOCK), deadline)
    }

    /// The right to take commands; waits for it on the calling thread.
    pub(crate) fn lock_life(&self, deadline: Instant) -> Result<Lock, LockError> {
        Lock::acquire_before(&self.directory, Path::new(LIFE_LOCK), deadline)
    }

    /// The right to turn the log over; waits for it on the calling thread.
    pub(crate) fn lock_log(&self) -> Result<Lock, LockError> {
        Lock::acquire_before(
            &self.directory,
            Path::new(LOG_LOCK),
            Instant::now() + TIDYING,
        )
    }

    /// Whether some daemon takes commands.
    pub(crate) fn life(&self) -> Result<LockState, LockError> {
        Lock::state(&self.directory, Path::new(LIFE_LOCK))
    }

    /// The mark of this process that it only finishes its commands.
    pub(crate) fn lock_drain(&self) -> Result<Lock, LockError> {
        // Who tidies up may have it for a moment, if an earlier process had the same number.
        let deadline = Instant::now() + TIDYING;
        Lock::acquire_before(&self.directory, Path::new(&own_drain()), deadline)
    }

    /// Removes that mark, which this process holds.
    pub(crate) fn remove_drain(&self) {
        self.remove(&own_drain());
    }

    /// Daemons that only finish their commands, as files of their locks.
    ///
    /// Locks of those that are gone are removed: nobody waits for them, because their names do not
    /// come again while anybody could.
    pub(crate) fn drainers(&self) -> Vec<PathBuf> {
        let Ok(entries) = std::fs::read_dir(self.directory()) else {
            return Vec::new();
        };
        let names = entries.filter_map(|entry| Some(PathBuf::from(entry.ok()?.file_name())));
        let is_drain = |name: &PathBuf| drainer(name).is_some();
        let is_held = |name: &PathBuf| match Lock::state(&self.directory, name) {
            Ok(LockState::Held { .. }) => true,
            Ok(_) => {
                self.forget(name);
                false
            }
            Err(_) => false,
        };
        names.filter(is_drain).filter(is_held).collect()
    }

    /// Keeps the calling thread until the drainer with this lock is gone.
    pub(crate) fn wait_drainer(&self, name: &Path, deadline: Instant) -> Result<(), LockError> {
        Lock::acquire_before(&self.directory, name, deadline).map(drop)
    }

    pub(crate) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, FileError> {
        self.directory.read_file(Path::new(name), MAX_FILE_BYTES)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> Result<FileId, FileError> {
        self.directory.write_file(Path::new(name), bytes)
    }

    /// Removes a file of this process's own, if it is there.
    pub(crate) fn remove(&self, name: &str) {
        std::fs::remove_file(self.path(name)).ok();
    }

    /// Removes the lock of a drainer that is gone.
    fn forget(&self, name: &Path) {
        // Under the lock, so that it is nobody's.
        if let Ok(lock) = Lock::acquire(&self.directory, name) {
            std::fs::remove_file(self.directory().join(name)).ok();
            drop(lock);
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }
}

fn address(directory: &Directory) -> io::Result<Address> {
    Ok(match Platform::current() {
        // All users share the names of pipes, so the name is as much the daemon's own as its locks.
        Platform::Windows => Address::Pipe(format!("linkspan-daemon-{}", directory.id()?)),
        _ => Address::Unix(directory.path().join(SOCKET)),
    })
}

/// The directory with the directories of all daemons of this user.
fn all(base: Option<&Path>) -> Result<PathBuf, PlaceError> {
    let runtime = runtime(base)?;
    // Each on the way is checked: who may write to one could put another in the place of the next.
    drop(Directory::open(&runtime, PRIVATE)?);
    let daemons = runtime.join(DAEMONS);
    drop(Directory::open_private(&daemons)?);
    Ok(daemons)
}

fn runtime(base: Option<&Path>) -> Result<PathBuf, PlaceError> {
    match base {
        Some(base) => Ok(base.to_owned()),
        None => Ok(os::runtime_directory()?),
    }
}

/// Whether a daemon's directory may have this name.
fn is_name(name: &str) -> bool {
    name.len() == DaemonId::NAME_DIGITS && name.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn own_drain() -> String {
    format!("{DRAIN_PREFIX}{}{DRAIN_SUFFIX}", std::process::id())
}

/// The process that a lock of this name is about.
pub(crate) fn drainer(name: &Path) -> Option<u32> {
    let name = name.to_str()?;
    let pid = name
        .strip_prefix(DRAIN_PREFIX)?
        .strip_suffix(DRAIN_SUFFIX)?;
    pid.parse().ok()
}

const DAEMONS: &str = "daemons";
const SOCKET: &str = "socket";
/// The name of the log.
pub(crate) const LOG: &str = "log";
const LOG_LOCK: &str = "log.lock";
const SPAWN_LOCK: &str = "spawn.lock";
const LIFE_LOCK: &str = "life.lock";
const DRAIN_PREFIX: &str = "drain.";
const DRAIN_SUFFIX: &str = ".lock";
const TIDYING: Duration = Duration::from_secs(1);
const PRIVATE: u32 = 0o700;
const MAX_FILE_BYTES: usize = 65_536;
