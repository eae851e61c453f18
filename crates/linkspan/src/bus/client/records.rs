//! Items of a stream as messages.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use proto::error::{Category, Code};
use proto::message::Failure;

use crate::bus::client::message::{Gap, Message};
use crate::bus::wire::{Malformed, Record, RecordKind};
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

    /// Takes the next message off the item at hand.
    fn next_of_item(&mut self) -> Result<Option<Message>, Malformed> {
        while !self.item.is_empty() {
            let record = Record::decode(&mut self.item)?;
            if let RecordKind::Gap(dropped) = record.kind {
                let gap = Gap {
                    dropped,
                    is_disconnected: false,
                };
                self.gap = Some(self.gap.unwrap_or_default().merge(gap));
            } else if record.is_long {
                self.incomplete = Some(record);
            } else {
                return self.message(record, None).map(Some);
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
        loop {
            match self.next_of_item() {
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
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
                    return Poll::Ready(Some(message));
                }
            }
        }
    }
}

fn nonsense(error: Malformed) -> CallError {
    Failure::new(Category::Protocol, Code::BAD_FRAME, error.to_string()).into()
}
