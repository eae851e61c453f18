//! Subscribing, and reading what is published.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use proto::error::Code;

use crate::bus::client::handle::Handle;
use crate::bus::client::message::{Gap, Message};
use crate::bus::client::records::Records;
use crate::bus::client::slot::{self, Slot};
use crate::bus::{Overflow, SubscribeError, wire};
use crate::clock;
use crate::codec::Codec;
use crate::session::CallError;

/// What a subscription is to be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Subscribe {
    /// Topics that are wanted, at least one: levels between `/`, where `+` stands for one level and `#`
    /// for one or more. A message that several of them match comes once.
    pub masks: Vec<String>,
    /// What of them is not wanted, at most 10,000 masks. Default: nothing.
    pub exclude: Vec<String>,
    /// Subscriptions with the same group share publications: each comes to one of them, to those with
    /// room first. Default: none, and all of them come.
    pub group: Option<String>,
    /// What is done about a message that finds no room. Default: the broker's.
    pub overflow: Option<Overflow>,
    /// Messages that may wait at the broker, within its own limit. Default: that limit.
    pub queue_messages: Option<u64>,
    /// Bytes that may wait at the broker, within its own limit. Default: that limit.
    pub queue_bytes: Option<u64>,
}

impl<M: Into<String>> From<M> for Subscribe {
    fn from(mask: M) -> Self {
        Self::to([mask])
    }
}

impl Subscribe {
    /// A subscription to masks, with defaults for all else.
    pub fn to<M: Into<String>>(masks: impl IntoIterator<Item = M>) -> Self {
        Self {
            masks: masks.into_iter().map(Into::into).collect(),
            ..Self::default()
        }
    }

    fn into_wire(self) -> wire::Subscribe {
        wire::Subscribe {
            masks: self.masks,
            exclude: self.exclude,
            group: self.group,
            overflow: self.overflow,
            queue_messages: self.queue_messages,
            queue_bytes: self.queue_bytes,
            gaps: true,
        }
    }
}

/// Publications that a client subscribed to, as a stream.
///
/// What is not read waits on the connection, as far as its credit reaches, and then at the broker,
/// as far as its queue reaches. When the client comes back to a broker that was lost, the subscription
/// comes with it, and the next message says that some may be [missing](Message::gap). Dropping it
/// unsubscribes. It keeps its client on the bus.
#[must_use = "a subscription that is dropped is over"]
pub struct Subscription {
    _client: Arc<Handle>,
    slot: Arc<Slot>,
    records: Option<Records>,
    /// What is missing before the next message.
    gap: Option<Gap>,
    is_over: bool,
}

impl Subscription {
    pub(super) async fn open(
        client: Arc<Handle>,
        wanted: Subscribe,
    ) -> Result<Self, SubscribeError> {
        let link = Arc::clone(&client.link);
        let wanted = Codec::Msgpack.encode(&wanted.into_wire());
        let wanted = wanted.map_err(|error| SubscribeError::Call(CallError::Encode(error)))?;
        let until = clock::after(clock::now(), link.config.reconnect.patience);
        let (place, records) = loop {
            let place = link.place(until).await?;
            // To subscribe twice does no harm: the first one has gone with its connection.
            match slot::subscribe(&place, wanted.clone()).await {
                Ok(records) => break (place, records),
                Err(CallError::NotAccepted { .. } | CallError::OutcomeUnknown { .. })
                    if clock::now() < until =>
                {
                    place.connection.not_open().await;
                }
                Err(error) => return Err(error.into()),
            }
        };
        let slot = Arc::new(Slot::new(wanted, &place));
        link.keep(&slot).await;
        Ok(Self {
            _client: client,
            slot,
            records: Some(records),
            gap: None,
            is_over: false,
        })
    }

    /// The next message; none once the client was closed, or after an error.
    ///
    /// # Errors
    ///
    /// The last thing is a [`SubscribeError`] if the subscription ends though the client goes on.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Message, SubscribeError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }

    fn poll_message(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Message, SubscribeError>>> {
        loop {
            let Some(records) = &mut self.records else {
                match ready!(self.slot.poll_next(cx)) {
                    Some(Ok(records)) => self.records = Some(records),
                    Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    None => return Poll::Ready(None),
                }
                continue;
            };
            match ready!(Pin::new(&mut *records).poll_next(cx)) {
                Some(Ok(message)) => return Poll::Ready(Some(Ok(self.after_gap(message)))),
                Some(Err(CallError::Failed(failure))) if failure.code == Code::OVERFLOW => {
                    return Poll::Ready(Some(Err(SubscribeError::Overflowed)));
                }
                Some(Err(CallError::Failed(failure))) if failure.code == Code::DENIED => {
                    return Poll::Ready(Some(Err(SubscribeError::Denied(failure.message))));
                }
                _ => self.lose(),
            }
        }
    }

    /// A message with all that is missing before it.
    fn after_gap(&mut self, mut message: Message) -> Message {
        if let Some(gap) = self.gap.take() {
            message.set_gap(Some(gap.merge(message.gap().unwrap_or_default())));
        }
        message
    }

    /// The place was lost; the slot has what comes by the next one.
    fn lose(&mut self) {
        let unsaid = self.records.take().and_then(|records| records.gap());
        let gap = Gap {
            dropped: 0,
            is_disconnected: true,
        };
        let gap = gap.merge(unsaid.unwrap_or_default());
        self.gap = Some(self.gap.unwrap_or_default().merge(gap));
    }
}

impl Stream for Subscription {
    type Item = Result<Message, SubscribeError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let next = ready!(self.poll_message(cx));
        self.is_over = !matches!(next, Some(Ok(_)));
        Poll::Ready(next)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
