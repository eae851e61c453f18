//! Calls to other clients that wait for their answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use proto::frame::busrt::next_id;
use tokio::sync::{oneshot, watch};

use crate::bus::client::link::Place;
use crate::bus::wire::{Watch, method};
use crate::codec::Codec;
use crate::session::{CallError, Request, Response};

/// Calls that wait for their answers, and callees that are watched for them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: AtomicU32,
    pending: Mutex<HashMap<u32, Pending>>,
    /// Who is gone, told by whoever watches first.
    watched: Mutex<HashMap<(String, u64), watch::Receiver<bool>>>,
}

#[derive(Debug)]
struct Pending {
    callee: String,
    answer: oneshot::Sender<Result<Response, CallError>>,
}

/// A call that waits for its answer. Dropping it forgets the call.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    calls: &'a Calls,
    pub(super) id: u32,
    pub(super) answer: oneshot::Receiver<Result<Response, CallError>>,
}

impl Calls {
    /// Begins to wait for the answer to a call that is about to be sent.
    pub(super) fn begin(&self, callee: &str) -> Waiting<'_> {
        let (sender, answer) = oneshot::channel();
        let mut pending = self.pending();
        let mut id = next_id(self.last.load(Ordering::Relaxed));
        while pending.contains_key(&id) {
            id = next_id(id);
        }
        self.last.store(id, Ordering::Relaxed);
        pending.insert(
            id,
            Pending {
                callee: callee.to_owned(),
                answer: sender,
            },
        );
        Waiting {
            calls: self,
            id,
            answer,
        }
    }

    /// Gives an answer to whoever waits for it, if it comes from whom it should.
    pub(super) fn answer(&self, id: u32, sender: &str, answer: Result<Response, CallError>) {
        let mut pending = self.pending();
        if pending.get(&id).is_some_and(|call| call.callee == sender)
            && let Some(call) = pending.remove(&id)
        {
            drop(pending);
            // Its caller may have gone.
            call.answer.send(answer).ok();
        }
    }

    /// No answer will come any more.
    pub(super) fn lose(&self, reason: &str) {
        let pending = std::mem::take(&mut *self.pending());
        for call in pending.into_values() {
            let reason = reason.to_owned();
            call.answer
                .send(Err(CallError::OutcomeUnknown { reason }))
                .ok();
        }
    }

    /// Waits for an answer to what the client of this number was sent, or until it is gone.
    pub(super) async fn wait(
        &self,
        place: &Place,
        callee: &str,
        number: u64,
        mut waiting: Waiting<'_>,
    ) -> Result<Response, CallError> {
        // Most answers come soon, and need nobody to watch.
        if let Ok(answer) = tokio::time::timeout(QUICK, &mut waiting.answer).await {
            return received(answer);
        }
        tokio::select! {
            answer = &mut waiting.answer => return received(answer),
            () = self.gone(place, callee, number) => {}
        }
        // What it said last is perhaps still on its way.
        match tokio::time::timeout(LAST_WORDS, &mut waiting.answer).await {
            Ok(answer) => received(answer),
            Err(_) => Err(CallError::OutcomeUnknown {
                reason: format!("{callee:?} has left the bus"),
            }),
        }
    }

    /// Waits until a client is gone: one caller asks the broker for all.
    async fn gone(&self, place: &Place, name: &str, number: u64) {
        let key = (name.to_owned(), number);
        let sender = loop {
            let mut first = match self.watch(&key) {
                Watching::First(sender) => break sender,
                Watching::Other(first) => first,
            };
            if first.wait_for(|is_gone| *is_gone).await.is_ok() {
                return;
            }
            // Whoever watched has its answer; somebody else has to.
        };
        let _unwatch = Unwatch(self, &key);
        ask(place, name, number).await;
        sender.send_replace(true);
    }

    fn watch(&self, key: &(String, u64)) -> Watching {
        let mut watched = lock(&self.watched);
        if let Some(first) = watched.get(key) {
            return Watching::Other(first.clone());
        }
        let (sender, receiver) = watch::channel(false);
        watched.insert(key.clone(), receiver);
        Watching::First(sender)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<u32, Pending>> {
        lock(&self.pending)
    }
}

/// Waits for the broker to say that a client is gone; a broker that is gone says so, too.
async fn ask(place: &Place, name: &str, number: u64) {
    let watch = Watch {
        name: name.to_owned(),
        id: number,
    };
    if let Ok(body) = Codec::Msgpack.encode(&watch) {
        let request = Request::new(method::WATCH, body);
        place.connection.call(request).await.ok();
    }
}

fn received(
    answer: Result<Result<Response, CallError>, oneshot::error::RecvError>,
) -> Result<Response, CallError> {
    answer.unwrap_or(Err(CallError::Cancelled))
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.calls.pending().remove(&self.id);
    }
}

/// Who asks the broker about a callee.
enum Watching {
    First(watch::Sender<bool>),
    Other(watch::Receiver<bool>),
}

struct Unwatch<'a>(&'a Calls, &'a (String, u64));

impl Drop for Unwatch<'_> {
    fn drop(&mut self) {
        lock(&self.0.watched).remove(self.1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Within this time callees are not watched.
const QUICK: Duration = Duration::from_millis(2);
/// After a callee is gone, time for an answer that it gave before.
const LAST_WORDS: Duration = Duration::from_millis(20);
