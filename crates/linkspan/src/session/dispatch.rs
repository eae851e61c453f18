//! Running handlers: at once on the reader's task, or on tasks of their own.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::mem;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use proto::StreamId;
use proto::error::{Category, Code};
use proto::frame::Flags;
use proto::message::{CancelReason, Failure, Text};
use tokio::sync::Semaphore;
use tracing::error;

use crate::clock;
use crate::session::context::{CallFacts, Signal};
use crate::session::handler::{BoxFuture, Handler, Method, Panicked, caught, poll_caught};
use crate::session::inbox::{Inbox, RecvStream};
use crate::session::lane::Lane;
use crate::session::offload::offload;
use crate::session::outlet::Outlet;
use crate::session::shared::{Shared, State};
use crate::session::slot::Slot;
use crate::session::{Body, CallError, Config, Event, Items, Request, Response};

/// The part of a driver that has requests and events handled.
///
/// Handlers run while a read is worked off. What they give is kept until the driver settles the
/// read under the lock: then streams exist, answers are sent and tasks begin.
pub(crate) struct Dispatch {
    /// Permits for handlers that keep threads.
    threads: Arc<Semaphore>,
    shared: Arc<Shared>,
    handler: Arc<dyn Handler>,
    /// Streams that were opened in this read, in their order.
    opened: VecDeque<Opened>,
    answers: Vec<(StreamId, Response)>,
    failures: Vec<(StreamId, Failure)>,
    tasks: Vec<(StreamId, Work)>,
    lane: Lane,
    /// When the handlers of this read began, and when the latest one was done.
    began: Instant,
    latest: Instant,
    over_budget: bool,
}

/// A stream that the peer opened.
struct Opened {
    stream: StreamId,
    slot: Slot,
}

/// What a task does.
enum Work {
    Handle(Text, BoxFuture<Result<Response, CallError>>, Timing),
    Answer(Response),
}

/// When a request was received, and when its handler began.
#[derive(Debug)]
struct Timing {
    received: Instant,
    begun: Begun,
}

#[derive(Debug)]
enum Begun {
    At(Instant),
    /// When its task runs.
    WithTask,
    /// When it gets its thread.
    WithThread(Arc<OnceLock<Instant>>),
}

/// A request as it was received.
pub(crate) struct Received {
    pub(crate) stream: StreamId,
    pub(crate) id: u64,
    pub(crate) request: proto::message::Request,
    pub(crate) deadline: Option<Instant>,
    pub(crate) flags: Flags,
}

impl Dispatch {
    pub(crate) fn new(shared: Arc<Shared>, handler: Arc<dyn Handler>) -> Self {
        Self {
            lane: Lane::new(Arc::clone(&shared), Arc::clone(&handler)),
            threads: Arc::new(Semaphore::new(shared.config.max_blocking_handlers.max(1))),
            shared,
            handler,
            opened: VecDeque::new(),
            answers: Vec::new(),
            failures: Vec::new(),
            tasks: Vec::new(),
            began: clock::now(),
            latest: clock::now(),
            over_budget: false,
        }
    }

    /// Begins to work off a read.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.began = now;
        self.latest = now;
        self.over_budget = false;
    }

    /// Whether handlers of this read have taken their time, so that it should be settled.
    pub(crate) fn is_over_budget(&self) -> bool {
        self.over_budget && !self.answers.is_empty()
    }

    /// Has a request handled.
    pub(crate) fn request(&mut self, received: Received, cx: &mut Context<'_>) {
        let stream = received.stream;
        let method = self.handler.method(&received.request.method);
        let facts = self.facts(received.id, stream, received.deadline);
        let (request, inbox) = self.make_request(received, Arc::clone(&facts));
        let name = request.method.clone();
        let streams = inbox.is_some();
        let moved = method.placement().is_moved();
        let done = match caught(|| method.call(request)) {
            Err(Panicked) => {
                self.fail(stream, panicked(&name));
                true
            }
            Ok(future) if moved => {
                let budget = self.shared.config.inline_budget;
                let begun = Arc::default();
                let threads = Arc::clone(&self.threads);
                let future = offload(future, method, budget, threads, Arc::clone(&begun));
                self.later(stream, name, Box::pin(future), Begun::WithThread(begun));
                false
            }
            Ok(future) if self.over_budget => {
                self.later(stream, name, future, Begun::WithTask);
                false
            }
            Ok(future) => self.run(stream, name, &*method, future, cx),
        };
        // Nobody looks for the slot of a stream that is answered already.
        if !done || streams {
            self.opened.push_back(Opened {
                stream,
                slot: Slot::of_handler(facts, inbox),
            });
        }
    }

    /// Has an event handled.
    pub(crate) fn event(
        &mut self,
        stream: StreamId,
        id: u64,
        event: proto::message::Event,
        cost: u64,
        cx: &mut Context<'_>,
    ) {
        let event = Event {
            topic: event.topic,
            sent_at: SystemTime::UNIX_EPOCH + Duration::from_micros(event.micros_since_1970),
            metadata: event.metadata,
            body: event.body,
            facts: Some(self.facts(id, stream, None)),
        };
        self.lane.handle(event, cost, cx);
    }

    /// Attaches its slot to a stream that was opened in this read, if it needs one.
    pub(crate) fn attach_slot(&mut self, state: &mut State, stream: StreamId) {
        // Streams are settled in the order in which they were opened.
        if self
            .opened
            .front()
            .is_some_and(|opened| opened.stream == stream)
            && let Some(opened) = self.opened.pop_front()
        {
            state.send.attach(stream, opened.slot);
        }
    }

    /// Sends what handlers gave and begins their tasks, under the lock.
    pub(crate) fn settle(&mut self, state: &mut State) {
        for (stream, response) in self.answers.drain(..) {
            respond(state, stream, response);
        }
        for (stream, failure) in self.failures.drain(..) {
            // A stream that has closed meanwhile needs no failure.
            state.send.fail(stream, failure).ok();
        }
        for (stream, work) in self.tasks.drain(..) {
            let task = tokio::spawn(work.run(Arc::clone(&self.shared), stream)).abort_handle();
            match state.send.attachment_mut(stream) {
                Some(slot) => slot.task = Some(task),
                None => task.abort(),
            }
        }
        self.lane.settle(&mut state.send);
    }

    /// Polls a handler once, here; says whether it is done.
    fn run(
        &mut self,
        stream: StreamId,
        name: Text,
        method: &dyn Method,
        mut future: BoxFuture<Result<Response, CallError>>,
        cx: &mut Context<'_>,
    ) -> bool {
        let poll = poll_caught(&mut future, cx);
        let now = clock::now();
        let budget = self.shared.config.inline_budget;
        let begun = mem::replace(&mut self.latest, now);
        method.placement().note(now - begun, budget);
        self.over_budget |= now - self.began > budget;
        if poll.is_pending() {
            self.later(stream, name, future, Begun::At(begun));
            return false;
        }
        if let Some(health) = &self.shared.health {
            health.answered(now, begun - self.began, now - begun);
        }
        match poll {
            Poll::Pending => return false,
            Poll::Ready(Err(Panicked)) => self.fail(stream, panicked(&name)),
            Poll::Ready(Ok(Err(error))) => self.fail(stream, error.into_failure()),
            Poll::Ready(Ok(Ok(response))) if response.body.is_streaming() => {
                self.tasks.push((stream, Work::Answer(response)));
                return false;
            }
            Poll::Ready(Ok(Ok(response))) => self.answers.push((stream, response)),
        }
        true
    }

    /// Has a task run a handler, which may have begun.
    fn later(
        &mut self,
        stream: StreamId,
        name: Text,
        future: BoxFuture<Result<Response, CallError>>,
        begun: Begun,
    ) {
        let timing = Timing {
            received: self.began,
            begun,
        };
        self.tasks
            .push((stream, Work::Handle(name, future, timing)));
    }

    fn fail(&mut self, stream: StreamId, failure: Failure) {
        self.shared.note_failure(&failure);
        self.failures.push((stream, failure));
    }

    fn make_request(
        &self,
        received: Received,
        facts: Arc<CallFacts>,
    ) -> (Request, Option<Arc<Inbox>>) {
        let Received {
            stream,
            request,
            flags,
            ..
        } = received;
        let (body, inbox) = if flags.contains(Flags::END) {
            (Body::unary(request.body), None)
        } else {
            let inbox = Arc::new(Inbox::default());
            let data = RecvStream::new(Arc::clone(&self.shared), stream, Arc::clone(&inbox));
            let continued = flags.contains(Flags::CONTINUED);
            (Body::received(request.body, data, continued), Some(inbox))
        };
        let request = Request {
            method: request.method,
            metadata: request.metadata,
            timeout: request.timeout,
            idempotent: false,
            body,
            facts: Some(facts),
        };
        (request, inbox)
    }

    fn facts(
        &self,
        message_id: u64,
        stream: StreamId,
        deadline: Option<Instant>,
    ) -> Arc<CallFacts> {
        let shared = Arc::clone(&self.shared);
        Arc::new(CallFacts {
            message_id,
            stream,
            deadline,
            shared,
            signal: Signal::default(),
        })
    }
}

impl Work {
    async fn run(self, shared: Arc<Shared>, stream: StreamId) {
        let answer = match self {
            Self::Answer(response) => Ok(response),
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
        let items = {
            let mut state = shared.lock();
            let items = match answer {
                Ok(response) => respond(&mut state, stream, response),
                Err(failure) => {
                    shared.note_failure(&failure);
                    state.send.fail(stream, failure).ok();
                    None
                }
            };
            shared.flush(state);
            items
        };
        if let Some(items) = items {
            Outlet::new(shared, stream).send_all(items).await;
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

/// Sends a response, or its first piece; gives the items that follow.
fn respond(state: &mut State, stream: StreamId, response: Response) -> Option<Items> {
    let (body, items) = response.body.into_outgoing();
    let mut message = proto::message::Response::new(response.status, body);
    message.metadata = response.metadata;
    let end = items.is_none();
    if let Err(error) = state.send.respond(stream, message, end) {
        // A closed stream needs nothing; all else is for the caller to know.
        let failure = CallError::from(error).into_failure();
        state.send.fail(stream, failure).ok();
        return None;
    }
    if end {
        // What the caller still sends has no reader; an ended direction is left alone.
        state.send.cancel(stream, CancelReason::Done);
    }
    items
}

fn panicked(method: &str) -> Failure {
    error!(method, "the handler panicked");
    Failure::new(
        Category::Handler,
        Code::PANICKED,
        format!("the handler of {method:?} panicked"),
    )
}
