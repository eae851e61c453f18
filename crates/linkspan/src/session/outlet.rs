//! Sending data on a stream.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_core::Stream;
use proto::StreamId;
use proto::error::SendError;
use proto::message::{CancelReason, Response, Status};

use crate::session::shared::Shared;
use crate::session::{CallError, Items};

/// The writing end of a stream.
#[derive(Debug)]
pub(crate) struct Outlet {
    shared: Arc<Shared>,
    stream: StreamId,
}

impl Outlet {
    pub(crate) fn new(shared: Arc<Shared>, stream: StreamId) -> Self {
        Self { shared, stream }
    }

    /// Sends all items and ends this direction of the stream.
    ///
    /// Stops early when the peer needs no more or the stream is closed.
    pub(crate) async fn send_all(self, mut items: Items) {
        while let Some(item) = poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
            let sent = match item {
                Ok(item) => self.send(item).await,
                Err(error) => return self.fail(error),
            };
            if sent.is_err() {
                return;
            }
        }
        self.shared.finish(self.stream);
    }

    /// Sends one item, waiting until the stream takes it.
    async fn send(&self, item: Bytes) -> Result<(), SendError> {
        let mut item = Some(item);
        poll_fn(|cx| self.poll_send(cx, &mut item)).await
    }

    fn poll_send(
        &self,
        cx: &mut Context<'_>,
        item: &mut Option<Bytes>,
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
        let Some(item) = item.take() else {
            return Poll::Ready(Ok(()));
        };
        let result = state.send.send_item(self.stream, item, false);
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
