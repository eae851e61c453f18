//! Who comes and goes.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use proto::frame::busrt::BusEvent;

use crate::bus::{SubscribeError, Subscription};

/// Who comes to the bus and goes, as a stream. Secondary clients are not counted.
#[derive(Debug)]
#[must_use = "a subscription that is dropped is over"]
pub struct Presence {
    subscription: Subscription,
    /// What was read together with the news that something is missing.
    next: Option<PresenceEvent>,
}

/// Somebody came, or went.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PresenceEvent {
    /// A client of this name came.
    Came(String),
    /// The client of this name went, or was lost.
    Went(String),
    /// Some may have come and gone, and nobody knows who: whoever keeps a list
    /// [asks for it](crate::bus::Client::clients) again.
    Missed,
}

impl Presence {
    pub(super) fn new(subscription: Subscription) -> Self {
        Self {
            subscription,
            next: None,
        }
    }

    /// What happened next; none once the client was closed, or after an error.
    ///
    /// # Errors
    ///
    /// As [`Subscription::next`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<PresenceEvent, SubscribeError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for Presence {
    type Item = Result<PresenceEvent, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Some(next) = self.next.take() {
                return Poll::Ready(Some(Ok(next)));
            }
            let Some(message) = ready!(Pin::new(&mut self.subscription).poll_next(cx)?) else {
                return Poll::Ready(None);
            };
            self.next = match BusEvent::decode(&message.payload()) {
                Some(BusEvent::Registered { name, .. }) => Some(PresenceEvent::Came(name)),
                Some(BusEvent::Unregistered { name, .. }) => Some(PresenceEvent::Went(name)),
                _ => None,
            };
            if message.gap().is_some() {
                return Poll::Ready(Some(Ok(PresenceEvent::Missed)));
            }
        }
    }
}
