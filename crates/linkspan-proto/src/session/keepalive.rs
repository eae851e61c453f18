//! Heartbeats: asked only in silence, and fair to clocks that jump (docs/protocol.md, section 8.2).

use std::time::{Duration, Instant};

use crate::error::SessionError;

#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    misses: u32,
    /// When the peer last said anything.
    heard: Instant,
    /// When it was last asked, or heard if later.
    since: Instant,
    asked: u32,
}

impl Keepalive {
    pub(crate) fn new(now: Instant, interval: Duration, misses: u32) -> Self {
        Self {
            interval,
            misses,
            heard: now,
            since: now,
            asked: 0,
        }
    }

    /// Any byte of the peer's counts.
    pub(crate) fn on_heard(&mut self, now: Instant) {
        self.heard = now;
        self.since = now;
        self.asked = 0;
    }

    /// When to look again; never, with an interval too long to count.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.since.checked_add(self.interval)
    }

    /// Whether to ask for a sign of life now.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Result<bool, SessionError> {
        let Some(due) = self.due().filter(|due| *due <= now) else {
            return Ok(false);
        };
        // A timer that is late by a whole interval means that this process slept (a suspended
        // machine, a stopped container), not that the peer was silent: the count starts afresh.
        let overslept = now.saturating_duration_since(due) >= self.interval;
        if overslept {
            self.asked = 0;
        }
        if self.asked >= self.misses {
            let silence = now.saturating_duration_since(self.heard);
            return Err(SessionError::Silent {
                silence,
                asked: self.asked,
            });
        }
        self.asked = self.asked.saturating_add(1);
        self.since = now;
        Ok(true)
    }
}
