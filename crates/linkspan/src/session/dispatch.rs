//! Running handlers: at once on the reader's task, or on tasks of their own.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use proto::StreamId;
use proto::error::SessionError;
use proto::frame::Flags;
use proto::message::{Failure, Text};
use tokio::sync::Semaphore;
use tokio::task::AbortHandle;

use crate::clock;
use crate::compression::Compress;
use crate::session::context::{CallFacts, Signal};
use crate::session::following::Following;
use crate::session::handler::{BoxFuture, Handler, Method, Panicked, caught, poll_caught};
use crate::session::inbox::{Inbox, RecvStream};
use crate::session::lane::Lane;
use crate::session::message::Source;
use crate::session::offload::offload;
use crate::session::outlet::Outlet;
use crate::session::shared::{Shared, State};
use crate::session::slot::Slot;
use crate::session::work::{Begun, Outgoing, Rest, Timing, Work, panicked, respond};
use crate::session::{Body, CallError, Event, Request, Response};

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
    answers: Vec<(StreamId, Outgoing)>,
    failures: Vec<(StreamId, Failure)>,
    tasks: Vec<(StreamId, Work)>,
    lane: Lane,
    /// What is dropped once the lock is given back.
    unwanted: Vec<Following>,
    /// How long each handler of this read waited, and ran.
    times: Vec<(Duration, Duration)>,
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
            unwanted: Vec::new(),
            times: Vec::new(),
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

    /// Gives memory back that a burst left behind.
    pub(crate) fn shrink(&mut self) {
        self.opened.shrink_to_fit();
        self.answers.shrink_to_fit();
        self.failures.shrink_to_fit();
        self.tasks.shrink_to_fit();
        self.times.shrink_to_fit();
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
    ///
    /// # Errors
    ///
    /// What it is compressed to is none; the session is over.
    pub(crate) fn event(
        &mut self,
        stream: StreamId,
        id: u64,
        event: proto::message::Event,
        cost: u64,
        cx: &mut Context<'_>,
    ) -> Result<(), SessionError> {
        let event = Event {
            topic: event.topic,
            sent_at: SystemTime::UNIX_EPOCH + Duration::from_micros(event.micros_since_1970),
            metadata: event.metadata,
            body: event.body,
            sealed: event.sealed,
            packed: event.compression,
            source: Source {
                message_id: id,
                stream,
                shared: Arc::clone(&self.shared),
            },
        };
        self.lane.handle(event, cost, cx)
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
        if let Some(health) = &self.shared.health {
            health.answered_all(self.latest, &self.times);
        }
        self.times.clear();
        let mut answers = mem::take(&mut self.answers);
        for (stream, outgoing) in answers.drain(..) {
            match respond(state, stream, outgoing) {
                Rest::Nothing => {}
                Rest::Unwanted(following) => self.unwanted.push(following),
                Rest::Wanted(following) => self.send_rest(state, stream, following),
            }
        }
        self.answers = answers;
        for (stream, failure) in self.failures.drain(..) {
            // A stream that has closed meanwhile needs no failure.
            state.send.fail(stream, failure).ok();
        }
        let mut tasks = mem::take(&mut self.tasks);
        for (stream, work) in tasks.drain(..) {
            let task = tokio::spawn(work.run(Arc::clone(&self.shared), stream));
            attach_task(state, stream, task.abort_handle());
        }
        self.tasks = tasks;
        self.lane.settle(&mut state.send);
    }

    /// Has a task send what follows the first piece of an answer.
    fn send_rest(&self, state: &mut State, stream: StreamId, following: Following) {
        let outlet = Outlet::new(Arc::clone(&self.shared), stream);
        let task = tokio::spawn(outlet.send_all(following));
        attach_task(state, stream, task.abort_handle());
    }

    /// Forgets what nobody wants, without the lock.
    pub(crate) fn forget(&mut self) {
        self.unwanted.clear();
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
        self.times.push((begun - self.began, now - begun));
        match poll {
            Poll::Pending => return false,
            Poll::Ready(Err(Panicked)) => self.fail(stream, panicked(&name)),
            Poll::Ready(Ok(Err(error))) => self.fail(stream, error.into_failure()),
            Poll::Ready(Ok(Ok(response))) => return self.answer(stream, response),
        }
        true
    }

    /// Takes the answer of a handler that is done; says whether nothing of it follows.
    fn answer(&mut self, stream: StreamId, response: Response) -> bool {
        if response.body.has_partial_head() {
            self.tasks.push((stream, Work::Complete(response)));
            return false;
        }
        let outgoing = Outgoing::new(response, &self.shared);
        if self.shared.packing.is_some() {
            // Compressing it is not the next handler's time.
            self.latest = clock::now();
        }
        let is_whole = outgoing.is_whole();
        self.answers.push((stream, outgoing));
        is_whole
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
        let (mut body, inbox) = if flags.contains(Flags::END) {
            (Body::unary(request.body), None)
        } else {
            let inbox = Arc::new(Inbox::default());
            let data = RecvStream::new(Arc::clone(&self.shared), stream, Arc::clone(&inbox));
            let continued = flags.contains(Flags::CONTINUED);
            (Body::received(request.body, data, continued), Some(inbox))
        };
        if let Some(compression) = request.compression {
            body = body.packed_by(compression, &self.shared);
        }
        let request = Request {
            method: request.method,
            metadata: request.metadata,
            timeout: request.timeout,
            idempotent: false,
            body,
            sealed: request.sealed,
            compress: Compress::default(),
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

/// Has a task end with its stream.
fn attach_task(state: &mut State, stream: StreamId, task: AbortHandle) {
    match state.send.attachment_mut(stream) {
        Some(slot) => slot.task = Some(task),
        None => task.abort(),
    }
}
