//! Who of a crew does what, and what waits.

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Waker};

use crate::plugin::guest::crew::task::Task;

/// Who of a crew does what, and what waits.
pub(super) struct Shift {
    queue: VecDeque<Arc<Task>>,
    /// Most threads that poll at once.
    limit: usize,
    /// Threads that poll now, the leader included.
    pub(super) polling: usize,
    /// Threads that wait for something to do.
    pub(super) parked: usize,
    /// Who leads, as leaders are counted.
    term: u64,
    leader: Leader,
    /// How often a leader has begun to poll, and how often it had when somebody last looked.
    turns: u64,
    seen: u64,
    /// Looks in a row at which nothing had happened.
    quiet: u32,
    /// Whether somebody looks again and again.
    pub(super) is_watched: bool,
}

/// Where the leader is.
enum Leader {
    /// In the runtime; it is woken by this, if it waits there for a task.
    Inside(Option<Waker>),
    /// It polls.
    Away,
    /// Nobody leads until a thread that waits takes over.
    Nobody,
}

/// What a thread of a crew does next.
pub(super) enum Duty {
    /// It leads, with this term.
    Lead(u64),
    Poll(Arc<Task>),
}

impl Shift {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            queue: VecDeque::new(),
            limit: limit.max(1),
            polling: 0,
            parked: 0,
            term: 0,
            leader: Leader::Inside(None),
            turns: 0,
            seen: 0,
            quiet: 0,
            is_watched: false,
        }
    }

    /// Takes a task in; gives the leader's waker if it can take it.
    pub(super) fn push(&mut self, task: Arc<Task>) -> Option<Waker> {
        self.queue.push_back(task);
        match &mut self.leader {
            Leader::Inside(waker) if self.polling < self.limit => waker.take(),
            // Whoever is done first takes it.
            _ => None,
        }
    }

    /// The next task for the leader, which leaves the runtime for it.
    pub(super) fn begin(&mut self, cx: &Context<'_>) -> Option<Arc<Task>> {
        let task = match self.polling < self.limit {
            true => self.queue.pop_front(),
            false => None,
        };
        if task.is_none() {
            self.leader = Leader::Inside(Some(cx.waker().clone()));
            return None;
        }
        self.leader = Leader::Away;
        self.polling += 1;
        self.turns = self.turns.wrapping_add(1);
        task
    }

    /// A leader of this term has polled; says whether it still leads.
    pub(super) fn come_back(&mut self, term: u64) -> bool {
        self.polling -= 1;
        let leads = self.term == term;
        if leads {
            self.leader = Leader::Inside(None);
        }
        leads
    }

    /// Another thread has polled.
    pub(super) fn done(&mut self) {
        self.polling -= 1;
    }

    /// What a thread that does not lead should do.
    pub(super) fn duty(&mut self) -> Option<Duty> {
        if let Leader::Nobody = self.leader {
            self.leader = Leader::Inside(None);
            return Some(Duty::Lead(self.term));
        }
        if self.polling >= self.limit {
            return None;
        }
        let task = self.queue.pop_front()?;
        self.polling += 1;
        Some(Duty::Poll(task))
    }

    /// Looks whether the leader is away since the last look, and whether anything happens at all.
    pub(super) fn look(&mut self) -> bool {
        let is_same = std::mem::replace(&mut self.seen, self.turns) == self.turns;
        let is_away = matches!(self.leader, Leader::Away);
        self.quiet = match is_same && !is_away {
            true => self.quiet + 1,
            false => 0,
        };
        self.is_watched = self.quiet < LOOKS;
        is_same && is_away
    }

    /// Has the next thread that waits lead.
    pub(super) fn vacate(&mut self) {
        self.take_over(self.next_term());
        self.leader = Leader::Nobody;
    }

    /// The term of whoever leads next.
    pub(super) fn next_term(&self) -> u64 {
        self.term.wrapping_add(1)
    }

    /// Who has this term leads now.
    pub(super) fn take_over(&mut self, term: u64) {
        self.term = term;
        self.leader = Leader::Inside(None);
    }
}

/// After so many looks at nothing it is enough.
const LOOKS: u32 = 50;
