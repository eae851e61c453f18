//! Bodies: one piece of bytes, followed by a stream of items or not.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;
use proto::frame::Compression;

use crate::compression::announced_bytes;
use crate::session::CallError;
use crate::session::budget::Share;
use crate::session::gather::Gather;
use crate::session::inbox::RecvStream;
use crate::session::shared::Shared;

/// The body of a request or a response.
///
/// A unary body is one piece. A streaming one has items after its first piece, which then holds
/// the arguments of the call or nothing.
#[derive(Debug, Default)]
pub struct Body {
    head: Bytes,
    /// By what the head is still compressed.
    packed: Option<Box<Packed>>,
    rest: Rest,
}

/// What a compressed piece is to be inflated by.
#[derive(Clone)]
struct Packed(Compression, Arc<Shared>);

#[derive(Default)]
enum Rest {
    #[default]
    None,
    /// Data of a stream of the connection; the head may go on in it.
    Received {
        stream: RecvStream,
        head_continued: bool,
    },
    /// Items that this process makes.
    Produced(BoxItems),
}

type BoxItems = Pin<Box<dyn Stream<Item = Result<Bytes, CallError>> + Send>>;

impl Body {
    /// A body of one piece.
    pub fn unary(bytes: impl Into<Bytes>) -> Self {
        Self {
            head: bytes.into(),
            packed: None,
            rest: Rest::None,
        }
    }

    /// A body with items after its first piece.
    pub fn streaming(
        head: impl Into<Bytes>,
        items: impl Stream<Item = Result<Bytes, CallError>> + Send + 'static,
    ) -> Self {
        Self {
            head: head.into(),
            packed: None,
            rest: Rest::Produced(Box::pin(items)),
        }
    }

    pub(crate) fn received(head: Bytes, stream: RecvStream, head_continued: bool) -> Self {
        Self {
            head,
            packed: None,
            rest: Rest::Received {
                stream,
                head_continued,
            },
        }
    }

    /// The same body, whose first piece is compressed.
    pub(crate) fn packed_by(mut self, compression: Compression, shared: &Arc<Shared>) -> Self {
        self.packed = Some(Box::new(Packed(compression, Arc::clone(shared))));
        self
    }

    /// The same body again, if it is one piece.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        (!self.is_streaming()).then(|| Self {
            head: self.head.clone(),
            packed: self.packed.clone(),
            rest: Rest::None,
        })
    }

    /// Whether more than the first piece may follow.
    pub fn is_streaming(&self) -> bool {
        !matches!(self.rest, Rest::None)
    }

    /// Whether it is one piece that is here as it is.
    pub(crate) fn is_here(&self) -> bool {
        !self.is_streaming() && self.packed.is_none()
    }

    /// The first piece, which may be the beginning of the whole only, or compressed.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// Length of the first piece, in bytes, as its sender had it.
    pub(crate) fn head_bytes(&self) -> u64 {
        match &self.packed {
            Some(_) => announced_bytes(&self.head).into(),
            None => u64::try_from(self.head.len()).unwrap_or(u64::MAX),
        }
    }

    /// Inflates the first piece, if it is compressed.
    fn inflate(&mut self) -> Result<(), CallError> {
        if let Some(packed) = self.packed.take() {
            let Packed(compression, shared) = &*packed;
            self.head = shared.inflate(*compression, &self.head)?;
        }
        Ok(())
    }

    /// All bytes up to the end of the stream as one piece.
    ///
    /// # Errors
    ///
    /// [`CallError::TooLarge`] above the connection's
    /// [`max_message_bytes`](crate::session::Config::max_message_bytes); of a request,
    /// [`CallError::Failed`] with code `busy` above its
    /// [`max_collected_bytes`](crate::session::Config::max_collected_bytes); and what ends the stream
    /// before its time.
    ///
    /// # Cancel safety
    ///
    /// What was read so far is lost with the future.
    pub async fn collect(mut self) -> Result<Bytes, CallError> {
        self.inflate()?;
        if let Rest::None = self.rest {
            return Ok(self.head);
        }
        let mut source = self.rest;
        let mut gather = source.gather();
        gather.push(self.head)?;
        while let Some(piece) = poll_fn(|cx| source.poll_piece(cx)).await {
            let (bytes, _) = piece?;
            gather.push(bytes)?;
        }
        let (whole, share) = gather.into_whole();
        source.keep(share);
        Ok(whole)
    }

    /// The first piece, whole, and the items after it.
    ///
    /// # Errors
    ///
    /// As [`collect`](Self::collect).
    ///
    /// # Cancel safety
    ///
    /// What was read so far is lost with the future.
    pub async fn split(mut self) -> Result<(Bytes, Items), CallError> {
        self.inflate()?;
        let is_partial = self.has_partial_head();
        let mut items = Items::of(self.rest);
        if !is_partial {
            return Ok((self.head, items));
        }
        if let Rest::Received { head_continued, .. } = &mut items.source {
            *head_continued = false;
        }
        items.partial.push(self.head)?;
        let head = poll_fn(|cx| items.poll_item(cx)).await.transpose()?;
        Ok((head.unwrap_or_default(), items))
    }

    /// Whether the first piece is the beginning of a longer one only, or compressed.
    pub(crate) fn has_partial_head(&self) -> bool {
        match self.rest {
            _ if self.packed.is_some() => true,
            Rest::Received { head_continued, .. } => head_continued,
            _ => false,
        }
    }

    /// The same body with its first piece as a whole, so that it can be sent on.
    pub(crate) async fn with_whole_head(self) -> Result<Self, CallError> {
        let (head, items) = self.split().await?;
        Ok(Self {
            head,
            packed: None,
            rest: items.source,
        })
    }

    /// The first piece, which has to be whole, and the items, as they are sent.
    pub(crate) fn into_outgoing(self) -> (Bytes, Option<Items>) {
        match self.rest {
            Rest::None => (self.head, None),
            source => (self.head, Some(Items::of(source))),
        }
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::unary(bytes)
    }
}

/// The items of a streaming body.
///
/// After an error nothing follows. Dropping it tells the sender to stop.
#[derive(Debug, Default)]
pub struct Items {
    source: Rest,
    /// The pieces of an item that is not complete.
    partial: Gather,
}

impl Items {
    fn of(source: Rest) -> Self {
        let partial = source.gather();
        Self { source, partial }
    }

    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CallError>>> {
        loop {
            let Some(piece) = ready!(self.source.poll_piece(cx)) else {
                return Poll::Ready(None);
            };
            let (bytes, continued) = piece?;
            if !continued && self.partial.is_empty() {
                self.partial.check(bytes.len())?;
                return Poll::Ready(Some(Ok(bytes)));
            }
            self.partial.push(bytes)?;
            if !continued {
                return Poll::Ready(Some(Ok(self.partial.take())));
            }
        }
    }
}

impl Stream for Items {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.poll_item(cx));
        if matches!(item, None | Some(Err(_))) {
            *self = Self::default();
        }
        Poll::Ready(item)
    }
}

impl Rest {
    /// Where pieces are put together, within limits; what this process makes is its own matter.
    fn gather(&self) -> Gather {
        match self {
            Self::Received { stream, .. } => stream.gather(),
            Self::None | Self::Produced(_) => Gather::default(),
        }
    }

    /// Has a request keep what its body has of the connection's budget, until it is over.
    fn keep(&self, share: Option<Share>) {
        if let (Self::Received { stream, .. }, Some(share)) = (self, share) {
            stream.keep(share);
        }
    }

    /// The next piece and whether its item goes on.
    fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<(Bytes, bool), CallError>>> {
        match self {
            Self::None => Poll::Ready(None),
            Self::Received { stream, .. } => stream
                .poll_piece(cx)
                .map(|piece| piece.map(|piece| piece.map(|piece| (piece.bytes, piece.continued)))),
            Self::Produced(items) => items
                .as_mut()
                .poll_next(cx)
                .map(|item| item.map(|item| item.map(|i| (i, false)))),
        }
    }
}

impl fmt::Debug for Packed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Packed").field(&self.0).finish()
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Received { .. } => "Received",
            Self::Produced(_) => "Produced",
        })
    }
}
