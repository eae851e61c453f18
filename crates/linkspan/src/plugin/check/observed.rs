//! What a plugin did whatever was being tried out.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use proto::frame::MAGIC;

use crate::plugin::check::ledger::Rule;

/// Rules that frames of a plugin broke in any of its sessions, the first of each.
#[derive(Debug, Default)]
pub(super) struct Observed {
    broken: Mutex<Vec<(Rule, String)>>,
    has_frames_on_stdout: AtomicBool,
}

impl Observed {
    /// Notes that a rule was broken.
    pub(super) fn note(&self, rule: Rule, text: String) {
        let mut broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        if broken.iter().all(|(noted, _)| *noted != rule) {
            broken.push((rule, text));
        }
    }

    /// Looks for the beginning of a frame in what a process wrote to standard output.
    pub(super) fn look_at_stdout(&self, written: &[u8]) {
        if written.windows(MAGIC.len()).any(|window| window == MAGIC) {
            self.has_frames_on_stdout.store(true, Ordering::Relaxed);
        }
    }

    pub(super) fn has_frames_on_stdout(&self) -> bool {
        self.has_frames_on_stdout.load(Ordering::Relaxed)
    }

    /// How a rule was broken, if it was.
    pub(super) fn broken(&self, rule: Rule) -> Option<String> {
        let broken = self.broken.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_rule = broken.iter().filter(|(noted, _)| *noted == rule);
        of_rule.next().map(|(_, text)| text.clone())
    }
}
