//! Data that was received on a stream and not read yet.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::BytesMut;
use proto::StreamId;
use proto::message::CancelReason;
use proto::session::Piece;

use crate::codec::{Codec, Payload};
use crate::session::CallError;
use crate::session::budget::Share;
use crate::session::connection::Handle;
use crate::session::gather::Gather;
use crate::session::pieces::Pieces;
use crate::session::shared::Shared;

/// Where the driver puts the data of one stream; bounded by the stream's credit.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pieces: Pieces,
    /// The method's own error, while its pieces come.
    error: Option<(Codec, BytesMut)>,
    /// How the stream ended, once it did.
    end: Option<Result<(), CallError>>,
    /// Nobody will read any more.
    abandoned: bool,
    reader: Option<Waker>,
    /// What the whole body has of the connection's budget, until the request is over.
    share: Option<Share>,
}

impl Inbox {
    /// Adds a piece; gives it back if nobody will read it. The waker is to be woken.
    pub(crate) fn push(&self, piece: Piece) -> Result<Option<Waker>, Piece> {
        let mut state = self.lock();
        if state.abandoned || state.end.is_some() {
            return Err(piece);
        }
        if let Some((_, error)) = &mut state.error {
            append(error, &piece.bytes);
            return Err(piece);
        }
        state.pieces.push(piece);
        Ok(state.reader.take())
    }

    /// What is pushed from now on are further pieces of the method's own error.
    pub(crate) fn begin_error(&self, error: Payload) {
        self.lock().error = Some((error.codec, error.bytes.into()));
    }

    /// Ends the stream after what was pushed; only the first end counts.
    pub(crate) fn end(&self, end: Result<(), CallError>) -> Option<Waker> {
        let mut state = self.lock();
        let end = match state.error.take() {
            Some((codec, error)) => {
                let error = Payload::new(codec, error.freeze());
                end.and(Err(CallError::Application(error)))
            }
            None => end,
        };
        state.end.get_or_insert(end);
        state.reader.take()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The reading end of a stream.
///
/// Dropping it before the end tells the sender to stop.
pub(crate) struct RecvStream {
    shared: Arc<Shared>,
    /// The connection stays open as long as somebody reads.
    _handle: Option<Arc<Handle>>,
    stream: StreamId,
    inbox: Arc<Inbox>,
    /// Credit of pieces that were read but not given back yet.
    read: u64,
    ended: bool,
}

impl RecvStream {
    pub(crate) fn new(shared: Arc<Shared>, stream: StreamId, inbox: Arc<Inbox>) -> Self {
        let handle = shared.handle.get().and_then(Weak::upgrade);
        Self {
            shared,
            _handle: handle,
            stream,
            inbox,
            read: 0,
            ended: false,
        }
    }

    /// The next piece; none after the end.
    pub(crate) fn poll_piece(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Piece, CallError>>> {
        let mut state = self.inbox.lock();
        if let Some(piece) = state.pieces.pop() {
            let last = state.pieces.is_empty();
            drop(state);
            self.read = self.read.saturating_add(piece.cost_bytes());
            // Credit goes back in portions; the last piece of what is there must not keep it.
            if last || self.read >= PORTION_BYTES {
                self.give_back();
            }
            return Poll::Ready(Some(self.inflate(piece)));
        }
        match &state.end {
            Some(_) if self.ended => Poll::Ready(None),
            Some(end) => {
                self.ended = true;
                Poll::Ready(end.clone().err().map(Err))
            }
            None => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The same piece as its sender had it.
    fn inflate(&self, mut piece: Piece) -> Result<Piece, CallError> {
        if let Some(compression) = piece.compression.take() {
            piece.bytes = self.shared.inflate(compression, &piece.bytes)?;
        }
        Ok(piece)
    }

    /// Where pieces are put together. Those of requests have a budget; what this side asked for has none.
    pub(super) fn gather(&self) -> Gather {
        let is_request = self.stream.opener() != Some(self.shared.agreement.role);
        let share = is_request.then(|| Share::of(&self.shared));
        Gather::within(self.shared.config.max_message_bytes, share)
    }

    /// Keeps what a whole body has of the budget until the request is over.
    pub(super) fn keep(&self, share: Share) {
        self.inbox.lock().share = Some(share);
    }

    fn give_back(&mut self) {
        self.shared
            .consume(self.stream, std::mem::take(&mut self.read));
    }
}

impl Drop for RecvStream {
    fn drop(&mut self) {
        let mut state = self.inbox.lock();
        state.abandoned = true;
        let complete = state.end.is_some();
        let unread = state.pieces.clear();
        drop(state);
        self.read = self.read.saturating_add(unread);
        if self.read > 0 {
            self.give_back();
        }
        if !complete {
            self.shared.cancel(self.stream, CancelReason::Dropped);
        }
    }
}

impl fmt::Debug for RecvStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecvStream")
            .field("stream", &self.stream)
            .finish_non_exhaustive()
    }
}

/// Adds a piece to an error; what exceeds the limit is left out.
fn append(whole: &mut BytesMut, piece: &[u8]) {
    let room = MAX_ERROR_BYTES.saturating_sub(whole.len());
    whole.extend_from_slice(piece.get(..room).unwrap_or(piece));
}

const PORTION_BYTES: u64 = 64 * 1024;
/// Longest error of a method after data, in bytes.
const MAX_ERROR_BYTES: usize = 1024 * 1024;
