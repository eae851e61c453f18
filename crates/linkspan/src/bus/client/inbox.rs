//! What was sent to a client and is no call.

use std::collections::VecDeque;
use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::bus::client::handle::Handle;
use crate::bus::client::message::{Gap, Message};

/// Messages that were sent to a client, or to all whose names are alike, as a stream.
///
/// The inboxes of one client share them: each message comes to one. What is not read waits, as far as
/// [`inbox_messages`](crate::bus::ClientConfig::inbox_messages) allows; then the oldest is dropped, and
/// the next one [says so](Message::gap).
pub struct Inbox(Arc<Handle>);

impl Inbox {
    pub(super) fn new(client: Arc<Handle>) -> Self {
        Self(client)
    }

    /// The next message; none once the client is over.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Message> {
        poll_fn(|cx| self.0.link.inbox.poll_next(cx)).await
    }
}

impl Stream for Inbox {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        self.0.link.inbox.poll_next(cx)
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

/// Messages that wait to be read.
pub(super) struct InboxQueue {
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    messages: VecDeque<Message>,
    /// What is missing before the first of them.
    gap: Option<Gap>,
    /// What is missing before the next that comes.
    coming: Option<Gap>,
    readers: Vec<Waker>,
    is_closed: bool,
}

impl InboxQueue {
    pub(super) fn new(most: usize) -> Self {
        Self {
            most: most.max(1),
            state: Mutex::default(),
        }
    }

    pub(super) fn push(&self, mut message: Message) {
        let mut state = self.lock();
        if let Some(gap) = state.coming.take() {
            message.set_gap(Some(gap.merge(message.gap().unwrap_or_default())));
        }
        if state.messages.len() >= self.most
            && let Some(dropped) = state.messages.pop_front()
        {
            let gap = dropped.gap().unwrap_or_default();
            let one = Gap {
                dropped: 1,
                is_disconnected: false,
            };
            let gap = gap.merge(one);
            state.gap = Some(state.gap.unwrap_or_default().merge(gap));
        }
        state.messages.push_back(message);
        wake(state);
    }

    /// What was sent from now on, until the next message comes, may be missing.
    pub(super) fn note_disconnection(&self) {
        let mut state = self.lock();
        state.coming.get_or_insert_default().is_disconnected = true;
    }

    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        wake(state);
    }

    fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut state = self.lock();
        if let Some(mut message) = state.messages.pop_front() {
            if let Some(gap) = state.gap.take() {
                message.set_gap(Some(gap.merge(message.gap().unwrap_or_default())));
            }
            return Poll::Ready(Some(message));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        let waker = cx.waker();
        if !state.readers.iter().any(|reader| reader.will_wake(waker)) {
            state.readers.push(waker.clone());
        }
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn wake(mut state: MutexGuard<'_, State>) {
    let readers = std::mem::take(&mut state.readers);
    drop(state);
    readers.into_iter().for_each(Waker::wake);
}
