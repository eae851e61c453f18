//! Bodies in envelopes, with the items after them.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use proto::message::Text;

use crate::auth::seal::{Binding, OpenError, Opener, Part, SealError, Sealing};
use crate::codec::{Codec, Payload};
use crate::session::{Body, CallError, Items};

/// What all bodies of one direction of a call are bound to.
#[derive(Debug, Clone)]
pub(super) struct Way {
    pub(super) part: Part,
    pub(super) sender: Text,
    pub(super) target: Text,
    pub(super) codec: Codec,
    pub(super) correlation: Text,
}

impl Way {
    /// Seals a body and its items.
    pub(super) async fn seal(self, sealing: &Sealing, body: Body) -> Result<Body, CallError> {
        let body = match body.has_partial_head() {
            true => body.with_whole_head().await?,
            false => body,
        };
        let (head, items) = body.into_outgoing();
        let mark = if items.is_some() { MORE } else { LAST };
        let head = self.seal_one(sealing, 0, [&[mark], &head])?;
        Ok(match items {
            None => Body::unary(head),
            Some(items) => Body::streaming(head, SealedItems::new(self, sealing.clone(), items)),
        })
    }

    /// Opens a body that was sealed so, and its items as they come; one that opens a call only once.
    pub(super) async fn open(self, opener: &Arc<Opener>, body: Body) -> Result<Body, CallError> {
        let (head, items) = body.split().await?;
        let binding = self.binding(self.part, self.codec, 0);
        let opened = match self.part {
            Part::Request | Part::Event => opener.open(&binding, &head),
            _ => opener.open_bound(&binding, &head),
        };
        Ok(match take_mark(opened.map_err(not_opened)?)? {
            (LAST, head) => Body::unary(head),
            (_, head) => Body::streaming(head, OpenedItems::new(self, Arc::clone(opener), items)),
        })
    }

    fn seal_one(
        &self,
        sealing: &Sealing,
        index: u64,
        parts: [&[u8]; 2],
    ) -> Result<Bytes, CallError> {
        let binding = self.binding(self.part, self.codec, index);
        let sealed = sealing.sealer().seal_parts(&binding, parts);
        sealed.map_err(not_sealed)
    }

    /// Seals the method's own error in the place of an item.
    fn seal_error(
        &self,
        sealing: &Sealing,
        index: u64,
        error: &Payload,
    ) -> Result<Payload, CallError> {
        let binding = self.binding(Part::Error, error.codec, index);
        let sealed = sealing
            .sealer()
            .seal_parts(&binding, [&[LAST], &error.bytes]);
        Ok(Payload::new(error.codec, sealed.map_err(not_sealed)?))
    }

    fn open_one(&self, opener: &Opener, index: u64, item: &[u8]) -> Result<(u8, Bytes), CallError> {
        let binding = self.binding(self.part, self.codec, index);
        take_mark(opener.open_bound(&binding, item).map_err(not_opened)?)
    }

    fn open_error(
        &self,
        opener: &Opener,
        index: u64,
        error: &Payload,
    ) -> Result<Payload, CallError> {
        let binding = self.binding(Part::Error, error.codec, index);
        let opened = opener.open_bound(&binding, &error.bytes);
        let (_, bytes) = take_mark(opened.map_err(not_opened)?)?;
        Ok(Payload::new(error.codec, bytes))
    }

    fn binding(&self, part: Part, codec: Codec, index: u64) -> Binding<'_> {
        Binding {
            part,
            sender: &self.sender,
            target: &self.target,
            content_type: codec.name(),
            correlation: &self.correlation,
            index,
        }
    }
}

/// Items that are sealed as they leave, and an end behind them.
struct SealedItems {
    way: Way,
    sealing: Sealing,
    /// None after the end.
    items: Option<Items>,
    /// Of the item before.
    index: u64,
}

impl SealedItems {
    fn new(way: Way, sealing: Sealing, items: Items) -> Self {
        Self {
            way,
            sealing,
            items: Some(items),
            index: 0,
        }
    }
}

impl Stream for SealedItems {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(items) = &mut self.items else {
            return Poll::Ready(None);
        };
        let item = ready!(Pin::new(items).poll_next(cx));
        self.index += 1;
        let (way, sealing, index) = (&self.way, &self.sealing, self.index);
        let sealed = match &item {
            Some(Ok(item)) => way.seal_one(sealing, index, [&[MORE], item]),
            None => way.seal_one(sealing, index, [&[LAST], &[]]),
            Some(Err(CallError::Application(error))) => {
                let sealed = way.seal_error(sealing, index, error);
                sealed.and_then(|sealed| Err(CallError::Application(sealed)))
            }
            Some(Err(error)) => Err(error.clone()),
        };
        if !matches!(item, Some(Ok(_))) || sealed.is_err() {
            self.items = None;
        }
        Poll::Ready(Some(sealed))
    }
}

/// Items that are opened as they come.
struct OpenedItems {
    way: Way,
    opener: Arc<Opener>,
    /// None after the end.
    items: Option<Items>,
    /// Of the item before.
    index: u64,
}

impl OpenedItems {
    fn new(way: Way, opener: Arc<Opener>, items: Items) -> Self {
        Self {
            way,
            opener,
            items: Some(items),
            index: 0,
        }
    }

    /// What an item is; nothing for the end that its sender sealed.
    fn open(&self, item: Option<Result<Bytes, CallError>>) -> Result<Option<Bytes>, CallError> {
        let (way, opener, index) = (&self.way, &self.opener, self.index);
        match item {
            Some(Ok(item)) => {
                let (mark, item) = way.open_one(opener, index, &item)?;
                Ok((mark == MORE).then_some(item))
            }
            None => Err(not_opened(OpenError::CutOff { items: index - 1 })),
            Some(Err(CallError::Application(error))) => Err(CallError::Application(
                way.open_error(opener, index, &error)?,
            )),
            Some(Err(error)) => Err(error),
        }
    }
}

impl Stream for OpenedItems {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(items) = &mut self.items else {
            return Poll::Ready(None);
        };
        let item = ready!(Pin::new(items).poll_next(cx));
        self.index += 1;
        let opened = self.open(item).transpose();
        if !matches!(opened, Some(Ok(_))) {
            self.items = None;
        }
        Poll::Ready(opened)
    }
}

/// Takes the byte off that says whether an item follows.
fn take_mark(mut body: Bytes) -> Result<(u8, Bytes), CallError> {
    match body.first().copied() {
        Some(mark @ (LAST | MORE)) => Ok((mark, body.split_off(1))),
        _ => Err(not_opened(OpenError::Malformed { part: "mark" })),
    }
}

pub(super) fn not_opened(error: OpenError) -> CallError {
    error.into_failure().into()
}

pub(super) fn not_sealed(error: SealError) -> CallError {
    error.into_failure().into()
}

/// Nothing follows.
const LAST: u8 = 0;
/// An item follows.
const MORE: u8 = 1;
