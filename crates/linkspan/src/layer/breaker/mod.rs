//! Keeps calls from an endpoint that fails, and finds out when it does not any more.

mod machine;
mod service;
#[cfg(test)]
mod tests;
mod window;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;

use crate::layer::AttemptError;
use crate::layer::breaker::machine::{Machine, Ticket};

pub use crate::layer::breaker::service::{BreakerError, BreakerLayer, BreakerService};

/// When a breaker opens, and how it closes again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BreakerConfig {
    /// How far back results count, to a tenth of it. Default: 10 s.
    pub window: Duration,
    /// Which part of the results, from 0 to 1, has to be failures; above 1 it never opens.
    /// Default: 0.5.
    pub failure_rate: f64,
    /// How many results there have to be before their failures count. Default: 10.
    pub minimum_calls: NonZeroU32,
    /// How long it admits nothing; and how long a probe keeps its place without a result.
    /// Default: 5 s.
    pub open_for: Duration,
    /// How many probes it admits at once after that, and how many of them have to succeed.
    /// Default: 2.
    pub half_open_calls: NonZeroU32,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            failure_rate: 0.5,
            minimum_calls: const { NonZeroU32::new(10).unwrap() },
            open_for: Duration::from_secs(5),
            half_open_calls: const { NonZeroU32::new(2).unwrap() },
        }
    }
}

/// A circuit breaker: one endpoint's state, which clones share.
///
/// ```text
///            failures reach the rate             open_for is over
///   closed ───────────────────────────► open ───────────────────────► half-open
///      ▲                                  ▲                            │     │
///      │                                  └────── a probe fails ───────┘     │
///      └───────────────────── half_open_calls probes succeed ────────────────┘
/// ```
///
/// Results of calls that were admitted before the state changed do not count in the new one.
///
/// It reads no clock; all calls have to give the same clock's time.
///
/// ```
/// use std::time::Instant;
/// use linkspan::layer::{Breaker, BreakerConfig, BreakerState};
///
/// let breaker = Breaker::new(BreakerConfig::default());
/// for _ in 0..10 {
///     let permit = breaker.admit(Instant::now())?;
///     permit.failure(Instant::now());
/// }
/// assert_eq!(breaker.state(Instant::now()), BreakerState::Open);
/// let refusal = breaker.admit(Instant::now()).unwrap_err();
/// assert!(!refusal.retry_after.is_zero());
/// # Ok::<_, linkspan::layer::Open>(())
/// ```
#[derive(Debug, Clone)]
pub struct Breaker {
    machine: Arc<Mutex<Machine>>,
}

/// What a [`Breaker`] does with calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// It admits all.
    Closed,
    /// It admits none.
    Open,
    /// It admits a few, to see how they end.
    HalfOpen,
}

/// What a [`Breaker`] did so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BreakerCounts {
    /// How often it opened.
    pub opened: u64,
    /// How often it was asked and did not admit.
    pub refused: u64,
    /// How many probes it admitted while it was half-open.
    pub probes: u64,
}

/// A breaker does not admit a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the breaker is open, and admits a call in {retry_after:?} at the earliest")]
#[non_exhaustive]
pub struct Open {
    /// When to ask again.
    pub retry_after: Duration,
}

/// The right to make one call.
///
/// Dropped without a result it counts neither as success nor as failure, and a probe's place is free
/// again at once.
#[derive(Debug)]
#[must_use = "a permit that is dropped is given back"]
pub struct Permit {
    machine: Arc<Mutex<Machine>>,
    ticket: Ticket,
}

impl Breaker {
    /// A closed breaker.
    pub fn new(config: BreakerConfig) -> Self {
        Self {
            machine: Arc::new(Mutex::new(Machine::new(config))),
        }
    }

    /// Asks for the right to make a call.
    ///
    /// # Errors
    ///
    /// [`Open`] if it is open, or half-open and all its probes are under way.
    pub fn admit(&self, now: Instant) -> Result<Permit, Open> {
        let ticket = lock(&self.machine).admit(now);
        let ticket = ticket.map_err(|retry_after| Open { retry_after })?;
        Ok(Permit {
            machine: Arc::clone(&self.machine),
            ticket,
        })
    }

    /// What it does with calls at that time.
    pub fn state(&self, now: Instant) -> BreakerState {
        lock(&self.machine).state(now)
    }

    /// What it did so far.
    pub fn counts(&self) -> BreakerCounts {
        lock(&self.machine).counts()
    }
}

impl Permit {
    /// The endpoint did its work.
    pub fn success(self, now: Instant) {
        lock(&self.machine).handle_result(self.ticket, now, false);
    }

    /// The endpoint failed.
    pub fn failure(self, now: Instant) {
        lock(&self.machine).handle_result(self.ticket, now, true);
    }

    /// Judges by a result. A request that was kept back on this side says nothing of the endpoint.
    pub fn settle<T, E: AttemptError>(self, now: Instant, result: &Result<T, E>) {
        match result {
            Err(error) if error.is_failure() => self.failure(now),
            Err(error) if error.is_unsent() => {}
            _ => self.success(now),
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        lock(&self.machine).give_back(self.ticket);
    }
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half-open",
        })
    }
}

fn lock(machine: &Mutex<Machine>) -> MutexGuard<'_, Machine> {
    machine.lock().unwrap_or_else(PoisonError::into_inner)
}
