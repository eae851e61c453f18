//! Bodies: one piece of bytes, followed by a stream of items or not.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_core::Stream;

use crate::session::CallError;
use crate::session::gather::Gather;
use crate::session::inbox::RecvStream;

/// The body of a request or a response.
///
/// A unary body is one piece. A streaming one has items after its first piece, which then holds
/// the arguments of the call or nothing.
#[derive(Debug, Default)]
pub struct Body {
    head: Bytes,
    rest: Rest,
}

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
            rest: Rest::Produced(Box::pin(items)),
        }
    }

    pub(crate) fn received(head: Bytes, stream: RecvStream, head_continued: bool) -> Self {
        Self {
            head,
            rest: Rest::Received {
                stream,
                head_continued,
            },
        }
    }

    /// The same body again, if it is one piece.
    pub(crate) fn try_clone(&self) -> Option<Self> {
        (!self.is_streaming()).then(|| Self::unary(self.head.clone()))
    }

    /// Whether more than the first piece may follow.
    pub fn is_streaming(&self) -> bool {
        !matches!(self.rest, Rest::None)
    }

    /// The first piece, which may be the beginning of the whole only.
    pub(crate) fn head(&self) -> &[u8] {
        &self.head
    }

    /// All bytes up to the end of the stream as one piece.
    ///
    /// # Errors
    ///
    /// [`CallError::TooLarge`] above the connection's
    /// [`max_message_bytes`](crate::session::Config::max_message_bytes), and what ends the stream
    /// before its time.
    ///
    /// # Cancel safety
    ///
    /// What was read so far is lost with the future.
    pub async fn collect(self) -> Result<Bytes, CallError> {
        if let Rest::None = self.rest {
            return Ok(self.head);
        }
        let limit = self.rest.limit();
        let mut whole = Gather::default();
        whole.push(self.head);
        let mut source = self.rest;
        while let Some(piece) = poll_fn(|cx| source.poll_piece(cx)).await {
            let (bytes, _) = piece?;
            check_limit(whole.len().saturating_add(bytes.len()), limit)?;
            whole.push(bytes);
        }
        Ok(whole.take())
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
    pub async fn split(self) -> Result<(Bytes, Items), CallError> {
        let is_partial = self.has_partial_head();
        let mut items = Items {
            source: self.rest,
            partial: Gather::default(),
        };
        if !is_partial {
            return Ok((self.head, items));
        }
        if let Rest::Received { head_continued, .. } = &mut items.source {
            *head_continued = false;
        }
        items.partial.push(self.head);
        let head = poll_fn(|cx| items.poll_item(cx)).await.transpose()?;
        Ok((head.unwrap_or_default(), items))
    }

    /// Whether the first piece is the beginning of a longer one only.
    pub(crate) fn has_partial_head(&self) -> bool {
        let Rest::Received { head_continued, .. } = self.rest else {
            return false;
        };
        head_continued
    }

    /// The same body with its first piece as a whole, so that it can be sent on.
    pub(crate) async fn with_whole_head(self) -> Result<Self, CallError> {
        let (head, items) = self.split().await?;
        Ok(Self {
            head,
            rest: items.source,
        })
    }

    /// The first piece, which has to be whole, and the items, as they are sent.
    pub(crate) fn into_outgoing(self) -> (Bytes, Option<Items>) {
        match self.rest {
            Rest::None => (self.head, None),
            source => (
                self.head,
                Some(Items {
                    source,
                    partial: Gather::default(),
                }),
            ),
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
    fn poll_item(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, CallError>>> {
        loop {
            let Some(piece) = ready!(self.source.poll_piece(cx)) else {
                return Poll::Ready(None);
            };
            let (bytes, continued) = piece?;
            check_limit(
                self.partial.len().saturating_add(bytes.len()),
                self.source.limit(),
            )?;
            if !continued && self.partial.len() == 0 {
                return Poll::Ready(Some(Ok(bytes)));
            }
            self.partial.push(bytes);
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
            self.source = Rest::None;
        }
        Poll::Ready(item)
    }
}

impl Rest {
    /// Longest piece that is put together, in bytes; what this process makes is its own matter.
    fn limit(&self) -> usize {
        match self {
            Self::Received { stream, .. } => stream.max_message_bytes(),
            Self::None | Self::Produced(_) => usize::MAX,
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

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::Received { .. } => "Received",
            Self::Produced(_) => "Produced",
        })
    }
}

fn check_limit(bytes: usize, limit: usize) -> Result<(), CallError> {
    if bytes <= limit {
        return Ok(());
    }
    let count = |bytes: usize| u64::try_from(bytes).unwrap_or(u64::MAX);
    Err(CallError::TooLarge {
        bytes: count(bytes),
        limit: count(limit),
    })
}
