//! How a connection ends: goodbye, drain, the last bytes, and why.

use std::time::{Duration, Instant};

use proto::error::{Category, Code, SessionError};
use proto::message::Failure;

use crate::clock;
use crate::session::Disconnected;
use crate::session::driver::{Driver, Turn};
use crate::session::shared::Stop;

/// How far the end of the connection has come.
#[derive(Debug)]
pub(super) enum Phase {
    /// It has not begun.
    Open,
    /// Goodbye was said; what is under way may finish until then.
    Draining(Stop),
    /// Nothing more is to be done; what was written is sent, and the peer has until then to close.
    Closing {
        until: Instant,
        reason: Disconnected,
        cut: usize,
        is_shut: bool,
    },
}

impl Driver {
    /// Begins to end the connection.
    pub(super) fn obey(&mut self, stop: Stop) {
        if let Some(lapse) = stop.lapse {
            return self.fail(SessionError::Lapsed(Box::new(lapse.to_failure())));
        }
        match &mut self.phase {
            Phase::Open => {
                let mut state = self.shared.lock();
                state.send.goodbye(self.recv.stop_accepting(), stop.reason);
                self.phase = Phase::Draining(stop);
                self.shared.flush(state);
                self.shared.going_away();
            }
            Phase::Draining(current) => current.until = stop.until,
            Phase::Closing { .. } => {}
        }
    }

    /// Goes on to the next phase when this one is through.
    pub(super) fn check_phase(&mut self) -> Option<Turn> {
        match &mut self.phase {
            Phase::Open => {
                let reason = self.goodbye.clone()?;
                if !self.shared.lock().send.is_drained() {
                    return None;
                }
                self.close(Disconnected::Goodbye { reason }, 0);
            }
            Phase::Draining(stop) => {
                let until = stop.until;
                let mut state = self.shared.lock();
                let drained = state.send.is_drained();
                if !drained && clock::now() < until {
                    return None;
                }
                let cut = if drained {
                    0
                } else {
                    state.send.fail_handled(&cut_off())
                };
                self.shared.flush(state);
                self.close(Disconnected::Closed, cut);
            }
            Phase::Closing { until, is_shut, .. } => {
                if !*is_shut && self.shared.lock().send.is_flushed() {
                    *is_shut = true;
                    self.shared.shutdown();
                }
                return (clock::now() >= *until).then_some(Turn::Over(Disconnected::Closed));
            }
        }
        Some(Turn::Again)
    }

    /// Ends the session because the peer broke a rule, and tells it.
    pub(super) fn fail(&mut self, error: SessionError) {
        if let Some(failure) = error.to_failure() {
            let mut state = self.shared.lock();
            state.send.end_session(failure);
            self.shared.flush(state);
        }
        self.is_broken = true;
        let reason = Disconnected::Protocol(error);
        // Nobody has to wait until the peer has heard it.
        self.shared.over(reason.clone(), 0);
        self.phase = Phase::Closing {
            until: clock::now() + LINGER,
            reason,
            cut: 0,
            is_shut: false,
        };
    }

    /// Goes over to waiting for the peer to close; the first reason counts.
    pub(super) fn close(&mut self, reason: Disconnected, cut: usize) {
        if !matches!(self.phase, Phase::Closing { .. }) {
            let until = clock::now() + LINGER;
            self.phase = Phase::Closing {
                until,
                reason,
                cut,
                is_shut: false,
            };
        }
    }

    pub(super) fn end_of_file(&self) -> Disconnected {
        match &self.goodbye {
            _ if self.input.is_inside_frame() => Disconnected::Truncated,
            Some(reason) => Disconnected::Goodbye {
                reason: reason.clone(),
            },
            None => Disconnected::PeerClosed,
        }
    }

    /// How the connection ended: as was decided before, if it was.
    pub(super) fn end(&mut self, reason: Disconnected) -> (Disconnected, usize) {
        match &self.phase {
            Phase::Open | Phase::Draining(_) => (reason, 0),
            Phase::Closing { reason, cut, .. } => (reason.clone(), *cut),
        }
    }
}

fn cut_off() -> Failure {
    Failure::new(
        Category::Connection,
        Code::CUT_OFF,
        "the server stopped before the answer was complete",
    )
}

/// What was written may take this long to be read when a connection ends.
const LINGER: Duration = Duration::from_secs(1);
