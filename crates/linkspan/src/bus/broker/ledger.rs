//! What is counted of all clients, those that have gone included. A sum never falls: whoever goes is
//! in it once at every moment.

use std::ops::AddAssign;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::bus::broker::flow::Flow;
use crate::bus::broker::member::Member;
use crate::bus::broker::queue::Queue;
use crate::bus::broker::subscription::Subscription;

/// Sums of what clients did and got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) frames_received: u64,
    pub(crate) bytes_received: u64,
    pub(crate) frames_sent: u64,
    pub(crate) bytes_sent: u64,
    /// Messages that queues dropped.
    pub(crate) dropped: u64,
    /// Places where clients were told of that.
    pub(crate) gaps: u64,
}

/// What those did and got who are on their way out, or gone.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Book>);

#[derive(Debug, Default)]
struct Book {
    gone: Sums,
    /// Members no more, of whom something may still come.
    leaving: Vec<Arc<Member>>,
}

impl Ledger {
    /// A client is about to be a member no more.
    pub(super) fn begin_leaving(&self, member: &Arc<Member>) {
        self.book().leaving.push(Arc::clone(member));
    }

    /// Nothing more comes of a client.
    pub(super) fn end_leaving(&self, member: &Member) {
        let mut book = self.book();
        book.gone += member.sums();
        member.subscriptions().clear();
        book.leaving.retain(|leaving| leaving.id != member.id);
    }

    /// Takes a queue of its own away from a client. If that has left, it is counted already.
    pub(super) fn close_queue(&self, member: &Member, subscription: &Subscription) {
        let mut book = self.book();
        let mut own = member.subscriptions();
        let before = own.len();
        own.retain(|other| other.queue.id != subscription.queue.id);
        if own.len() < before {
            book.gone += subscription.queue.sums();
        }
    }

    /// The sums of all clients that there are or were.
    pub(super) fn sums(&self, members: impl FnOnce() -> Vec<Arc<Member>>) -> Sums {
        let book = self.book();
        let mut sums = book.gone;
        // Who leaves is there twice for a moment.
        let is_leaving = |member: &&Arc<Member>| book.leaving.iter().any(|it| it.id == member.id);
        for member in members().iter().filter(|member| !is_leaving(member)) {
            sums += member.sums();
        }
        book.leaving.iter().for_each(|member| sums += member.sums());
        sums
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sums {
    /// What came.
    pub(super) fn received(flow: &Flow) -> Self {
        Self {
            frames_received: flow.frames(),
            bytes_received: flow.bytes(),
            ..Self::default()
        }
    }
}

impl Queue {
    /// What it sent and dropped.
    pub(super) fn sums(&self) -> Sums {
        Sums {
            frames_sent: self.sent.frames(),
            bytes_sent: self.sent.bytes(),
            dropped: self.dropped(),
            gaps: self.gaps(),
            ..Sums::default()
        }
    }
}

impl AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.frames_received += other.frames_received;
        self.bytes_received += other.bytes_received;
        self.frames_sent += other.frames_sent;
        self.bytes_sent += other.bytes_sent;
        self.dropped += other.dropped;
        self.gaps += other.gaps;
    }
}
