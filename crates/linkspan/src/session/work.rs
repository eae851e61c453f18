//! What is done for a request by a task of its own.

use std::future::poll_fn;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use proto::StreamId;
use proto::error::{Category, Code};
use proto::message::{CancelReason, Failure, Text};
use proto::session::After;
use tracing::error;

use crate::clock;
use crate::compression::Compress;
use crate::session::following::Following;
use crate::session::handler::{BoxFuture, Panicked, poll_caught};
use crate::session::outlet::Outlet;
use crate::session::shared::{Shared, State};
use crate::session::{CallError, Config, Response};

/// What a task does.
pub(super) enum Work {
    Handle(Text, BoxFuture<Result<Response, CallError>>, Timing),
    /// An answer whose first piece is not here as a whole.
    Complete(Response),
}

/// When a request was received, and when its handler began.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) received: Instant,
    pub(super) begun: Begun,
}

#[derive(Debug)]
pub(super) enum Begun {
    At(Instant),
    /// When its task runs.
    WithTask,
    /// When it gets its thread.
    WithThread(Arc<OnceLock<Instant>>),
}

impl Work {
    pub(super) async fn run(self, shared: Arc<Shared>, stream: StreamId) {
        let answer = match self {
            Self::Complete(response) => Ok(response),
            Self::Handle(name, future, timing) => {
                let task_began = clock::now();
                let answer = handle(&name, future, &shared.config).await;
                if let Some(health) = &shared.health {
                    let now = clock::now();
                    let begun = match timing.begun {
                        Begun::At(begun) => begun,
                        Begun::WithTask => task_began,
                        Begun::WithThread(begun) => begun.get().copied().unwrap_or(now),
                    };
                    health.answered(now, begun - timing.received, now - begun);
                }
                answer
            }
        };
        let answer = match answer {
            Ok(response) if response.body.has_partial_head() => complete(response).await,
            answer => answer,
        };
        let answer = answer.map(|response| Outgoing::new(response, &shared));
        let rest = {
            let mut state = shared.lock();
            let rest = match answer {
                Ok(outgoing) => respond(&mut state, stream, outgoing),
                Err(failure) => {
                    shared.note_failure(&failure);
                    state.send.fail(stream, failure).ok();
                    Rest::Nothing
                }
            };
            shared.flush(state);
            rest
        };
        if let Rest::Wanted(following) = rest {
            Outlet::new(shared, stream).send_all(following).await;
        }
    }
}

/// A response whose body was received from elsewhere, with its first piece as a whole.
async fn complete(mut response: Response) -> Result<Response, Failure> {
    let body = response.body.with_whole_head().await;
    response.body = body.map_err(CallError::into_failure)?;
    Ok(response)
}

/// Runs a handler to its answer.
async fn handle(
    name: &str,
    mut future: BoxFuture<Result<Response, CallError>>,
    config: &Config,
) -> Result<Response, Failure> {
    let answer = poll_fn(|cx| poll_caught(&mut future, cx));
    let answer = match config.handler_timeout {
        None => answer.await,
        Some(limit) => tokio::time::timeout(limit, answer)
            .await
            .unwrap_or(Ok(Err(CallError::DeadlineExceeded))),
    };
    match answer {
        Ok(Ok(response)) => Ok(response),
        Ok(Err(error)) => Err(error.into_failure()),
        Err(Panicked) => Err(panicked(name)),
    }
}

/// A response on its way to the protocol, compressed if the connection does that.
#[derive(Debug)]
pub(super) struct Outgoing {
    message: proto::message::Response,
    following: Following,
}

impl Outgoing {
    /// Makes one of a response whose first piece is here as a whole. The lock must not be held.
    pub(super) fn new(response: Response, shared: &Shared) -> Self {
        let is_plain = response.compress == Compress::Never || response.sealed;
        let (body, items) = response.body.into_outgoing();
        let mut message = proto::message::Response::new(response.status, body);
        message.metadata = response.metadata;
        message.sealed = response.sealed;
        let packing = shared.packing.as_ref().filter(|_| !is_plain);
        let following = Following {
            rest: packing.and_then(|packing| packing.response(&mut message, &shared.agreement)),
            items,
            is_plain,
        };
        Self { message, following }
    }

    /// Whether nothing follows its first frame but what the protocol cuts by itself.
    pub(super) fn is_whole(&self) -> bool {
        self.following.after() == After::Nothing
    }
}

/// What of a response is left when its first piece was sent.
#[derive(Debug)]
pub(super) enum Rest {
    Nothing,
    Wanted(Following),
    /// The caller has gone. They may be what comes by a stream of this very session, which takes its
    /// lock when it is dropped: they are dropped without it.
    Unwanted(Following),
}

/// Sends a response, or its first piece; gives what is left of it.
pub(super) fn respond(state: &mut State, stream: StreamId, outgoing: Outgoing) -> Rest {
    let Outgoing { message, following } = outgoing;
    let after = following.after();
    if let Err(error) = state.send.respond_with(stream, message, after) {
        // A closed stream needs nothing; all else is for the caller to know.
        let failure = CallError::from(error).into_failure();
        state.send.fail(stream, failure).ok();
        return match after {
            After::Nothing => Rest::Nothing,
            _ => Rest::Unwanted(following),
        };
    }
    if following.items.is_none() {
        // What the caller still sends has no reader; an ended direction is left alone.
        state.send.cancel(stream, CancelReason::Done);
    }
    match after {
        After::Nothing => Rest::Nothing,
        _ => Rest::Wanted(following),
    }
}

pub(super) fn panicked(method: &str) -> Failure {
    error!(method, "the handler panicked");
    Failure::new(
        Category::Handler,
        Code::PANICKED,
        format!("the handler of {method:?} panicked"),
    )
}
