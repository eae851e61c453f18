//! What received messages mean for those who wait on this side.

use std::sync::Arc;
use std::task::Waker;

use proto::StreamId;
use proto::frame::Flags;
use proto::session::{Incoming, Piece};

use crate::codec::{Codec, Payload};
use crate::compression::Compress;
use crate::session::inbox::{Inbox, RecvStream};
use crate::session::shared::{Caller, Shared, State};
use crate::session::{Body, CallError, Response};

/// Whom to wake once the lock is given back.
#[derive(Default)]
pub(crate) struct Effects {
    answers: Vec<(Caller, Result<Response, CallError>)>,
    wakes: Vec<Waker>,
}

impl Effects {
    /// Whether several callers are about to run, and probably to ask again.
    pub(crate) fn wakes_many(&self) -> bool {
        self.answers.len() > 1
    }

    /// Wakes everybody; the lock must have been given back.
    pub(crate) fn run(&mut self) {
        for (caller, answer) in self.answers.drain(..) {
            // A caller that has gone needs no answer.
            caller.send(answer).ok();
        }
        self.wakes.drain(..).for_each(Waker::wake);
    }

    /// Gives memory back that a burst left behind.
    pub(crate) fn shrink(&mut self) {
        self.answers.shrink_to_fit();
        self.wakes.shrink_to_fit();
    }

    /// Gives a message to whoever waits for it.
    pub(crate) fn deliver(&mut self, shared: &Arc<Shared>, state: &mut State, incoming: Incoming) {
        match incoming {
            Incoming::Response {
                stream,
                response,
                flags,
                ..
            } => {
                self.response(shared, state, stream, response, flags);
            }
            Incoming::Chunk {
                stream,
                chunk,
                flags,
                ..
            } => {
                let mut piece = Piece::new(chunk.body);
                piece.compression = chunk.compression;
                piece.continued = flags.contains(Flags::CONTINUED);
                self.piece(state, stream, piece);
                if flags.contains(Flags::END) {
                    self.end(state, stream, Ok(()));
                }
            }
            Incoming::End { stream } => self.end(state, stream, Ok(())),
            Incoming::Failed { stream, failure } => {
                self.end(state, stream, Err(CallError::from(*failure)));
            }
            Incoming::Cancelled { stream, .. } => {
                let slot = state.send.attachment_mut(stream);
                self.wakes.extend(slot.and_then(|slot| slot.sender.take()));
            }
            _ => {}
        }
    }

    fn response(
        &mut self,
        shared: &Arc<Shared>,
        state: &mut State,
        stream: StreamId,
        response: proto::message::Response,
        flags: Flags,
    ) {
        let Some(slot) = state.send.attachment_mut(stream) else {
            return;
        };
        let Some(caller) = slot.caller.take() else {
            // A second response ends a stream by the method's own error.
            let codec = Codec::of(response.metadata.as_deref()).unwrap_or_default();
            let error = Payload::new(codec, response.body);
            if !flags.contains(Flags::END)
                && let Some(inbox) = &slot.inbox
            {
                return inbox.begin_error(error);
            }
            return self.end(state, stream, Err(CallError::Application(error)));
        };
        let mut body = if flags.contains(Flags::END) {
            Body::unary(response.body)
        } else {
            let inbox = Arc::new(Inbox::default());
            slot.inbox = Some(Arc::clone(&inbox));
            let data = RecvStream::new(Arc::clone(shared), stream, inbox);
            Body::received(response.body, data, flags.contains(Flags::CONTINUED))
        };
        if let Some(compression) = response.compression {
            body = body.packed_by(compression, shared);
        }
        let answer = Response {
            status: response.status,
            metadata: response.metadata,
            body,
            sealed: response.sealed,
            compress: Compress::default(),
        };
        self.answers.push((caller, Ok(answer)));
    }

    fn piece(&mut self, state: &mut State, stream: StreamId, piece: Piece) {
        let inbox = state
            .send
            .attachment_mut(stream)
            .and_then(|slot| slot.inbox.as_ref());
        let unread = match inbox {
            None => piece,
            Some(inbox) => match inbox.push(piece) {
                Ok(waker) => return self.wakes.extend(waker),
                Err(piece) => piece,
            },
        };
        state.send.consume(stream, unread.cost_bytes());
    }

    fn end(&mut self, state: &mut State, stream: StreamId, end: Result<(), CallError>) {
        let Some(slot) = state.send.attachment_mut(stream) else {
            return;
        };
        if let Some(caller) = slot.caller.take() {
            let error = end.err().unwrap_or(CallError::Cancelled);
            return self.answers.push((caller, Err(error)));
        }
        let waker = slot.inbox.as_ref().and_then(|inbox| inbox.end(end));
        self.wakes.extend(waker);
    }
}
