//! The driver: one task per connection that reads, keeps the time, and writes what callers could
//! not.
//!
//! One turn: do what was asked, write what was parked, read and work off, look at the time. A read
//! is worked off in two steps: frames are decoded and handlers run without the lock; then, under
//! the lock, all effects are settled at once and the answers leave in one write.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use proto::error::SessionError;
use proto::session::{Incoming, Recv};
use tokio::time::Sleep;
use tracing::{debug, trace};

use crate::clock;
use crate::session::Disconnected;
use crate::session::dispatch::{Dispatch, Received};
use crate::session::input::Input;
use crate::session::phase::Phase;
use crate::session::settle::Effects;
use crate::session::shared::{Life, Shared};
use crate::session::writing::Orders;

/// Drives one connection to its end.
pub(crate) struct Driver {
    pub(super) shared: Arc<Shared>,
    pub(super) input: Input,
    pub(super) recv: Recv,
    dispatch: Dispatch,
    /// What was received in this read and is to be settled.
    incoming: VecDeque<Incoming>,
    effects: Effects,
    pub(super) phase: Phase,
    /// Why the peer goes, once it said so.
    pub(super) goodbye: Option<String>,
    /// What came together with the handshake is still to be worked off.
    is_fresh: bool,
    /// The peer broke a rule; nothing that it sends means anything any more.
    pub(super) is_broken: bool,
    timer: Pin<Box<Sleep>>,
}

/// What a turn of the driver led to.
pub(super) enum Turn {
    /// There may be more to do at once.
    Again,
    /// There is nothing to do now.
    Idle,
    /// The connection is over.
    Over(Disconnected),
}

/// How a read was settled.
enum Settled {
    Done,
    /// Many callers were woken, and writes are held back for them.
    Corked,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, input: Input, recv: Recv, dispatch: Dispatch) -> Self {
        let due = clock::now() + FAR;
        Self {
            shared,
            input,
            recv,
            dispatch,
            incoming: VecDeque::new(),
            effects: Effects::default(),
            phase: Phase::Open,
            goodbye: None,
            is_fresh: true,
            is_broken: false,
            timer: Box::pin(tokio::time::sleep_until(due.into())),
        }
    }

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<(Disconnected, usize)> {
        for _ in 0..TURNS {
            match self.turn(cx) {
                Turn::Again => {}
                Turn::Idle => return Poll::Pending,
                Turn::Over(reason) => return Poll::Ready(self.end(reason)),
            }
        }
        // Others on this thread want to run, too.
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        let orders = match self.begin_turn(cx) {
            Ok(orders) => orders,
            Err(error) => {
                self.close(error.into(), 0);
                // Nothing is sent any more; what comes is still of use until the peer closes.
                Orders::default()
            }
        };
        if let Some(error) = orders.broken {
            self.fail(*error);
        }
        if let Some(stop) = orders.stop {
            self.obey(stop);
        }
        if let Some(over) = self.check_phase() {
            return over;
        }
        // A peer that leaves its answers unread gets no more of them.
        let read = match orders.is_clogged {
            false => self.poll_read(cx),
            true => Poll::Pending,
        };
        match read {
            Poll::Ready(turn) => turn,
            Poll::Pending => match self.poll_time(cx) {
                Poll::Ready(Ok(())) => Turn::Again,
                Poll::Ready(Err(reason)) => Turn::Over(reason),
                Poll::Pending => Turn::Idle,
            },
        }
    }

    /// Looks what there is to do, and writes what was parked.
    fn begin_turn(&self, cx: &mut Context<'_>) -> io::Result<Orders> {
        let orders = self.shared.begin_turn(cx)?;
        if orders.is_parked {
            self.shared.write_parked(cx)?;
        }
        Ok(orders)
    }

    /// Reads once and works it off.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        if !std::mem::take(&mut self.is_fresh) {
            let read = match ready!(self.input.poll_fill(cx)) {
                Ok(read) => read,
                Err(error) => return Poll::Ready(Turn::Over(error.into())),
            };
            let Some(count) = read else {
                return Poll::Ready(Turn::Over(self.end_of_file()));
            };
            self.shared.count_received(count);
        }
        if self.is_broken {
            self.input.discard();
            return Poll::Ready(Turn::Again);
        }
        match self.work_off(cx) {
            // The callers that were woken go first; what they send then leaves in one write.
            Ok(Settled::Corked) => {
                cx.waker().wake_by_ref();
                return Poll::Ready(Turn::Idle);
            }
            Ok(Settled::Done) => {}
            Err(error) => self.fail(error),
        }
        Poll::Ready(Turn::Again)
    }

    /// Decodes what was read, has it handled, and settles it.
    fn work_off(&mut self, cx: &mut Context<'_>) -> Result<Settled, SessionError> {
        let now = clock::now();
        self.input.note_progress(now);
        self.dispatch.begin(now);
        while let Some(frame) = self.input.next_frame()? {
            trace!(
                kind = frame.message.name(),
                id = frame.id,
                stream = frame.stream.get(),
                bytes = frame.wire_bytes(),
                "frame received"
            );
            match self.recv.handle_frame(now, frame)? {
                Incoming::Request {
                    stream,
                    id,
                    request,
                    deadline,
                    flags,
                    bytes,
                } => {
                    self.dispatch.request(
                        Received {
                            stream,
                            id,
                            request,
                            deadline,
                            flags,
                        },
                        cx,
                    );
                    let request = proto::message::Request::default();
                    let opened = Incoming::Request {
                        stream,
                        id,
                        request,
                        deadline,
                        flags,
                        bytes,
                    };
                    self.incoming.push_back(opened);
                }
                Incoming::Event {
                    stream,
                    id,
                    event,
                    bytes,
                } => {
                    self.dispatch.event(stream, id, event, bytes, cx)?;
                    let event = proto::message::Event::default();
                    self.incoming.push_back(Incoming::Event {
                        stream,
                        id,
                        event,
                        bytes,
                    });
                }
                incoming => self.incoming.push_back(incoming),
            }
            if self.dispatch.is_over_budget() {
                self.settle(now)?;
            }
        }
        self.settle(now)
    }

    /// Has everything that was received take effect.
    fn settle(&mut self, now: Instant) -> Result<Settled, SessionError> {
        let mut state = self.shared.lock();
        state.send.handle_bytes(now);
        while let Some(incoming) = self.incoming.pop_front() {
            state.send.apply(now, &incoming)?;
            match incoming {
                Incoming::Request { stream, .. } => self.dispatch.attach_slot(&mut state, stream),
                Incoming::Goodbye(goodbye) => self.goodbye = Some(goodbye.reason.to_string()),
                incoming => self.effects.deliver(&self.shared, &mut state, incoming),
            }
        }
        self.dispatch.settle(&mut state);
        let corks = self.effects.wakes_many();
        if corks {
            state.cork(now);
        }
        self.shared.flush(state);
        self.dispatch.forget();
        self.effects.run();
        if self.goodbye.is_some() {
            self.shared.going_away();
        }
        Ok(if corks {
            Settled::Corked
        } else {
            Settled::Done
        })
    }

    /// Waits for the next thing that is due, and does it.
    fn poll_time(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Disconnected>> {
        let mut state = self.shared.lock();
        let due = self.due(state.send.poll_timeout(), state.stalled_since());
        // A timer that fires early costs less than one that is set anew for each message.
        if self.timer.is_elapsed() || self.timer.deadline() > due.into() {
            self.timer.as_mut().reset(due.into());
        }
        state.set_armed(Some(self.timer.deadline().into_std()));
        drop(state);
        ready!(self.timer.as_mut().poll(cx));
        Poll::Ready(self.keep_time(clock::now()))
    }

    fn due(&self, session: Option<Instant>, write_stalled: Option<Instant>) -> Instant {
        let config = &self.shared.config;
        let read = self
            .input
            .is_inside_frame()
            .then(|| clock::after(self.input.progress(), config.read_timeout));
        let write = write_stalled.map(|since| clock::after(since, config.write_timeout));
        let idle = self.input.is_large().then(|| self.input.progress() + IDLE);
        let phase = match &self.phase {
            Phase::Open => None,
            Phase::Draining(stop) => Some(stop.until),
            Phase::Closing { until, .. } => Some(*until),
        };
        let dues = [session, read, write, idle, phase];
        dues.into_iter()
            .flatten()
            .min()
            .unwrap_or_else(|| clock::now() + FAR)
    }

    /// Does what is due.
    fn keep_time(&mut self, now: Instant) -> Result<(), Disconnected> {
        let (read_limit, write_limit) = (
            self.shared.config.read_timeout,
            self.shared.config.write_timeout,
        );
        if self.input.is_inside_frame() && now >= clock::after(self.input.progress(), read_limit) {
            return Err(Disconnected::ReadStalled { limit: read_limit });
        }
        let mut state = self.shared.lock();
        if state
            .stalled_since()
            .is_some_and(|since| now >= clock::after(since, write_limit))
        {
            return Err(Disconnected::WriteStalled { limit: write_limit });
        }
        if now >= self.input.progress() + IDLE {
            self.input.shrink();
            self.incoming.shrink_to_fit();
            self.effects.shrink();
            self.dispatch.shrink();
            drop(state);
            self.shared.shrink();
            state = self.shared.lock();
        }
        let kept = state.send.handle_timeout(now);
        self.shared.flush(state);
        kept.map_err(Disconnected::Protocol)
    }
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let (reason, cut) = ready!(self.poll_over(cx));
        debug!(peer = ?self.shared.peer, %reason, cut, "connection over");
        if let Some(health) = self.shared.health.as_ref().filter(|_| reason.is_failure()) {
            health.failed(&reason);
            let stalled_since = self.shared.lock().stalled_since();
            if let Some(since) = stalled_since {
                health.write_stalled(clock::now() - since);
            }
        }
        self.shared.over(reason, cut);
        // Those who hold the connection hold its descriptor; the peer has to see the end now.
        self.shared.shutdown();
        Poll::Ready(())
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // A runtime that shuts down drops its tasks; nobody must wait for this one for ever.
        if !matches!(*self.shared.life.borrow(), Life::Over { .. }) {
            self.shared.over(Disconnected::Closed, 0);
            self.shared.shutdown();
        }
    }
}

/// Turns in a row before others on the thread get theirs.
const TURNS: usize = 32;
/// Without traffic for this long, a connection keeps no buffers.
const IDLE: Duration = Duration::from_secs(1);
/// When nothing is due.
const FAR: Duration = Duration::from_secs(24 * 60 * 60);
