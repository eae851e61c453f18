//! What all connections of a daemon share: who may begin a command, what runs, and the end.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use crate::auth::quota::Place;
use crate::clock;
use crate::daemon::cancellation::CancelCause;
use crate::daemon::connection::Connection;
use crate::daemon::facts::Facts;
use crate::daemon::handler::Handler;
use crate::daemon::metrics::Counters;
use crate::daemon::outlet::Crowd;
use crate::daemon::recent::Recent;
use crate::daemon::rights::{Barred, Rights};
use crate::daemon::running::Running;
use crate::daemon::wire::{self, Refusal, RequestId, VersionCheck};
use crate::daemon::{Config, DaemonStats, EndReason, Ending};
use crate::transport::{Peer, RETRY_AFTER};

/// The daemon behind its connections.
pub(super) struct Core {
    pub(super) config: Config,
    pub(super) facts: Facts,
    pub(super) handler: Handler,
    pub(super) rights: Rights,
    pub(super) counters: Counters,
    pub(super) crowd: Arc<Crowd>,
    /// Where handlers run, so that one that blocks holds up no connection.
    pub(super) handlers: Handle,
    /// Where connections are read.
    connections: Handle,
    slots: Arc<Semaphore>,
    state: Mutex<State>,
    /// Those who see to it that cancelled commands end.
    supervisors: Mutex<JoinSet<()>>,
    /// Commands that run.
    running: watch::Sender<usize>,
    stuck: AtomicUsize,
    ending: watch::Sender<Option<Ending>>,
}

struct State {
    recent: Recent,
    connections: HashMap<u64, Arc<Connection>>,
    next_connection: u64,
    is_draining: bool,
    /// When a command last began or ended.
    busy_at: Instant,
}

/// What a command has for as long as it runs.
#[derive(Debug)]
pub(super) struct Slot {
    _permit: OwnedSemaphorePermit,
    /// Of its client's quota.
    _place: Place,
}

/// Why a command is not begun.
pub(super) enum NotBegun {
    /// When it may be tried again, and what there is too much of.
    Busy(Duration, String),
    Refused(Refusal, String),
}

impl From<Barred> for NotBegun {
    fn from(barred: Barred) -> Self {
        match barred {
            Barred::Denied(message) => Self::Refused(Refusal::Denied, message),
            Barred::TooMuch {
                message,
                retry_after,
            } => Self::Busy(retry_after, message),
        }
    }
}

impl Core {
    pub(super) fn new(
        config: Config,
        facts: Facts,
        handler: Handler,
        rights: Rights,
        (handlers, connections): (Handle, Handle),
    ) -> Self {
        let state = State {
            recent: Recent::default(),
            connections: HashMap::new(),
            next_connection: 0,
            is_draining: false,
            busy_at: clock::now(),
        };
        Self {
            slots: Arc::new(Semaphore::new(config.max_commands)),
            config,
            facts,
            handler,
            rights,
            counters: Counters::default(),
            crowd: Arc::default(),
            handlers,
            connections,
            state: Mutex::new(state),
            supervisors: Mutex::default(),
            running: watch::Sender::new(0),
            stuck: AtomicUsize::new(0),
            ending: watch::Sender::new(None),
        }
    }

    /// What it says first on every connection.
    pub(super) fn version_check(&self) -> VersionCheck {
        let mut check = self.facts.version_check();
        check.limits = self.config.limits();
        check
    }

    /// Lets a connection in, until [`leave`](Self::leave).
    pub(super) fn enter(&self, connection: Arc<Connection>) -> u64 {
        let mut state = self.lock();
        let number = state.next_connection;
        state.next_connection += 1;
        state.connections.insert(number, connection);
        self.crowd.grow();
        number
    }

    pub(super) fn leave(&self, number: u64) {
        self.lock().connections.remove(&number);
        self.crowd.shrink();
    }

    /// Finds a place for a command; it counts as running from then on.
    pub(super) fn begin(&self, command: &wire::Command, peer: &Peer) -> Result<Slot, NotBegun> {
        let place = self.rights.command(peer);
        let place = place.inspect_err(|barred| self.counters.barred(barred))?;
        let mut state = self.lock();
        let id = command.request_id;
        if !command.idempotent && state.recent.contains(id) {
            self.counters.duplicates.increment();
            return Err(NotBegun::Refused(Refusal::Duplicate, DUPLICATE.to_owned()));
        }
        if state.is_draining {
            self.counters.draining.increment();
            return Err(NotBegun::Refused(Refusal::Draining, DRAINING.to_owned()));
        }
        let Ok(permit) = Arc::clone(&self.slots).try_acquire_owned() else {
            self.counters.busy.increment();
            let reason = format!("{} commands run", self.config.max_commands);
            return Err(NotBegun::Busy(RETRY_AFTER, reason));
        };
        state.recent.insert(id);
        state.busy_at = clock::now();
        self.counters.accepted.increment();
        self.running.send_modify(|running| *running += 1);
        Ok(Slot {
            _permit: permit,
            _place: place,
        })
    }

    /// A command that had a place does not begin after all, because its connection has ended.
    pub(super) fn withdraw(&self, id: RequestId) {
        self.lock().recent.remove(id);
        self.ended();
    }

    /// A command has ended, and its client was told.
    pub(super) fn ended(&self) {
        self.lock().busy_at = clock::now();
        self.running.send_modify(|running| *running -= 1);
    }

    /// Waits until at most so many commands run.
    pub(super) async fn until_running(&self, most: usize) {
        let mut running = self.running.subscribe();
        // The sender lives as long as we do.
        running.wait_for(|running| *running <= most).await.ok();
    }

    pub(super) fn running(&self) -> usize {
        *self.running.borrow()
    }

    /// Has somebody see to it that a cancelled command ends.
    pub(super) fn supervise(&self, running: Arc<Running>) {
        let supervisors = &self.supervisors;
        let mut supervisors = supervisors.lock().unwrap_or_else(PoisonError::into_inner);
        while supervisors.try_join_next().is_some() {}
        supervisors.spawn_on(running.supervise(), &self.connections);
    }

    /// A handler keeps a thread, though it was told to go; or has gone at last.
    pub(super) fn set_stuck(&self, is_stuck: bool) {
        match is_stuck {
            true => {
                self.stuck.fetch_add(1, Ordering::Relaxed);
                self.request_end(EndReason::Stuck, None);
            }
            false => {
                self.stuck.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }

    pub(super) fn stuck(&self) -> usize {
        self.stuck.load(Ordering::Relaxed)
    }

    /// Notes that the daemon is to end; whoever holds it sees to it.
    pub(super) fn request_end(&self, reason: EndReason, limit: Option<Duration>) {
        if reason.is_final() {
            self.drain();
        }
        let limit = limit.unwrap_or(self.config.drain_timeout);
        self.ending.send_if_modified(|ending| {
            let yields = ending.is_none_or(|earlier| !earlier.reason.is_final());
            let is_asked_for = !matches!(reason, EndReason::Stuck | EndReason::Idle);
            let is_news = yields || is_asked_for;
            if is_news {
                *ending = Some(Ending::new(reason, limit));
            }
            is_news
        });
    }

    pub(super) fn endings(&self) -> watch::Receiver<Option<Ending>> {
        self.ending.subscribe()
    }

    /// Takes no more commands.
    pub(super) fn drain(&self) {
        self.lock().is_draining = true;
    }

    pub(super) fn is_draining(&self) -> bool {
        self.lock().is_draining
    }

    /// For how long nothing runs.
    pub(super) fn idle(&self) -> Duration {
        let state = self.lock();
        match self.running() {
            0 => clock::now().saturating_duration_since(state.busy_at),
            _ => Duration::ZERO,
        }
    }

    /// Waits until nothing has run for long; no command begins after that.
    pub(super) async fn until_idle(&self) {
        loop {
            self.until_running(0).await;
            let left = self.config.idle_exit.saturating_sub(self.idle());
            if left.is_zero() && self.drain_if_idle() {
                return self.request_end(EndReason::Idle, None);
            }
            // Once more if a command came and went meanwhile.
            let until = clock::after(clock::now(), left.max(LEAST_NAP));
            tokio::time::sleep_until(until.into()).await;
        }
    }

    fn drain_if_idle(&self) -> bool {
        let mut state = self.lock();
        // Commands begin under the same lock.
        let is_idle = self.running() == 0;
        state.is_draining |= is_idle;
        is_idle
    }

    /// Cancels all that runs; gives how much that was.
    pub(super) fn cancel_all(&self, cause: CancelCause) -> usize {
        let connections = self.connections();
        let cancelled = connections
            .iter()
            .map(|connection| connection.cancel(cause));
        cancelled.sum()
    }

    /// Ends a connection that nobody has used for `least`, the one that was used longest ago.
    pub(super) fn evict(&self, now: Instant, least: Duration) -> bool {
        let mut idle: Vec<_> = self
            .connections()
            .into_iter()
            .filter_map(|connection| Some((connection.idle_since()?, connection)))
            .filter(|(since, _)| now.saturating_duration_since(*since) >= least)
            .collect();
        idle.sort_by_key(|(since, _)| *since);
        // One that just got a command is passed over.
        let is_room = idle
            .into_iter()
            .any(|(_, connection)| connection.end_if_idle());
        if is_room {
            self.counters.evicted.increment();
        }
        is_room
    }

    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        self.lock().connections.values().map(Arc::clone).collect()
    }

    pub(super) fn stats(&self) -> DaemonStats {
        let mut stats = self.counters.stats();
        stats.connections = self.lock().connections.len();
        stats.commands = self.running();
        stats.stuck = self.stuck();
        stats
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const DUPLICATE: &str = "a command with this request id was begun before";
const DRAINING: &str = "the daemon is about to end";
/// Between two looks at an idle daemon.
const LEAST_NAP: Duration = Duration::from_millis(10);
