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
    /// Places where clients were told that messages were dropped.
    pub gaps: u64,
    /// What clients wanted to do and may not.
    pub denied: u64,
    /// What was refused because it was more than [`Rates`](crate::bus::Rates) or quotas allow.
    pub rate_limited: u64,
    /// Publications that were refused because they did not fit a schema.
    pub invalid: u64,
    /// Messages and acknowledgements that wait in all queues.
    pub queued: usize,
    /// Messages that could not be delivered and are kept now.
    pub dead_letters: usize,
    /// What they hold, in bytes.
    pub dead_letter_bytes: usize,
    /// Those that had to make room for newer ones.
    pub dead_letters_forgotten: u64,
    /// Bytes that wait in all queues.
    pub queued_bytes: usize,
    /// Bytes that may wait in all queues.
    pub memory_limit: usize,
    /// Clients that watch what others send.
    pub taps: usize,
    /// Messages that were dropped for them alone.
    pub tap_dropped: u64,
}

impl Core {
    pub(super) fn stats(&self) -> BrokerStats {
        let members = self.members();
        let sums = self.sums();
        let (dead_letters, dead_letter_bytes) = self.dead_letters.size();
        BrokerStats {
            clients: members.len().saturating_sub(1),
            masks: self.masks().trie.len(),
            frames_received: sums.frames_received,
            bytes_received: sums.bytes_received,
            frames_sent: sums.frames_sent,
            bytes_sent: sums.bytes_sent,
            dropped: sums.dropped,
            gaps: sums.gaps,
            denied: self.denied(),
            rate_limited: self.rules.limited(),
            invalid: self.rules.invalid(),
            queued: members.iter().map(|member| member.waiting().0).sum(),
            dead_letters,
            dead_letter_bytes,
            dead_letters_forgotten: self.dead_letters.forgotten(),
            queued_bytes: self.memory.used(),
            memory_limit: self.config.memory_limit,
            taps: self.taps.len(),
            tap_dropped: self.taps.dropped(),
        }
    }
}
