//! Sending data on a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use proto::StreamId;
use proto::error::{Category, Code, SendError};
use proto::message::{CancelReason, Failure, Response, Status};
use proto::session::Piece;
use tokio::task::yield_now;
use tracing::error;

use crate::compression::Effort;
use crate::session::following::Following;
use crate::session::handler::{Panicked, caught};
use crate::session::shared::Shared;
use crate::session::{CallError, Items};

/// The writing end of a stream.
#[derive(Debug)]
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    stream: StreamId,
    /// Whether compressing is worth while on this stream.
    effort: Effort,
    is_plain: bool,
}

impl Outlet {
    pub(crate) fn new(shared: Arc<Shared>, stream: StreamId) -> Self {
        Self {
            shared,
            stream,
            effort: Effort::default(),
            is_plain: false,
        }
    }

    /// Sends what is left of a message and ends this direction of the stream.
    ///
    /// Stops early when the peer needs no more or the stream is closed.
    pub(crate) async fn send_all(mut self, following: Following) {
        self.is_plain = following.is_plain;
        let is_last = following.items.is_none();
        if let Some(rest) = following.rest
            && self.send(rest, is_last).await.is_err()
        {
            return;
        }
        if let Some(items) = following.items {
            self.send_items(items).await;
        }
    }

    async fn send_items(mut self, mut items: Items) {
        loop {
            let item = match poll_fn(|cx| poll_item(&mut items, cx)).await {
                Ok(Some(Ok(item))) => item,
                Ok(Some(Err(error))) => return self.fail(error),
                Err(Panicked) => return self.fail(panicked()),
                Ok(None) => break,
            };
            if self.send(item, false).await.is_err() {
                return;
            }
        }
        self.shared.finish(self.stream);
    }

    /// Sends one item, piece by piece where it is compressed, waiting until the stream takes it; `end` if
    /// nothing follows it.
    async fn send(&mut self, mut item: Bytes, end: bool) -> Result<(), SendError> {
        loop {
            let piece = match self.shared.packing.as_deref().filter(|_| !self.is_plain) {
                Some(packing) => packing.piece(&mut item, &mut self.effort),
                None => Piece::new(std::mem::take(&mut item)),
            };
            let (is_last, mut piece) = (!piece.continued, Some(piece));
            poll_fn(|cx| self.poll_send(cx, &mut piece, end && is_last)).await?;
            if is_last {
                return Ok(());
            }
            // Compressing takes its time; others on the thread get theirs between two pieces.
            yield_now().await;
        }
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        piece: &mut Option<Piece>,
        end: bool,
    ) -> Poll<Result<(), SendError>> {
        let mut state = self.shared.lock();
        match state.send.can_send_item(self.stream) {
            Err(SendError::Blocked) => {
                state.wait_for_stream(self.stream, cx.waker());
                return Poll::Pending;
            }
            Err(error) => return Poll::Ready(Err(error)),
            Ok(()) => {}
        }
        let Some(piece) = piece.take() else {
            return Poll::Ready(Ok(()));
        };
        let result = state.send.send_piece(self.stream, piece, end);
        self.shared.flush(state);
        Poll::Ready(result)
    }

    /// Ends the stream by an error of the items.
    fn fail(&self, error: CallError) {
        let mut state = self.shared.lock();
        if self.stream.opener() == Some(state.send.role()) {
            // A caller whose items fail has nothing to ask any more.
            state.send.cancel(self.stream, CancelReason::Dropped);
        } else {
            let result = match error {
                CallError::Application(payload) => {
                    let mut response = Response::new(Status::Error, payload.bytes);
                    payload.codec.note_in(&mut response.metadata);
                    state.send.respond(self.stream, response, true)
                }
                error => state.send.fail(self.stream, error.into_failure()),
            };
            result.ok();
        }
        self.shared.flush(state);
    }
}

/// The next of the items, which are somebody else's code.
fn poll_item(
    items: &mut Items,
    cx: &mut Context<'_>,
) -> Poll<Result<Option<Result<Bytes, CallError>>, Panicked>> {
    match caught(|| Pin::new(items).poll_next(cx)) {
        Ok(poll) => poll.map(Ok),
        Err(panicked) => Poll::Ready(Err(panicked)),
    }
}

fn panicked() -> CallError {
    error!("the source of a stream's items panicked");
    Failure::new(
        Category::Handler,
        Code::PANICKED,
        "the source of the stream's items panicked",
    )
    .into()
}
