//! The sending half of a connection, shared by all who send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::Waker;
use std::time::Instant;

use bytes::Bytes;
use proto::StreamId;
use proto::error::{SendError, SessionError};
use proto::frame::Compression;
use proto::message::{CancelReason, Event, Failure, Request};
use proto::session::{After, Agreement, Send};
use tokio::sync::{oneshot, watch};
use tokio::task::coop::consume_budget;

use crate::auth::Lapse;
use crate::clock;
use crate::session::budget::Budget;
use crate::session::connection::Handle;
use crate::session::packing::Packing;
use crate::session::room::Room;
use crate::session::slot::{self, Slot};
use crate::session::writing::Writing;
use crate::session::{CallError, Config, Disconnected, Response};
use crate::transport::{Health, Peer, Writer};

/// What callers, handlers and the driver of a connection have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    state: Mutex<State>,
    pub(super) writer: Writer,
    /// Callers that found no stream, no credit or no buffer wait here.
    requests: Room,
    /// Senders of events that found no credit or no buffer do here.
    events: Room,
    pub(crate) life: watch::Sender<Life>,
    pub(crate) config: Arc<Config>,
    pub(crate) peer: Arc<Peer>,
    pub(crate) agreement: Agreement,
    /// Where the listener counts that the connection came by.
    pub(crate) health: Option<Arc<Health>>,
    pub(crate) received_bytes: AtomicU64,
    /// Compresses and inflates bodies, if that was agreed on.
    pub(crate) packing: Option<Box<Packing>>,
    /// What bodies of the peer's requests may take together.
    pub(super) budget: Budget,
    /// Renewals that were begun.
    renewals: AtomicU64,
    /// What its users hold; empty until there is one.
    pub(crate) handle: OnceLock<Weak<Handle>>,
}

/// What stands behind the lock.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) send: Send<Slot>,
    pub(super) writing: Writing,
    /// The driver's waker, while it waits.
    pub(super) driver: Option<Waker>,
    /// When the driver wakes by itself.
    armed: Option<Instant>,
    /// The driver reads nothing more until the peer has read some of what waits for it.
    is_clogged: bool,
    /// What the driver was asked to do.
    stop: Option<Stop>,
    /// A rule that the peer broke, which somebody else than the driver noticed.
    broken: Option<Box<SessionError>>,
    is_over: bool,
}

/// How far a connection has come.
#[derive(Debug, Clone)]
pub(crate) enum Life {
    /// It takes requests.
    Open,
    /// It takes no new requests; what is under way goes on.
    GoingAway,
    /// It is over.
    Over {
        /// Why.
        reason: Disconnected,
        /// Handlers that were cut off.
        cut: usize,
    },
}

/// The driver is asked to end the connection.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stop {
    /// When to give up waiting for what is under way.
    pub(crate) until: Instant,
    /// What the peer is told.
    pub(crate) reason: &'static str,
    /// Set if the peer is believed no longer: then nothing that is under way may finish.
    pub(crate) lapse: Option<Lapse>,
}

/// A stream was not opened.
#[derive(Debug)]
pub(crate) enum Refused {
    /// There is no room now; what was to be sent comes back.
    Blocked(Request, Caller),
    Failed(CallError),
}

/// An event was not sent.
#[derive(Debug)]
enum Unsent {
    /// There is no room now.
    Blocked(Event),
    Failed(SendError),
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        Self::Failed(error)
    }
}

/// Where a caller's answer goes.
pub(crate) type Caller = oneshot::Sender<Result<Response, CallError>>;

impl Shared {
    pub(crate) fn new(
        send: Send<Slot>,
        writer: Writer,
        config: Arc<Config>,
        peer: Arc<Peer>,
        agreement: Agreement,
        health: Option<Arc<Health>>,
    ) -> Self {
        let state = State {
            send,
            writing: Writing::new(writer.empty_transmit()),
            driver: None,
            armed: None,
            is_clogged: false,
            stop: None,
            broken: None,
            is_over: false,
        };
        Self {
            state: Mutex::new(state),
            writer,
            packing: Packing::new(&config.compression, &agreement),
            budget: Budget::default(),
            requests: Room::default(),
            events: Room::default(),
            life: watch::Sender::new(Life::Open),
            config,
            peer,
            agreement,
            health,
            received_bytes: AtomicU64::new(0),
            renewals: AtomicU64::new(0),
            handle: OnceLock::new(),
        }
    }

    /// The number of the next renewal.
    pub(crate) fn next_renewal(&self) -> u64 {
        self.renewals.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Inflates a body of a stream's, which ends only that if it is not what it says.
    pub(crate) fn inflate(
        &self,
        compression: Compression,
        body: &Bytes,
    ) -> Result<Bytes, CallError> {
        let Some(packing) = &self.packing else {
            return Ok(body.clone());
        };
        let inflated = packing.inflate(compression, body);
        inflated.map_err(|error| {
            let authentication = self.config.authentication.as_ref();
            if let Some(authentication) = authentication.filter(|_| packing.is_first_failure()) {
                authentication.note_bad_body(&self.peer, &error);
            }
            error.to_failure().into()
        })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing under the lock panics; if it did, the state would still serve to end in order.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a stream for a request, if there is room for it now.
    pub(crate) fn try_open(
        &self,
        now: Instant,
        request: Request,
        after: After,
        caller: Caller,
    ) -> Result<StreamId, Refused> {
        let mut state = self.lock();
        if state.is_over {
            return Err(CallError::not_accepted("the connection is closed").into());
        }
        match state.send.can_open(&request) {
            Err(SendError::Blocked) => return Err(Refused::Blocked(request, caller)),
            possible => possible.map_err(CallError::from)?,
        }
        let stream = state
            .send
            .open_with(now, request, after)
            .map_err(CallError::from)?;
        state.send.attach(stream, Slot::of_caller(caller));
        state.arm();
        self.flush(state);
        Ok(stream)
    }

    /// Opens a stream for a request, waiting for room.
    pub(crate) async fn open(
        &self,
        mut request: Request,
        after: After,
        mut caller: Caller,
    ) -> Result<StreamId, CallError> {
        let mut now = clock::now();
        let deadline = request.timeout.and_then(|timeout| now.checked_add(timeout));
        let mut place = self.requests.wait();
        loop {
            let room = place.notified();
            (request, caller) = match self.try_open(now, request, after, caller) {
                Ok(stream) => return Ok(stream),
                Err(Refused::Failed(error)) => return Err(error),
                Err(Refused::Blocked(request, caller)) => (request, caller),
            };
            place.pass_on();
            match deadline {
                None => room.await,
                Some(deadline) => tokio::time::timeout_at(deadline.into(), room)
                    .await
                    .map_err(|_| CallError::DeadlineExceeded)?,
            }
            now = clock::now();
            request.timeout = deadline.map(|deadline| deadline.saturating_duration_since(now));
        }
    }

    /// Sends an event, waiting for room if there is none.
    pub(crate) async fn event(&self, mut event: Event) -> Result<(), CallError> {
        if let Some(packing) = &self.packing {
            packing.event(&mut event);
        }
        // A sender of many lets others on its thread go on, the driver with what it sent first.
        consume_budget().await;
        match self.try_event(StreamId::CONNECTION, event) {
            Ok(()) => Ok(()),
            Err(Unsent::Failed(error)) => Err(error.into()),
            // Waiting is rare; it must not make every event's future large.
            Err(Unsent::Blocked(event)) => Box::pin(self.event_later(event)).await,
        }
    }

    async fn event_later(&self, mut event: Event) -> Result<(), CallError> {
        let mut place = self.events.wait();
        loop {
            let room = place.notified();
            event = match self.try_event(StreamId::CONNECTION, event) {
                Ok(()) => return Ok(()),
                Err(Unsent::Failed(error)) => return Err(error.into()),
                Err(Unsent::Blocked(event)) => event,
            };
            place.pass_on();
            room.await;
        }
    }

    /// Sends an event on a stream if there is room for it now; says whether there was.
    #[cfg(feature = "plugin-guest")]
    pub(crate) fn event_now(&self, stream: StreamId, mut event: Event) -> Result<bool, CallError> {
        if let Some(packing) = &self.packing {
            packing.event(&mut event);
        }
        match self.try_event(stream, event) {
            Ok(()) => Ok(true),
            Err(Unsent::Blocked(_)) => Ok(false),
            Err(Unsent::Failed(error)) => Err(error.into()),
        }
    }

    fn try_event(&self, stream: StreamId, event: Event) -> Result<(), Unsent> {
        let mut state = self.lock();
        if state.is_over {
            return Err(Unsent::Failed(SendError::GoingAway));
        }
        match state.send.can_send_event(stream, &event) {
            Err(SendError::Blocked) => return Err(Unsent::Blocked(event)),
            possible => possible.map_err(Unsent::Failed)?,
        }
        let micros = event.micros_since_1970;
        let sent = state.send.event(stream, event);
        sent.map_err(Unsent::Failed)?;
        self.flush_event(state, micros);
        Ok(())
    }

    /// Gives credit back.
    pub(crate) fn consume(&self, stream: StreamId, bytes: u64) {
        let mut state = self.lock();
        state.send.consume(stream, bytes);
        self.flush(state);
    }

    /// Gives up a stream, or stops its sender.
    pub(crate) fn cancel(&self, stream: StreamId, reason: CancelReason) {
        let mut state = self.lock();
        state.send.cancel(stream, reason);
        self.flush(state);
    }

    /// Ends this side's direction of a stream.
    pub(crate) fn finish(&self, stream: StreamId) {
        let mut state = self.lock();
        // If it has ended meanwhile, there is nothing to do.
        state.send.finish(stream).ok();
        self.flush(state);
    }

    /// Asks the driver to end the connection; only the first request counts, a later one may
    /// shorten the time.
    pub(crate) fn stop(&self, stop: Stop) {
        let mut state = self.lock();
        match &mut state.stop {
            Some(old) => {
                old.until = old.until.min(stop.until);
                old.lapse = old.lapse.or(stop.lapse);
            }
            None => state.stop = Some(stop),
        }
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Has the driver end the session because of what its peer sent.
    pub(crate) fn break_off(&self, error: SessionError) {
        let mut state = self.lock();
        state.broken.get_or_insert_with(|| Box::new(error));
        let driver = state.driver.take();
        drop(state);
        if let Some(driver) = driver {
            driver.wake();
        }
    }

    /// Says that the connection takes no new requests.
    pub(crate) fn going_away(&self) {
        self.life.send_if_modified(|life| {
            let open = matches!(life, Life::Open);
            if open {
                *life = Life::GoingAway;
            }
            open
        });
        self.requests.open_for_all();
        self.events.open_for_all();
    }

    /// Ends all streams because the connection is over.
    pub(crate) fn over(&self, reason: Disconnected, cut: usize) {
        let mut state = self.lock();
        state.is_over = true;
        if state.writing.is_taken() {
            state.send.presume_written();
        }
        state.send.close();
        let finished = slot::take_finished(&mut state.send);
        drop(state);
        let text = reason.to_string();
        self.life.send_if_modified(|life| {
            let first = !matches!(life, Life::Over { .. });
            if first {
                *life = Life::Over { reason, cut };
            }
            first
        });
        finished
            .into_iter()
            .for_each(|closed| slot::finish(closed, &text));
        self.requests.open_for_all();
        self.events.open_for_all();
    }

    /// Counts a request that failed.
    pub(crate) fn note_failure(&self, failure: &Failure) {
        if let Some(health) = &self.health {
            health.failed(failure);
        }
    }

    /// Leaves a locked section, and wakes whom it concerns.
    pub(super) fn leave(&self, mut state: MutexGuard<'_, State>) {
        let finished = slot::take_finished(&mut state.send);
        let mut wakes = state.take_writable();
        if state.needs_driver() {
            wakes.extend(state.driver.take());
        }
        let is_going_away = state.send.is_going_away();
        let requests = self.requests.is_awaited() && (state.send.has_room() || is_going_away);
        let events = self.events.is_awaited() && (state.send.has_event_room() || is_going_away);
        drop(state);
        wakes.into_iter().for_each(Waker::wake);
        finished
            .into_iter()
            .for_each(|closed| slot::finish(closed, "the peer is going away"));
        if requests {
            self.requests.open();
        }
        if events {
            self.events.open();
        }
    }

    pub(crate) fn count_received(&self, bytes: usize) {
        let bytes = u64::try_from(bytes).unwrap_or(u64::MAX);
        self.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl State {
    /// Remembers whom to wake.
    pub(super) fn note_driver(&mut self, waker: &Waker) {
        match &mut self.driver {
            Some(driver) if driver.will_wake(waker) => {}
            driver => *driver = Some(waker.clone()),
        }
    }

    /// What the driver was asked to do.
    pub(crate) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Takes the rule that the peer broke, if somebody noticed one.
    pub(crate) fn take_broken(&mut self) -> Option<Box<SessionError>> {
        self.broken.take()
    }

    /// Notes when the driver will wake by itself.
    pub(crate) fn set_armed(&mut self, armed: Option<Instant>) {
        self.armed = armed;
    }

    /// Remembers who waits until a stream takes more.
    pub(crate) fn wait_for_stream(&mut self, stream: StreamId, waker: &Waker) {
        if let Some(slot) = self.send.attachment_mut(stream) {
            slot.sender = Some(waker.clone());
        }
    }

    /// Whether so much waits for the peer that nothing more should be read from it; the driver is
    /// woken when that changes.
    pub(crate) fn check_clogged(&mut self) -> bool {
        self.is_clogged = self.send.is_clogged();
        self.is_clogged
    }

    /// Whether there is something that only the driver does: writing what was parked, reading on,
    /// and ending a connection on which everything is finished.
    fn needs_driver(&self) -> bool {
        let ending = self.stop.is_some() || self.send.is_going_away();
        let unclogged = self.is_clogged && !self.send.is_clogged();
        self.writing.is_parked() || unclogged || (ending && self.send.is_drained())
    }

    /// Has the driver look at the time earlier, if a deadline asks for it.
    fn arm(&mut self) {
        if let (Some(due), Some(armed)) = (self.send.poll_timeout(), self.armed)
            && due < armed
        {
            self.armed = Some(due);
            if let Some(driver) = self.driver.take() {
                driver.wake();
            }
        }
    }

    /// Tasks whose streams take more now.
    fn take_writable(&mut self) -> Vec<Waker> {
        let mut wakes = Vec::new();
        while let Some(stream) = self.send.poll_writable() {
            let slot = self.send.attachment_mut(stream);
            wakes.extend(slot.and_then(|slot| slot.sender.take()));
        }
        wakes
    }
}
