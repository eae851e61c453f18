//! Watching the traffic of others.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_core::Stream;
use proto::error::{Category, Code};
use proto::frame::busrt::Rpc;
use proto::message::Failure;

use crate::bus::client::handle::Client;
use crate::bus::client::link::Link;
use crate::bus::client::message::{Gap, Message, MessageKind};
use crate::bus::wire::{self, Malformed, Record, RecordKind, TapKind, method};
use crate::bus::{SubscribeError, wire::fits};
use crate::clock;
use crate::codec::Codec;
use crate::session::{CallError, Items, Request};

/// Which messages of others are wanted; with several conditions, those that meet all.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Tap {
    /// Topics, of which one has to match, as in [`Subscribe::masks`](crate::bus::Subscribe::masks).
    /// With any, only publications are wanted. Default: all, and what has no topic.
    pub masks: Vec<String>,
    /// Name of the sender, in which `*` stands for any letters. Default: any.
    pub sender: Option<String>,
    /// Name of the receiver, in which `*` stands for any letters. A publication has one only if it was
    /// published for somebody; that of a broadcast is its mask. Default: any, and none.
    pub receiver: Option<String>,
    /// Ways of sending: publication, direct, broadcast. Others are never met. Default: all.
    pub kinds: Vec<MessageKind>,
    /// Messages that may wait at the broker; more than the broker's own limit has no effect.
    /// Default: that limit.
    pub queue_messages: Option<u64>,
    /// Bytes that they may have, likewise.
    pub queue_bytes: Option<u64>,
}

/// A message of which this client is not the receiver.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Tapped {
    /// The message, as its receivers get it. Its gap says how much the tap missed before it.
    pub message: Message,
    /// For whom it is: a name, or the mask of a broadcast; empty for a publication to whoever wants it.
    pub receiver: String,
}

/// What a message says that is part of a call, in the way of BUS/RT.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallPart {
    /// It wants no answer and names no method.
    Notification(Bytes),
    /// It calls a method.
    Request {
        /// Tells calls of one client apart; 0 wants no answer.
        id: u32,
        /// The method.
        method: String,
        /// Its parameters.
        params: Bytes,
    },
    /// It answers a call.
    Reply {
        /// The number of the call.
        id: u32,
        /// What came of it.
        result: Bytes,
    },
    /// It says that a call has failed.
    Error {
        /// The number of the call.
        id: u32,
        /// Why, as a number.
        code: i16,
        /// Why, in the callee's words.
        data: Bytes,
    },
}

/// Messages of others, as they are sent.
///
/// The broker never waits for it: what is not read in time is dropped, the oldest first, and the next
/// message [says so](Message::gap). When the broker is lost, it goes on once it is there again, and says
/// that likewise. Dropping it ends it.
#[must_use = "a tap that is dropped is over"]
pub struct Tapping {
    link: Arc<Link>,
    /// Keeps the client on the bus.
    _client: Client,
    wanted: Bytes,
    records: Option<Records>,
    gap: Option<Gap>,
}

impl Client {
    /// Watches what others send: publications, messages to one or many, and calls. What this client
    /// sends is among it.
    ///
    /// # Errors
    ///
    /// - [`SubscribeError::Denied`]: the broker's rule does not permit [`Action::Tap`](crate::bus::Action::Tap).
    /// - [`SubscribeError::Call`]: the broker could not be reached in time, has no taps, or does not
    ///   understand a mask.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no tap behind.
    pub async fn tap(&self, wanted: Tap) -> Result<Tapping, SubscribeError> {
        let wanted = Codec::Msgpack.encode(&wanted.into_wire());
        let wanted = wanted.map_err(|error| SubscribeError::Call(CallError::Encode(error)))?;
        let mut tapping = Tapping {
            link: Arc::clone(self.link()),
            _client: self.clone(),
            wanted,
            records: None,
            gap: None,
        };
        tapping.open().await?;
        Ok(tapping)
    }
}

impl Tapping {
    /// The next message.
    ///
    /// # Errors
    ///
    /// As [`Client::tap`], when the client is over, or a broker that was lost and came back does not
    /// permit it. The next call tries once more.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Result<Tapped, SubscribeError> {
        loop {
            if self.records.is_none() {
                self.open_again().await?;
            }
            let Some(records) = &mut self.records else {
                continue;
            };
            match records.next().await {
                Ok(tapped) => return Ok(self.after_gap(tapped)),
                Err(_) => self.lose(),
            }
        }
    }

    /// A message with all that is missing before it.
    fn after_gap(&mut self, mut tapped: Tapped) -> Tapped {
        if let Some(gap) = self.gap.take() {
            let own = tapped.message.gap().unwrap_or_default();
            tapped.message.set_gap(Some(gap.merge(own)));
        }
        tapped
    }

    /// The broker was lost: nobody knows what is missing.
    fn lose(&mut self) {
        self.records = None;
        let gap = Gap {
            dropped: 0,
            is_disconnected: true,
        };
        self.gap = Some(self.gap.unwrap_or_default().merge(gap));
    }

    /// The broker was lost, and is waited for as long as the client does.
    async fn open_again(&mut self) -> Result<(), SubscribeError> {
        loop {
            match self.open().await {
                Err(SubscribeError::Call(CallError::NotAccepted { .. }))
                    if self.link.current().is_none() && !self.link.is_over() => {}
                opened => return opened,
            }
        }
    }

    async fn open(&mut self) -> Result<(), SubscribeError> {
        let patience = self.link.config.reconnect.patience;
        let until = clock::after(clock::now(), patience);
        loop {
            let place = self.link.place(until).await?;
            let request = Request::new(method::TAP, self.wanted.clone());
            let split = async { place.connection.call(request).await?.body.split().await };
            match split.await {
                Ok((_, items)) => {
                    self.records = Some(Records::new(items));
                    return Ok(());
                }
                Err(CallError::NotAccepted { .. } | CallError::OutcomeUnknown { .. })
                    if clock::now() < until =>
                {
                    place.connection.not_open().await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl Tapped {
    /// What it says, if it is part of a call.
    pub fn call(&self) -> Option<CallPart> {
        if !self.message.may_be_call() {
            return None;
        }
        Some(match Rpc::decode(self.message.payload()).ok()? {
            Rpc::Notification { data } => CallPart::Notification(data),
            Rpc::Request { id, method, params } => CallPart::Request {
                id,
                method: String::from_utf8_lossy(&method).into_owned(),
                params,
            },
            Rpc::Reply { id, result } => CallPart::Reply { id, result },
            Rpc::Error { id, code, data } => CallPart::Error {
                id,
                code: code.0,
                data,
            },
            _ => return None,
        })
    }
}

impl Tap {
    /// Whether a message is wanted, by what the broker goes by: for messages that were recorded.
    pub fn admits(&self, kind: MessageKind, topic: &str, sender: &str, receiver: &str) -> bool {
        let is_topic = |mask: &String| {
            let mask = mask.parse::<crate::bus::Mask>();
            !topic.is_empty() && mask.is_ok_and(|mask| mask.matches(topic))
        };
        let is = |pattern: &Option<String>, name: &str| {
            pattern.as_deref().is_none_or(|pattern| fits(pattern, name))
        };
        (self.kinds.is_empty() || self.kinds.contains(&kind))
            && (self.masks.is_empty() || self.masks.iter().any(is_topic))
            && is(&self.sender, sender)
            && is(&self.receiver, receiver)
    }

    fn into_wire(self) -> wire::Tap {
        let kind = |kind| match kind {
            MessageKind::Publication => TapKind::Publication,
            MessageKind::Broadcast => TapKind::Broadcast,
            MessageKind::Direct | MessageKind::Notification => TapKind::Direct,
        };
        wire::Tap {
            masks: self.masks,
            sender: self.sender,
            receiver: self.receiver,
            kinds: self.kinds.into_iter().map(kind).collect(),
            queue_messages: self.queue_messages,
            queue_bytes: self.queue_bytes,
        }
    }
}

/// Items of a stream as messages, each with its receiver.
#[derive(Debug)]
struct Records {
    items: Items,
    /// What is left of the item at hand.
    item: Bytes,
    receiver: String,
    gap: Option<Gap>,
    /// A message whose payload is the next item.
    incomplete: Option<Record>,
}

impl Records {
    fn new(items: Items) -> Self {
        Self {
            items,
            item: Bytes::new(),
            receiver: String::new(),
            gap: None,
            incomplete: None,
        }
    }

    async fn next(&mut self) -> Result<Tapped, CallError> {
        loop {
            if let Some(tapped) = self.next_of_item().map_err(nonsense)? {
                return Ok(tapped);
            }
            let next = poll_fn(|cx| Pin::new(&mut self.items).poll_next(cx)).await;
            let item = next.ok_or_else(|| nonsense(Malformed("end")))??;
            match self.incomplete.take() {
                None => self.item = item,
                Some(record) => return self.tapped(record, Some(item)).map_err(nonsense),
            }
        }
    }

    fn next_of_item(&mut self) -> Result<Option<Tapped>, Malformed> {
        while !self.item.is_empty() && self.incomplete.is_none() {
            let record = Record::decode(&mut self.item)?;
            match record.kind {
                RecordKind::Gap(dropped) => {
                    let gap = Gap {
                        dropped,
                        is_disconnected: false,
                    };
                    self.gap = Some(self.gap.unwrap_or_default().merge(gap));
                }
                RecordKind::Receiver => {
                    let text = std::str::from_utf8(&record.rest);
                    text.map_err(|_| Malformed("receiver"))?
                        .clone_into(&mut self.receiver);
                }
                _ if record.is_long => self.incomplete = Some(record),
                _ => return self.tapped(record, None).map(Some),
            }
        }
        Ok(None)
    }

    fn tapped(&mut self, record: Record, payload: Option<Bytes>) -> Result<Tapped, Malformed> {
        let mut message = Message::of(record, payload)?;
        message.set_gap(self.gap.take());
        let receiver = std::mem::take(&mut self.receiver);
        Ok(Tapped { message, receiver })
    }
}

fn nonsense(error: Malformed) -> CallError {
    Failure::new(Category::Protocol, Code::BAD_FRAME, error.to_string()).into()
}

impl fmt::Debug for Tapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tapping").finish_non_exhaustive()
    }
}
