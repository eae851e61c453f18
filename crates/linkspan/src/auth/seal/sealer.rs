//! Sealing.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tracing::{info, warn};

use crate::auth::seal::cipher::Cipher;
use crate::auth::seal::envelope::{Header, Salt};
use crate::auth::seal::key::RingKey;
use crate::auth::seal::{Binding, KeyRing, SealError};
use crate::clock;

/// Puts bodies into envelopes, with the newest key of a ring.
///
/// Each sealer draws a salt of its own for each key, and counts from 0, so nothing has to be remembered
/// when its process ends.
pub struct Sealer {
    ring: KeyRing,
    /// What it seals with now; nothing before the first body.
    sending: RwLock<Option<Arc<Sending>>>,
    /// Held by who replaces the key; says when that may be tried again after it failed.
    replacing: Mutex<Option<Instant>>,
}

/// One key with one salt.
struct Sending {
    key: Arc<RingKey>,
    cipher: Cipher,
    salt: Salt,
    next: AtomicU64,
}

impl Sealer {
    /// Makes one for a ring.
    pub fn new(ring: KeyRing) -> Self {
        Self {
            ring,
            sending: RwLock::default(),
            replacing: Mutex::default(),
        }
    }

    /// Seals a body: the envelope is at most 138 bytes longer.
    ///
    /// A key whose time is up is replaced first, which reads and writes the ring's file. If that fails,
    /// it goes on with the key that there is, and tries again ten seconds later.
    ///
    /// # Errors
    ///
    /// Any [`SealError`].
    pub fn seal(&self, binding: &Binding<'_>, body: &[u8]) -> Result<Bytes, SealError> {
        self.seal_parts(binding, [&[], body])
    }

    /// Seals two parts as one body.
    pub(crate) fn seal_parts(
        &self,
        binding: &Binding<'_>,
        parts: [&[u8]; 2],
    ) -> Result<Bytes, SealError> {
        let sending = self.sending()?;
        let header = Header {
            algorithm: sending.cipher.algorithm(),
            key_id: &sending.key.id,
            salt: &sending.salt,
            counter: sending.next.fetch_add(1, Ordering::Relaxed),
        };
        sending.cipher.seal(&header, binding, parts)
    }

    /// What to seal with now.
    fn sending(&self) -> Result<Arc<Sending>, SealError> {
        self.ring.follow();
        let current = self.ring.current().ok_or(SealError::NoKey)?;
        let present = self.present().filter(|it| it.key.id == current.id);
        if self.is_due(&current, present.as_deref()) {
            self.replace_key(&current.id);
            let current = self.ring.current().ok_or(SealError::NoKey)?;
            return self.begin(&current);
        }
        present.map_or_else(|| self.begin(&current), Ok)
    }

    /// Whether a key has sealed for long enough.
    fn is_due(&self, key: &RingKey, sending: Option<&Sending>) -> bool {
        let rotation = self.ring.rotation();
        let sealed = sending.map_or(0, |it| it.next.load(Ordering::Relaxed));
        rotation.after.is_some_and(|limit| key.age() >= limit)
            || rotation
                .after_messages
                .is_some_and(|limit| sealed >= limit.max(1))
    }

    /// Has the ring make a new key; others seal with the former one meanwhile.
    fn replace_key(&self, id: &str) {
        let Ok(mut again) = self.replacing.try_lock() else {
            return;
        };
        let now = clock::now();
        if again.is_some_and(|again| now < again) {
            return;
        }
        *again = None;
        match self.ring.replace_key(id) {
            Ok(()) => info!(former = id, "sealing with a new key"),
            Err(error) => {
                warn!(%error, key = id, "the key cannot be replaced, and seals on");
                *again = Some(clock::after(now, AGAIN_AFTER));
            }
        }
    }

    /// Begins with a key, unless somebody else just has.
    fn begin(&self, key: &Arc<RingKey>) -> Result<Arc<Sending>, SealError> {
        let mut sending = self.sending.write().unwrap_or_else(PoisonError::into_inner);
        let present = sending.as_ref().filter(|it| it.key.id == key.id);
        if let Some(present) = present {
            return Ok(Arc::clone(present));
        }
        let salt = os::random_bytes().map_err(SealError::Random)?;
        let begun = Arc::new(Sending {
            cipher: key.derive(&salt).ok_or(SealError::NoKey)?,
            key: Arc::clone(key),
            salt,
            next: AtomicU64::new(0),
        });
        *sending = Some(Arc::clone(&begun));
        Ok(begun)
    }

    fn present(&self) -> Option<Arc<Sending>> {
        let sending = self.sending.read();
        sending.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer")
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}

const AGAIN_AFTER: Duration = Duration::from_secs(10);
