//! One endpoint: its service, and what is known of it.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tower_service::Service;

use crate::clock;
use crate::layer::attempt::answer;
use crate::layer::balance::latency::Latency;
use crate::layer::{
    AttemptError, Breaker, BreakerConfig, BreakerCounts, BreakerState, Open, Permit,
};

/// A service that requests can go to.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Endpoint<S> {
    /// What errors and statistics call it.
    pub name: Arc<str>,
    /// What requests are given to: a clone of it for each. It sets the time limit of an attempt.
    pub service: S,
    /// Its class: 0 is asked first. Default: 0.
    pub priority: u8,
    /// How many requests at once it takes, compared with others of its class. Default: 1.
    pub weight: NonZeroU32,
}

impl<S> Endpoint<S> {
    /// An endpoint of the first class, with weight 1.
    pub fn new(name: impl Into<Arc<str>>, service: S) -> Self {
        Self {
            name: name.into(),
            service,
            priority: 0,
            weight: NonZeroU32::MIN,
        }
    }
}

/// What is known of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EndpointStats {
    /// Its name.
    pub name: Arc<str>,
    /// Its class.
    pub priority: u8,
    /// What its breaker does with calls now.
    pub breaker: BreakerState,
    /// What its breaker did so far.
    pub breaker_counts: BreakerCounts,
    /// Requests that it has not answered yet.
    pub in_flight: u32,
    /// Requests that it was given, these included.
    pub calls: u64,
    /// Those that failed in a way that speaks against it.
    pub failures: u64,
    /// How long it takes to answer, on the average of the last few answers; none before the first.
    pub latency: Option<Duration>,
}

/// An endpoint in use.
#[derive(Debug)]
pub(super) struct Node<S> {
    pub(super) endpoint: Endpoint<S>,
    breaker: Breaker,
    in_flight: AtomicU32,
    calls: AtomicU64,
    failures: AtomicU64,
    latency: Mutex<Latency>,
}

/// The right to send one request to an endpoint.
#[derive(Debug)]
pub(super) struct Lease<'a, S> {
    pub(super) node: &'a Node<S>,
    permit: Permit,
}

/// A request that an endpoint has not answered yet.
struct InFlight<'a>(&'a AtomicU32);

impl<S> Node<S> {
    pub(super) fn new(endpoint: Endpoint<S>, breaker: BreakerConfig) -> Self {
        Self {
            endpoint,
            breaker: Breaker::new(breaker),
            in_flight: AtomicU32::new(0),
            calls: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            latency: Mutex::new(Latency::default()),
        }
    }

    pub(super) fn admit(&self, now: Instant) -> Result<Lease<'_, S>, Open> {
        let permit = self.breaker.admit(now)?;
        Ok(Lease { node: self, permit })
    }

    pub(super) fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// How long an answer takes, as far as that is known and not too old.
    pub(super) fn expected_latency(&self, now: Instant) -> Duration {
        self.latency().expected(now)
    }

    pub(super) fn stats(&self, now: Instant) -> EndpointStats {
        EndpointStats {
            name: Arc::clone(&self.endpoint.name),
            priority: self.endpoint.priority,
            breaker: self.breaker.state(now),
            breaker_counts: self.breaker.counts(),
            in_flight: self.in_flight(),
            calls: self.calls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            latency: self.latency().average(),
        }
    }

    fn latency(&self) -> MutexGuard<'_, Latency> {
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S> Lease<'_, S> {
    /// Sends the request. Dropped before its end it says nothing of the endpoint.
    pub(super) async fn call<R>(self, request: R) -> Result<S::Response, S::Error>
    where
        S: Service<R> + Clone,
        S::Error: AttemptError,
    {
        let in_flight = InFlight::new(&self.node.in_flight);
        self.node.calls.fetch_add(1, Ordering::Relaxed);
        let began = clock::now();
        let result = answer(self.node.endpoint.service.clone(), request).await;
        drop(in_flight);
        self.settle(began, &result);
        result
    }

    fn settle<T, E: AttemptError>(self, began: Instant, result: &Result<T, E>) {
        let now = clock::now();
        match result {
            Err(error) if error.is_failure() => {
                self.node.failures.fetch_add(1, Ordering::Relaxed);
            }
            // Failures are quick, often. They must not make the endpoint look like a good choice.
            Err(error) if error.is_unsent() => {}
            _ => self
                .node
                .latency()
                .add(now, now.saturating_duration_since(began)),
        }
        self.permit.settle(now, result);
    }
}

impl<'a> InFlight<'a> {
    fn new(count: &'a AtomicU32) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
