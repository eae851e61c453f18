//! Calls to other clients that wait for their answers.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use foldhash::fast::RandomState;
use proto::frame::busrt::next_id;
use proto::message::Text;
use tokio::sync::{Notify, oneshot, watch};

use crate::bus::client::link::{Link, Place};
use crate::bus::wire::{Outcome, Watch, method};
use crate::codec::Codec;
use crate::session::{CallError, Request, Response};

/// Calls that wait for their answers, and callees that are watched for them.
#[derive(Debug, Default)]
pub(super) struct Calls {
    last: AtomicU32,
    pending: Mutex<HashMap<u32, Pending, RandomState>>,
    /// Calls are looked after while there are any.
    is_looked_after: AtomicBool,
    begun: Notify,
    /// The numbers of clients that were called, by their names.
    numbers: Mutex<HashMap<Text, u64>>,
    /// Who is gone, told by whoever watches first.
    watched: Mutex<HashMap<(Text, u64), watch::Receiver<bool>>>,
}

#[derive(Debug)]
struct Pending {
    callee: Text,
    heard: oneshot::Sender<Heard>,
    age: Age,
}

/// How long a call has waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    New,
    /// It was there when somebody looked.
    Seen,
    /// It knows that it waits long.
    Late,
}

/// What a call hears.
#[derive(Debug)]
enum Heard {
    Answer(Result<Response, CallError>),
    /// Nobody has it, and why, if that is known.
    Returned(Option<Outcome>),
    /// There is no answer yet; where it comes.
    Late(oneshot::Receiver<Self>),
}

/// A call that waits for its answer. Dropping it forgets the call.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    calls: &'a Calls,
    pub(super) id: u32,
    callee: Text,
    heard: oneshot::Receiver<Heard>,
}

impl Calls {
    /// Begins to wait for the answer to a call that is about to be sent.
    pub(super) fn begin(&self, callee: &Text) -> Waiting<'_> {
        let (sender, heard) = oneshot::channel();
        let mut pending = self.pending();
        let mut id = next_id(self.last.load(Ordering::Relaxed));
        while pending.contains_key(&id) {
            id = next_id(id);
        }
        self.last.store(id, Ordering::Relaxed);
        let call = Pending {
            callee: callee.clone(),
            heard: sender,
            age: Age::New,
        };
        pending.insert(id, call);
        drop(pending);
        if !self.is_looked_after.swap(true, Ordering::AcqRel) {
            self.begun.notify_one();
        }
        Waiting {
            calls: self,
            id,
            callee: callee.clone(),
            heard,
        }
    }

    /// Gives an answer to whoever waits for it, if it comes from whom it should.
    pub(super) fn answer(&self, id: u32, sender: &str, answer: Result<Response, CallError>) {
        let mut pending = self.pending();
        if pending.get(&id).is_some_and(|call| &*call.callee == sender)
            && let Some(call) = pending.remove(&id)
        {
            drop(pending);
            // Its caller may have gone.
            call.heard.send(Heard::Answer(answer)).ok();
        }
    }

    /// Nobody has a call.
    pub(super) fn give_back(&self, id: u32, outcome: Option<Outcome>) {
        let call = self.pending().remove(&id);
        if let Some(call) = call {
            call.heard.send(Heard::Returned(outcome)).ok();
        }
    }

    /// No answer will come any more.
    pub(super) fn lose(&self, reason: &str) {
        let pending = std::mem::take(&mut *self.pending());
        for call in pending.into_values() {
            call.heard.send(Heard::Answer(Err(lost(reason)))).ok();
        }
    }

    /// The number of a client, as far as that is known.
    pub(super) fn number(&self, callee: &str) -> Option<u64> {
        lock(&self.numbers).get(callee).copied()
    }

    /// Remembers the number of a client, or that it is not known.
    pub(super) fn set_number(&self, callee: &Text, number: Option<u64>) {
        let mut numbers = lock(&self.numbers);
        let Some(number) = number else {
            numbers.remove(callee);
            return;
        };
        if numbers.len() >= MOST_NUMBERS {
            numbers.clear();
        }
        numbers.insert(callee.clone(), number);
    }

    /// Tells calls that they wait long, for ever. One timer for all of them is cheaper than one for
    /// each, and most are answered before it.
    pub(super) async fn look_after(&self) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(QUICK).await;
            while self.look() {
                tokio::time::sleep(QUICK).await;
            }
        }
    }

    /// Looks at all calls once; says whether to look again.
    fn look(&self) -> bool {
        let mut late = Vec::new();
        let mut pending = self.pending();
        for call in pending.values_mut() {
            match call.age {
                Age::New => call.age = Age::Seen,
                Age::Seen => {
                    call.age = Age::Late;
                    let (sender, heard) = oneshot::channel();
                    late.push((std::mem::replace(&mut call.heard, sender), heard));
                }
                Age::Late => {}
            }
        }
        let goes_on = pending.values().any(|call| call.age != Age::Late);
        // With the lock, so that a call that begins now has it looked after.
        self.is_looked_after.store(goes_on, Ordering::Release);
        drop(pending);
        for (call, heard) in late {
            call.send(Heard::Late(heard)).ok();
        }
        goes_on
    }

    /// Waits until a client is gone: one caller asks the broker for all.
    async fn gone(&self, place: &Place, name: &Text, number: u64) {
        let key = (name.clone(), number);
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

    fn watch(&self, key: &(Text, u64)) -> Watching {
        let mut watched = lock(&self.watched);
        if let Some(first) = watched.get(key) {
            return Watching::Other(first.clone());
        }
        let (sender, receiver) = watch::channel(false);
        watched.insert(key.clone(), receiver);
        Watching::First(sender)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<u32, Pending, RandomState>> {
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

impl Waiting<'_> {
    /// Waits for the answer to what the client of this number was sent, until that is gone, or until
    /// the deadline; none if the call has to be sent in the other way.
    pub(super) async fn answer(
        &mut self,
        link: &Link,
        place: &Place,
        number: u64,
        until: Instant,
    ) -> Option<Result<Response, CallError>> {
        // Most answers come soon, and need neither a timer nor anybody to watch.
        match (&mut self.heard).await {
            Ok(Heard::Late(heard)) => self.heard = heard,
            heard => return answer(&self.callee, heard),
        }
        Box::pin(self.answer_late(link, place, number, until)).await
    }

    async fn answer_late(
        &mut self,
        link: &Link,
        place: &Place,
        number: u64,
        until: Instant,
    ) -> Option<Result<Response, CallError>> {
        let callee = self.callee.clone();
        let limit = tokio::time::sleep_until(until.into());
        tokio::select! {
            heard = &mut self.heard => return answer(&callee, heard),
            () = limit => return Some(Err(CallError::DeadlineExceeded)),
            () = link.left(place) => return Some(Err(lost("the connection to the broker was lost"))),
            () = self.calls.gone(place, &callee, number) => {}
        }
        // What it said last is perhaps still on its way.
        match tokio::time::timeout(LAST_WORDS, &mut self.heard).await {
            Ok(heard) => answer(&callee, heard),
            Err(_) => Some(Err(lost(&format!("{callee:?} has left the bus")))),
        }
    }
}

fn answer(
    callee: &str,
    heard: Result<Heard, oneshot::error::RecvError>,
) -> Option<Result<Response, CallError>> {
    match heard {
        Ok(Heard::Answer(answer)) => Some(answer),
        Ok(Heard::Returned(outcome)) => Some(Err(not_taken(callee, outcome?))),
        Ok(Heard::Late(_)) | Err(_) => Some(Err(CallError::Cancelled)),
    }
}

/// Why a call did not get to its callee.
pub(super) fn not_taken(callee: &str, outcome: Outcome) -> CallError {
    CallError::not_accepted(&match outcome {
        Outcome::Nobody => format!("there is no client {callee:?} on the bus"),
        _ => format!("the client {callee:?} has no room for the call"),
    })
}

fn lost(reason: &str) -> CallError {
    let reason = reason.to_owned();
    CallError::OutcomeUnknown { reason }
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

struct Unwatch<'a>(&'a Calls, &'a (Text, u64));

impl Drop for Unwatch<'_> {
    fn drop(&mut self) {
        lock(&self.0.watched).remove(self.1);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Within this time callees are not watched; it may become twice as long.
const QUICK: Duration = Duration::from_millis(2);
/// Clients of which the numbers are remembered.
const MOST_NUMBERS: usize = 1024;
/// After a callee is gone, time for an answer that it gave before.
const LAST_WORDS: Duration = Duration::from_millis(20);
