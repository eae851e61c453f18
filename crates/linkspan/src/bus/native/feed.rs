//! A queue as a stream of items: what waits leaves together, as the client gives credit.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::vec;

use bytes::Bytes;
use futures_core::Stream;
use proto::error::{Category, Code};
use proto::frame::busrt::{DeliveryKind, Status};
use proto::message::Failure;

use crate::bus::broker::{Core, Item, Member, Message, Outlet, Queue, Subscription};
use crate::bus::wire::{Outcome, Record, RecordKind};
use crate::session::CallError;

/// Tells a stream that something waits for it, or that nothing will.
#[derive(Debug, Default)]
pub(super) struct Feed(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    reader: Option<Waker>,
    end: Option<End>,
}

/// Why a stream ends before its client wants it to.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    /// It did not read, and asked not to be waited for.
    Overflowed,
    /// Its client may not have it any more.
    Revoked,
    /// Its client is no member any more.
    Dismissed,
    /// The broker stops.
    Stopping,
}

impl Feed {
    /// Ends the stream, once what waits has left.
    pub(super) fn end(&self, end: End) {
        let mut state = self.lock();
        state.end.get_or_insert(end);
        wake(state);
    }

    /// Has a reader told; says whether nothing will come any more.
    pub(super) fn listen(&self, waker: &Waker) -> Option<End> {
        let mut state = self.lock();
        match &mut state.reader {
            Some(reader) => reader.clone_from(waker),
            reader => *reader = Some(waker.clone()),
        }
        state.end
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Outlet for Arc<Feed> {
    fn flush(&self, _: &Queue) {
        wake(self.lock());
    }

    fn overflowed(&self) {
        self.end(End::Overflowed);
    }

    fn revoked(&self) {
        self.end(End::Revoked);
    }
}

/// What a client gets by one queue.
pub(super) struct Deliveries {
    core: Arc<Core>,
    member: Arc<Member>,
    subscription: Arc<Subscription>,
    feed: Arc<Feed>,
    /// Taken from the queue, and not sent yet.
    taken: vec::IntoIter<Item>,
    /// What goes as an item of its own.
    long: Option<Bytes>,
}

impl Deliveries {
    pub(super) fn new(
        core: Arc<Core>,
        member: Arc<Member>,
        subscription: Arc<Subscription>,
        feed: Arc<Feed>,
    ) -> Self {
        Self {
            core,
            member,
            subscription,
            feed,
            taken: Vec::new().into_iter(),
            long: None,
        }
    }

    /// Puts records into an item, up to one with a long payload.
    fn encode(&mut self) -> Bytes {
        let mut item = Vec::new();
        for taken in self.taken.by_ref() {
            match taken {
                Item::Message(message) => self.long = encode(&message, &mut item),
                Item::Gap(dropped) => Record::encode_gap(dropped, &mut item),
                // Only calls are answered so, and only those that come back.
                Item::Ack { id, status } => {
                    let outcome = match status {
                        Status::EndOfFile => Some(Outcome::Nobody),
                        Status::NotDelivered => Some(Outcome::NotDelivered),
                        _ => None,
                    };
                    Record::encode_returned(id, outcome, &mut item);
                }
                // The session has signs of life of its own.
                Item::Ping => {}
            }
            if self.long.is_some() {
                break;
            }
        }
        item.into()
    }
}

impl Stream for Deliveries {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if let Some(long) = self.long.take() {
            return Poll::Ready(Some(Ok(long)));
        }
        loop {
            let end = self.feed.listen(cx.waker());
            if self.taken.len() == 0 {
                let mut taken = Vec::new();
                self.subscription.queue.take(&mut taken, BATCH_BYTES);
                self.taken = taken.into_iter();
            }
            if self.taken.len() == 0 {
                return match end {
                    None => Poll::Pending,
                    Some(end) => Poll::Ready(Some(Err(failure(end).into()))),
                };
            }
            let item = self.encode();
            if !item.is_empty() {
                return Poll::Ready(Some(Ok(item)));
            }
        }
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        self.core
            .close_subscription(&self.member, &self.subscription);
    }
}

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deliveries")
            .field("subscription", &self.subscription)
            .finish_non_exhaustive()
    }
}

/// Adds a message to an item; gives its payload, if that has to follow.
pub(super) fn encode(message: &Message, item: &mut Vec<u8>) -> Option<Bytes> {
    let kind = match message.kind() {
        DeliveryKind::Publication => RecordKind::Publication,
        DeliveryKind::Broadcast => RecordKind::Broadcast,
        _ => RecordKind::Message,
    };
    let extras = message.extras();
    let (head, long) = message.parts();
    let is_long = long.is_some();
    Record::encode_message(kind, extras.codec, &extras.headers, head, is_long, item);
    long.cloned()
}

pub(super) fn failure(end: End) -> Failure {
    match end {
        End::Overflowed => Failure::new(
            Category::Limit,
            Code::OVERFLOW,
            "messages were not read as fast as they came",
        ),
        End::Revoked => Failure::new(
            Category::Authorization,
            Code::DENIED,
            "the subscription is not permitted any more",
        ),
        End::Dismissed => Failure::new(
            Category::Connection,
            Code::REJECTED,
            "the client lost its name on the bus",
        ),
        End::Stopping => Failure::new(Category::Connection, Code::UNAVAILABLE, "the broker stops"),
    }
}

/// What leaves at once, about.
const BATCH_BYTES: usize = 32 * 1024;
