//! Key rings: what seals now, and what opens what was sealed before.

use std::fmt;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tracing::warn;

use crate::auth::seal::file::{RingFile, Version};
use crate::auth::seal::key::{RingKey, seconds_now};
use crate::auth::seal::{Algorithm, KeyInfo, RingError};
use crate::clock;

/// Keys that a group of programs shares: the newest seals, all of them open.
///
/// Clones are the same ring. One with a file follows it: what others add is known within a second to
/// those who seal, and at once to those who are sent something that was sealed with it. The file has to
/// belong to this user or root, and nobody else may have a right on it. Changes replace it as a whole,
/// under the lock `FILE.lock`, so that any number of processes may change it at a time.
#[derive(Clone)]
pub struct KeyRing {
    inner: Arc<Inner>,
}

struct Inner {
    file: Option<RingFile>,
    rotation: Rotation,
    keys: RwLock<Keys>,
    looked: Mutex<Looked>,
}

type Keys = Arc<[Arc<RingKey>]>;

/// When the file was looked at, and which version of it was read.
struct Looked {
    at: Instant,
    version: Version,
}

/// When a key is replaced by itself, and how many are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// How long a key seals, counted from when it became active. The next sealing after that makes a
    /// new one. Default: as long as it is not replaced.
    pub after: Option<Duration>,
    /// How many bodies each sender seals with a key before it makes a new one.
    /// Default: 4,294,967,296.
    pub after_messages: Option<u64>,
    /// Keys that a ring has at most; the oldest go. Whatever was sealed with those that are gone
    /// cannot be opened. Default: 16, at least 2.
    pub keep: usize,
}

impl Default for Rotation {
    fn default() -> Self {
        Self {
            after: None,
            after_messages: Some(1 << 32),
            keep: 16,
        }
    }
}

/// What a new key is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotate {
    /// What it is for. Default: as the key before it.
    pub algorithm: Option<Algorithm>,
    /// Time until it seals, so that copies of the ring can be brought to where they are needed.
    /// Default: none.
    pub delay: Duration,
}

impl KeyRing {
    /// Makes a ring with one key, in memory only.
    ///
    /// # Errors
    ///
    /// [`RingError::Random`].
    pub fn generate(algorithm: Algorithm) -> Result<Self, RingError> {
        let key = RingKey::generate(algorithm, Duration::ZERO)?;
        Ok(Self::of(None, Rotation::default(), vec![Arc::new(key)]))
    }

    /// Makes a file with one key.
    ///
    /// # Errors
    ///
    /// [`RingError::Exists`] if there is a file already, and any other but
    /// [`Malformed`](RingError::Malformed).
    pub fn create(path: impl AsRef<Path>, algorithm: Algorithm) -> Result<Self, RingError> {
        let file = RingFile::new(path.as_ref());
        let key = RingKey::generate(algorithm, Duration::ZERO)?;
        {
            let locked = file.lock()?;
            if locked.exists() {
                let path = file.path().into();
                return Err(RingError::Exists { path });
            }
            locked.write([&key].into_iter())?;
        }
        let keys = vec![Arc::new(key)];
        Ok(Self::of(Some(file), Rotation::default(), keys))
    }

    /// Reads a file; keys are replaced when somebody says so, or after very many bodies.
    ///
    /// # Errors
    ///
    /// [`RingError::Missing`], [`RingError::Malformed`], [`RingError::Directory`], and
    /// [`RingError::File`] if others may read it.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RingError> {
        Self::open_with(path, Rotation::default())
    }

    /// Reads a file whose keys are replaced by themselves.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, rotation: Rotation) -> Result<Self, RingError> {
        let file = RingFile::new(path.as_ref());
        let keys = file.read()?.into_iter().map(Arc::new).collect();
        Ok(Self::of(Some(file), rotation, keys))
    }

    /// The same ring with other rules for replacing keys; what was cloned from it before keeps its own.
    #[must_use]
    pub fn with_rotation(self, rotation: Rotation) -> Self {
        let keys = self.keys().to_vec();
        Self::of(self.inner.file.clone(), rotation, keys)
    }

    /// Reads the file again if it has changed; says whether that brought other keys.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); the ring keeps the keys that it had.
    pub fn reload(&self) -> Result<bool, RingError> {
        let Some(file) = &self.inner.file else {
            return Ok(false);
        };
        let mut looked = self.looked();
        // First which version, then what it says: what changes meanwhile is read next time.
        let version = file.version();
        looked.at = clock::now();
        if version.is_some() && version == looked.version {
            return Ok(false);
        }
        let keys = file.read()?.into_iter().map(Arc::new).collect();
        looked.version = version;
        Ok(self.replace(keys))
    }

    /// Adds a key, which seals from now on or from when it says; the former ones still open.
    ///
    /// It reads and writes the file, and waits at most 10 s for others who do.
    ///
    /// # Errors
    ///
    /// Any [`RingError`] but [`Exists`](RingError::Exists).
    pub fn rotate(&self, rotate: &Rotate) -> Result<KeyInfo, RingError> {
        let key = self.change(|_| true, rotate)?;
        Ok(key.info(self.is_current(&key)))
    }

    /// All keys, the oldest first.
    pub fn list(&self) -> Vec<KeyInfo> {
        let info = |key: &Arc<RingKey>| key.info(self.is_current(key));
        self.keys().iter().map(info).collect()
    }

    pub(super) fn rotation(&self) -> &Rotation {
        &self.inner.rotation
    }

    /// The key that seals now.
    pub(super) fn current(&self) -> Option<Arc<RingKey>> {
        let now = seconds_now();
        let keys = self.keys();
        let active = keys.iter().rev().find(|key| key.active_from <= now);
        active.map(Arc::clone)
    }

    /// The key of this name; the file is looked at again if it is not known.
    pub(super) fn key(&self, id: &str) -> Option<Arc<RingKey>> {
        self.known(id).or_else(|| {
            self.reload_quietly();
            self.known(id)
        })
    }

    /// Looks at the file if that was not done for a second.
    pub(super) fn follow(&self) {
        if self.inner.file.is_none() {
            return;
        }
        // Who looks, or changes it, does so for all.
        let Ok(looked) = self.inner.looked.try_lock() else {
            return;
        };
        let is_due = clock::after(looked.at, LOOK_EVERY) <= clock::now();
        drop(looked);
        if is_due {
            self.reload_quietly();
        }
    }

    /// Replaces the key that seals, unless somebody else just has.
    pub(super) fn replace_key(&self, id: &str) -> Result<(), RingError> {
        let is_current = |current: Option<&RingKey>| current.is_none_or(|key| key.id == id);
        self.change(is_current, &Rotate::default()).map(drop)
    }

    /// Adds a key if the one that seals is the one to be replaced; gives the one that seals then, or
    /// the one that was added.
    fn change(
        &self,
        is_wanted: impl FnOnce(Option<&RingKey>) -> bool,
        rotate: &Rotate,
    ) -> Result<Arc<RingKey>, RingError> {
        let file = self.inner.file.as_ref();
        let mut looked = self.looked();
        let locked = file.map(RingFile::lock).transpose()?;
        if let Some(file) = file {
            self.replace(file.read()?.into_iter().map(Arc::new).collect());
        }
        let current = self.current();
        if let Some(current) = current.clone().filter(|key| !is_wanted(Some(key))) {
            return Ok(current);
        }
        let algorithm = rotate
            .algorithm
            .or_else(|| current.map(|key| key.algorithm));
        let key = RingKey::generate(algorithm.unwrap_or_default(), rotate.delay)?;
        let key = Arc::new(key);
        let mut keys = self.keys().to_vec();
        keys.push(Arc::clone(&key));
        let surplus = keys.len().saturating_sub(self.inner.rotation.keep.max(2));
        keys.drain(..surplus);
        if let Some(locked) = &locked {
            locked.write(keys.iter().map(|key| &**key))?;
        }
        looked.version = file.and_then(RingFile::version);
        self.replace(keys);
        Ok(key)
    }

    fn of(file: Option<RingFile>, rotation: Rotation, keys: Vec<Arc<RingKey>>) -> Self {
        let looked = Looked {
            at: clock::now(),
            // The first look reads it once more: it may have changed since.
            version: None,
        };
        let inner = Inner {
            file,
            rotation,
            keys: RwLock::new(keys.into()),
            looked: Mutex::new(looked),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    fn reload_quietly(&self) {
        if let Err(error) = self.reload() {
            warn!(%error, "the key ring is not read again");
        }
    }

    /// Takes other keys; says whether they are others.
    fn replace(&self, keys: Vec<Arc<RingKey>>) -> bool {
        let mut held = self
            .inner
            .keys
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let ids = |keys: &[Arc<RingKey>]| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
        let is_other = ids(&held) != ids(&keys);
        *held = keys.into();
        is_other
    }

    fn known(&self, id: &str) -> Option<Arc<RingKey>> {
        self.keys().iter().find(|key| key.id == id).map(Arc::clone)
    }

    fn is_current(&self, key: &RingKey) -> bool {
        self.current().is_some_and(|current| current.id == key.id)
    }

    fn keys(&self) -> Keys {
        let keys = self.inner.keys.read();
        Arc::clone(&keys.unwrap_or_else(PoisonError::into_inner))
    }

    fn looked(&self) -> std::sync::MutexGuard<'_, Looked> {
        let looked = self.inner.looked.lock();
        looked.unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing")
            .field("file", &self.inner.file.as_ref().map(RingFile::path))
            .field("keys", &self.keys().len())
            .finish_non_exhaustive()
    }
}

/// How long a sender may not know of a key that others added.
const LOOK_EVERY: Duration = Duration::from_secs(1);
