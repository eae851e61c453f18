//! Opening.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::auth::seal::cipher::Cipher;
use crate::auth::seal::envelope::{Envelope, Header, Salt};
use crate::auth::seal::window::Window;
use crate::auth::seal::{Binding, KeyRing, OpenError};

/// Takes bodies out of their envelopes, each only once.
pub struct Opener {
    ring: KeyRing,
    limits: ReplayLimits,
    senders: Mutex<Senders>,
}

/// What an [`Opener`] remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayLimits {
    /// Bodies of each start of a sender, counted back from the newest; older ones count as seen.
    /// Default: 16,384, which take 2 KiB. It bounds by how much one body may overtake another.
    pub window: usize,
    /// Starts of senders, each with each key; those not heard for longest are forgotten.
    /// Default: 1,024.
    pub senders: usize,
}

impl Default for ReplayLimits {
    fn default() -> Self {
        Self {
            window: 16 * 1024,
            senders: 1024,
        }
    }
}

/// Starts of senders that were heard.
#[derive(Default)]
struct Senders {
    known: HashMap<Salt, Sender>,
    /// Rises with each body.
    now: u64,
}

struct Sender {
    key_id: String,
    cipher: Arc<Cipher>,
    /// None as long as nothing came that is opened only once.
    window: Option<Window>,
    heard: u64,
}

impl Opener {
    /// Makes one for a ring.
    pub fn new(ring: KeyRing, limits: ReplayLimits) -> Self {
        Self {
            ring,
            limits,
            senders: Mutex::default(),
        }
    }

    /// Opens a body that was not opened here before.
    ///
    /// # Errors
    ///
    /// Any [`OpenError`] but [`NotSealed`](OpenError::NotSealed) and [`CutOff`](OpenError::CutOff).
    pub fn open(&self, binding: &Binding<'_>, envelope: &[u8]) -> Result<Bytes, OpenError> {
        let envelope = Envelope::decode(envelope)?;
        let body = self.decrypt(binding, &envelope)?;
        let counter = envelope.header.counter;
        let is_new = self.senders().note(&envelope.header, self.limits.window);
        is_new
            .then_some(body)
            .ok_or(OpenError::Replayed { counter })
    }

    /// Opens a body that is bound to something which the receiver takes only once anyway: an answer, or
    /// an item at its place of a stream.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), but for [`OpenError::Replayed`].
    pub fn open_bound(&self, binding: &Binding<'_>, envelope: &[u8]) -> Result<Bytes, OpenError> {
        let envelope = Envelope::decode(envelope)?;
        self.decrypt(binding, &envelope)
    }

    fn decrypt(&self, binding: &Binding<'_>, envelope: &Envelope<'_>) -> Result<Bytes, OpenError> {
        let header = &envelope.header;
        let unknown = || OpenError::UnknownKey {
            id: header.key_id.to_owned(),
        };
        let key = self.ring.key(header.key_id).ok_or_else(unknown)?;
        // The key says which algorithm it is for, never who sends.
        if key.algorithm != header.algorithm {
            return Err(OpenError::Tampered);
        }
        let known = self.senders().cipher(header);
        if let Some(known) = known {
            return known.open(envelope, binding);
        }
        let cipher = Arc::new(key.derive(header.salt).ok_or(OpenError::Tampered)?);
        let body = cipher.open(envelope, binding)?;
        // Only somebody with the key can have made it, so that nobody else makes others forgotten.
        self.senders()
            .add(header, cipher, self.limits.senders.max(1));
        Ok(body)
    }

    fn senders(&self) -> MutexGuard<'_, Senders> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Senders {
    fn cipher(&mut self, header: &Header<'_>) -> Option<Arc<Cipher>> {
        self.now += 1;
        let sender = self.known.get_mut(header.salt);
        let sender = sender.filter(|sender| sender.key_id == header.key_id)?;
        sender.heard = self.now;
        Some(Arc::clone(&sender.cipher))
    }

    /// Remembers a sender, unless somebody else just has.
    fn add(&mut self, header: &Header<'_>, cipher: Arc<Cipher>, most: usize) {
        let present = self.known.get(header.salt);
        if present.is_some_and(|sender| sender.key_id == header.key_id) {
            return;
        }
        if self.known.len() >= most {
            let oldest = self.known.iter().min_by_key(|(_, sender)| sender.heard);
            if let Some(oldest) = oldest.map(|(salt, _)| *salt) {
                self.known.remove(&oldest);
            }
        }
        let sender = Sender {
            key_id: header.key_id.to_owned(),
            cipher,
            window: None,
            heard: self.now,
        };
        self.known.insert(*header.salt, sender);
    }

    /// Takes note of a body that was opened; says whether it is the first time.
    fn note(&mut self, header: &Header<'_>, window: usize) -> bool {
        let sender = self.known.get_mut(header.salt);
        sender.is_some_and(|sender| {
            let window = sender.window.get_or_insert_with(|| Window::new(window));
            window.note(header.counter)
        })
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("ring", &self.ring)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}
