//! A subscription that is made again at each new place of its client.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use proto::error::Code;

use crate::bus::SubscribeError;
use crate::bus::client::link::Place;
use crate::bus::client::records::Records;
use crate::bus::wire::method;
use crate::session::{CallError, Request};

/// Where a subscription finds its messages after its place was lost.
pub(super) struct Slot {
    /// What is wanted, as the broker is asked for it.
    wanted: Bytes,
    /// The place for which somebody has asked last.
    epoch: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    next: Option<Result<Records, SubscribeError>>,
    reader: Option<Waker>,
    is_closed: bool,
}

impl Slot {
    /// A subscription that was made by a place.
    pub(super) fn new(wanted: Bytes, place: &Place) -> Self {
        Self {
            wanted,
            epoch: AtomicU64::new(place.epoch),
            state: Mutex::default(),
        }
    }

    /// Subscribes by a new place, unless somebody has; says when to [try](Self::try_renew) again if the
    /// broker wants that.
    pub(super) async fn renew(&self, place: &Place) -> Option<Duration> {
        if self.epoch.fetch_max(place.epoch, Ordering::AcqRel) >= place.epoch {
            return None;
        }
        self.try_renew(place).await
    }

    /// Subscribes by a place; says when to try again if the broker wants that.
    pub(super) async fn try_renew(&self, place: &Place) -> Option<Duration> {
        match subscribe(place, self.wanted.clone()).await {
            Ok(records) => self.put(Ok(records)),
            // That place is lost, too; there will be another one.
            Err(CallError::NotAccepted { .. } | CallError::OutcomeUnknown { .. }) => {}
            // It was had before, and is only too much at once.
            Err(error) if error.code() == Code::BUSY && error.retry_after().is_some() => {
                return error.retry_after();
            }
            Err(error) => self.put(Err(error.into())),
        }
        None
    }

    /// What is to be read next; nothing if nothing will follow.
    pub(super) fn poll_next(
        &self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Records, SubscribeError>>> {
        let mut state = self.lock();
        if let Some(next) = state.next.take() {
            return Poll::Ready(Some(next));
        }
        if state.is_closed {
            return Poll::Ready(None);
        }
        state.reader = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Nothing will follow.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        state.is_closed = true;
        wake(state);
    }

    fn put(&self, next: Result<Records, SubscribeError>) {
        let mut state = self.lock();
        state.next = Some(next);
        wake(state);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Subscribes; gives what will be published.
pub(super) async fn subscribe(place: &Place, wanted: Bytes) -> Result<Records, CallError> {
    let request = Request::new(method::SUBSCRIBE, wanted);
    let response = place.connection.call(request).await?;
    let (_, items) = response.body.split().await?;
    Ok(Records::new(items))
}

fn wake(mut state: MutexGuard<'_, State>) {
    let reader = state.reader.take();
    drop(state);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").finish_non_exhaustive()
    }
}
