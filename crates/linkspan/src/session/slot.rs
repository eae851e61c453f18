//! What waits for something to happen on a stream.

use std::sync::Arc;
use std::task::Waker;

use proto::session::{Closed, Fate, Send};
use tokio::task::AbortHandle;

use crate::session::CallError;
use crate::session::context::CallFacts;
use crate::session::inbox::Inbox;
use crate::session::shared::Caller;

/// The driver's part of an open stream.
#[derive(Debug, Default)]
pub(crate) struct Slot {
    /// The caller that waits for the answer.
    pub(crate) caller: Option<Caller>,
    /// The task that handles the request, or that sends a caller's items.
    pub(crate) task: Option<AbortHandle>,
    /// Tells a handler that nobody waits any more.
    pub(crate) facts: Option<Arc<CallFacts>>,
    /// Where received data goes.
    pub(crate) inbox: Option<Arc<Inbox>>,
    /// The task that waits until the stream takes more.
    pub(crate) sender: Option<Waker>,
}

impl Slot {
    /// The slot of a stream that this side opens.
    pub(crate) fn of_caller(caller: Caller) -> Self {
        Self {
            caller: Some(caller),
            ..Self::default()
        }
    }

    /// The slot of a stream that the peer opened.
    pub(crate) fn of_handler(facts: Arc<CallFacts>, inbox: Option<Arc<Inbox>>) -> Self {
        Self {
            facts: Some(facts),
            inbox,
            ..Self::default()
        }
    }

    /// Whether somebody is to be told when the stream is over.
    fn is_awaited(&self) -> bool {
        self.caller.is_some()
            || self.task.is_some()
            || self.facts.is_some()
            || self.inbox.is_some()
            || self.sender.is_some()
    }
}

/// Takes the streams that are over out of the session; gives those on which somebody waits.
pub(crate) fn take_finished(send: &mut Send<Slot>) -> Vec<Closed<Slot>> {
    let mut finished = Vec::new();
    while let Some(closed) = send.reap() {
        if closed.attachment.as_ref().is_some_and(Slot::is_awaited) {
            finished.push(closed);
        }
    }
    finished
}

/// Tells whoever waits on a stream that it is over; `reason` is why the connection is, if it is.
pub(crate) fn finish(closed: Closed<Slot>, reason: &str) {
    let Some(slot) = closed.attachment else {
        return;
    };
    let error = || match closed.fate {
        Fate::Expired => CallError::DeadlineExceeded,
        Fate::NotAccepted => CallError::not_accepted(reason),
        Fate::Finished | Fate::Cancelled => CallError::Cancelled,
        _ => CallError::OutcomeUnknown {
            reason: reason.to_owned(),
        },
    };
    if let Some(caller) = slot.caller {
        caller.send(Err(error())).ok();
    }
    // An inbox that has come to its own end keeps that one.
    let reader = slot.inbox.and_then(|inbox| inbox.end(Err(error())));
    reader.into_iter().chain(slot.sender).for_each(Waker::wake);

    // A handler that has answered ends by itself; everybody else works for nothing now.
    let answered = slot.facts.is_some() && closed.fate == Fate::Finished;
    if answered {
        return;
    }
    if let Some(facts) = slot.facts {
        facts.signal.fire();
    }
    if let Some(task) = slot.task {
        task.abort();
    }
}
