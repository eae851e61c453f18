//! What a broker has done.

use crate::bus::broker::Core;

/// What a broker has done, and what waits in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BrokerStats {
    /// Clients that are connected, secondaries included and the broker's own not.
    pub clients: usize,
    /// Masks of all of them.
    pub masks: usize,
    /// Operations that were received, and bytes of their bodies; pings do not count.
    pub frames_received: u64,
    /// Bytes of their bodies.
    pub bytes_received: u64,
    /// Messages and acknowledgements that were sent.
    pub frames_sent: u64,
    /// Bytes of their bodies.
    pub bytes_sent: u64,
    /// Messages that were dropped because somebody had no room for them.
    pub dropped: u64,
    /// Messages that were refused because they came faster than [`Rates`](crate::bus::Rates) allow.
    pub rate_limited: u64,
    /// Publications that were refused because they did not fit a schema.
    pub invalid: u64,
    /// Messages that could not be delivered and are kept now.
    pub dead_letters: usize,
    /// What they hold, in bytes.
    pub dead_letter_bytes: usize,
    /// Those that had to make room for newer ones.
    pub dead_letters_forgotten: u64,
    /// Bytes that wait in all queues.
    pub queued_bytes: usize,
}

impl Core {
    pub(super) fn stats(&self) -> BrokerStats {
        let members = self.members();
        let (received, sent) = self.traffic();
        let (dead_letters, dead_letter_bytes) = self.dead_letters.size();
        BrokerStats {
            clients: members.len().saturating_sub(1),
            masks: self.masks().trie.len(),
            frames_received: received.frames(),
            bytes_received: received.bytes(),
            frames_sent: sent.frames(),
            bytes_sent: sent.bytes(),
            dropped: self.dropped(),
            rate_limited: self.rules.limited(),
            invalid: self.rules.invalid(),
            dead_letters,
            dead_letter_bytes,
            dead_letters_forgotten: self.dead_letters.forgotten(),
            queued_bytes: self.memory.used(),
        }
    }
}
