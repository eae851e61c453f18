//! Items of a stream as messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use proto::error::{Category, Code};
use proto::message::Failure;

use crate::bus::client::message::{Gap, Message};
use crate::bus::wire::{Malformed, Outcome, Record, RecordKind};
use crate::session::{CallError, Items};

/// Messages as the broker sends them; what is missing is said by the next one.
#[derive(Debug)]
pub(super) struct Records {
    items: Items,
    /// What is left of the item at hand.
    item: Bytes,
    /// A message whose payload is the next item.
    incomplete: Option<Record>,
    gap: Option<Gap>,
}

/// What comes to a client's name.
#[derive(Debug)]
pub(super) enum Received {
    Message(Message),
    /// Nobody has the call of this number, and why, if that is known.
    Returned(u32, Option<Outcome>),
}

impl Records {
    pub(super) fn new(items: Items) -> Self {
        Self {
            items,
            item: Bytes::new(),
            incomplete: None,
            gap: None,
        }
    }

    /// What was missing after the last message.
    pub(super) fn gap(&self) -> Option<Gap> {
        self.gap
    }

    /// What comes next to a client's name.
    pub(super) fn poll_received(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Received, CallError>>> {
        loop {
            match self.next_of_item() {
                Ok(Some(received)) => return Poll::Ready(Some(Ok(received))),
                Ok(None) => {}
                Err(error) => return Poll::Ready(Some(Err(nonsense(error)))),
            }
            let Some(item) = ready!(Pin::new(&mut self.items).poll_next(cx)?) else {
                return Poll::Ready(None);
            };
            match self.incomplete.take() {
                None => self.item = item,
                Some(record) => {
                    let message = self.message(record, Some(item)).map_err(nonsense);
                    return Poll::Ready(Some(message.map(Received::Message)));
                }
            }
        }
    }

    /// Takes what is next off the item at hand.
    fn next_of_item(&mut self) -> Result<Option<Received>, Malformed> {
        while !self.item.is_empty() {
            let record = Record::decode(&mut self.item)?;
            if let RecordKind::Returned(call, outcome) = record.kind {
                return Ok(Some(Received::Returned(call, outcome)));
            }
            if let RecordKind::Gap(dropped) = record.kind {
                let gap = Gap {
                    dropped,
                    is_disconnected: false,
                };
                self.gap = Some(self.gap.unwrap_or_default().merge(gap));
            } else if record.is_long {
                self.incomplete = Some(record);
            } else {
                return Ok(Some(Received::Message(self.message(record, None)?)));
            }
        }
        Ok(None)
    }

    fn message(&mut self, record: Record, payload: Option<Bytes>) -> Result<Message, Malformed> {
        let mut message = Message::of(record, payload)?;
        message.set_gap(self.gap.take());
        Ok(message)
    }
}

impl Stream for Records {
    type Item = Result<Message, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let received = ready!(self.poll_received(cx));
        Poll::Ready(received.map(|received| match received? {
            Received::Message(message) => Ok(message),
            // No call was sent to a subscription.
            Received::Returned(..) => Err(nonsense(Malformed("kind"))),
        }))
    }
}

fn nonsense(error: Malformed) -> CallError {
    Failure::new(Category::Protocol, Code::BAD_FRAME, error.to_string()).into()
}
