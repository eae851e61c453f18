//! What a client or server seals and opens with.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use proto::message::Text;

use crate::auth::seal::envelope::{SALT_BYTES, Salt};
use crate::auth::seal::key::hex;
use crate::auth::seal::{KeyRing, Opener, ReplayLimits, Sealer};

/// A key ring, and the name under which this program seals.
///
/// Clones are the same sender. What each client and server opens is remembered by itself, so the same
/// message can come to two subscriptions.
#[derive(Clone)]
pub struct Sealing {
    ring: KeyRing,
    limits: ReplayLimits,
    sender: Arc<Sender>,
}

struct Sender {
    name: Text,
    sealer: Sealer,
    /// Begins the numbers of calls, so that those of two senders differ.
    prefix: Salt,
    next_call: AtomicU64,
}

impl Sealing {
    /// Seals under a name with the keys of a ring.
    ///
    /// Receivers are told the name, and that it was somebody who has the ring.
    pub fn new(ring: KeyRing, name: impl Into<Text>) -> Self {
        let sender = Sender {
            name: name.into(),
            sealer: Sealer::new(ring.clone()),
            // Numbers need not be secret; without randomness sealing itself fails.
            prefix: os::random_bytes().unwrap_or([0; SALT_BYTES]),
            next_call: AtomicU64::new(0),
        };
        Self {
            ring,
            limits: ReplayLimits::default(),
            sender: Arc::new(sender),
        }
    }

    /// The same, and what opens with it remembers so much.
    #[must_use]
    pub fn with_replay_limits(mut self, limits: ReplayLimits) -> Self {
        self.limits = limits;
        self
    }

    /// The name under which it seals.
    pub fn name(&self) -> &str {
        &self.sender.name
    }

    /// The keys.
    pub fn ring(&self) -> &KeyRing {
        &self.ring
    }

    pub(crate) fn sealer(&self) -> &Sealer {
        &self.sender.sealer
    }

    /// What opens, and has opened nothing yet.
    pub(crate) fn opener(&self) -> Opener {
        Opener::new(self.ring.clone(), self.limits)
    }

    /// A name for a call that no other call has.
    pub(crate) fn next_correlation(&self) -> String {
        let number = self.sender.next_call.fetch_add(1, Ordering::Relaxed);
        let prefix = self.sender.prefix.first_chunk::<8>();
        hex(&[prefix.copied().unwrap_or_default(), number.to_be_bytes()].concat())
    }
}

impl fmt::Debug for Sealing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealing")
            .field("name", &self.sender.name)
            .field("ring", &self.ring)
            .finish_non_exhaustive()
    }
}
