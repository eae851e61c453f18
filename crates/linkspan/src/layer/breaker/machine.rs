//! The breaker's states, without lock or clock.

use std::time::{Duration, Instant};

use crate::clock;
use crate::layer::breaker::window::Window;
use crate::layer::breaker::{BreakerConfig, BreakerCounts, BreakerState};

#[derive(Debug)]
pub(super) struct Machine {
    config: BreakerConfig,
    phase: Phase,
    /// How often the phase has changed.
    epoch: u64,
    counts: BreakerCounts,
}

#[derive(Debug)]
enum Phase {
    Closed(Window),
    Open { until: Instant },
    HalfOpen(Probes),
}

#[derive(Debug, Default)]
struct Probes {
    under_way: u32,
    succeeded: u32,
    last_began: Option<Instant>,
    /// How often probes without a result have lost their places.
    round: u64,
}

/// When a call was admitted.
#[derive(Debug, Clone, Copy)]
pub(super) struct Ticket {
    epoch: u64,
    round: u64,
}

impl Machine {
    pub(super) fn new(config: BreakerConfig) -> Self {
        Self {
            phase: Phase::Closed(Window::new(config.window)),
            config,
            epoch: 0,
            counts: BreakerCounts::default(),
        }
    }

    /// Admits a call, or says when to ask again.
    pub(super) fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        self.handle_time(now);
        let admitted = match &mut self.phase {
            Phase::Closed(_) => Ok(0),
            Phase::Open { until } => Err(*until),
            Phase::HalfOpen(probes) => probes.admit(now, &self.config),
        };
        match admitted {
            Ok(round) => {
                self.counts.probes += u64::from(matches!(self.phase, Phase::HalfOpen(_)));
                Ok(Ticket {
                    epoch: self.epoch,
                    round,
                })
            }
            Err(until) => {
                self.counts.refused += 1;
                Err(until.saturating_duration_since(now))
            }
        }
    }

    pub(super) fn handle_result(&mut self, ticket: Ticket, now: Instant, is_failure: bool) {
        if ticket.epoch != self.epoch {
            return;
        }
        match &mut self.phase {
            Phase::Closed(window) => {
                window.add(now, is_failure);
                if has_failed(window.totals(), &self.config) {
                    self.open(now);
                }
            }
            Phase::HalfOpen(_) if is_failure => self.open(now),
            Phase::HalfOpen(probes) => {
                probes.succeeded += 1;
                if probes.succeeded >= self.config.half_open_calls.get() {
                    self.enter(Phase::Closed(Window::new(self.config.window)));
                }
            }
            Phase::Open { .. } => {}
        }
    }

    /// A call is over, with or without a result.
    pub(super) fn give_back(&mut self, ticket: Ticket) {
        let is_current = ticket.epoch == self.epoch;
        match &mut self.phase {
            Phase::HalfOpen(probes) if is_current && ticket.round == probes.round => {
                probes.under_way = probes.under_way.saturating_sub(1);
            }
            _ => {}
        }
    }

    pub(super) fn state(&mut self, now: Instant) -> BreakerState {
        self.handle_time(now);
        match self.phase {
            Phase::Closed(_) => BreakerState::Closed,
            Phase::Open { .. } => BreakerState::Open,
            Phase::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    pub(super) fn counts(&self) -> BreakerCounts {
        self.counts
    }

    fn handle_time(&mut self, now: Instant) {
        if matches!(self.phase, Phase::Open { until } if until <= now) {
            self.enter(Phase::HalfOpen(Probes::default()));
        }
    }

    fn open(&mut self, now: Instant) {
        self.counts.opened += 1;
        self.enter(Phase::Open {
            until: clock::after(now, self.config.open_for),
        });
    }

    fn enter(&mut self, phase: Phase) {
        self.epoch += 1;
        self.phase = phase;
    }
}

impl Probes {
    /// Takes a place and gives its round, or says when there may be one.
    fn admit(&mut self, now: Instant, config: &BreakerConfig) -> Result<u64, Instant> {
        if self.under_way >= config.half_open_calls.get() {
            let began = self.last_began.unwrap_or(now);
            let until = clock::after(began, config.open_for);
            if now < until {
                return Err(until);
            }
            // An endpoint that hangs must not keep the breaker half-open for ever. The results of
            // these probes still count when they come.
            self.under_way = 0;
            self.round += 1;
        }
        self.under_way += 1;
        self.last_began = Some(now);
        Ok(self.round)
    }
}

fn has_failed((calls, failures): (u64, u64), config: &BreakerConfig) -> bool {
    let rate = failures as f64 / calls as f64;
    calls >= u64::from(config.minimum_calls.get()) && failures > 0 && rate >= config.failure_rate
}
