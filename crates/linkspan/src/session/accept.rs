//! Accepting connections: limits, busy answers, patience with a system that is out of descriptors.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use proto::Role;
use proto::error::{Category, Code};
use proto::message::Failure;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, warn};

use crate::Address;
use crate::clock;
use crate::session::Config;
use crate::session::connect::start;
use crate::session::connection::Connection;
use crate::session::handler::{BoxFuture, Handler};
use crate::session::open::{open, refuse, refuse_now};
use crate::session::report::{ListenerStats, StopReport};
use crate::session::shared::Stop;
use crate::transport::{self, Link, ListenError, Listener};

/// A listener at work, with the connections that came by it.
///
/// Dropping it ends them all at once; [`stop`](Self::stop) ends them in order.
#[derive(Debug)]
pub(crate) struct Acceptor {
    office: Arc<Office>,
    task: JoinHandle<()>,
}

/// What the accepting task and its connections have in common.
struct Office {
    address: Address,
    handler: Arc<dyn Handler>,
    /// What holds for new connections.
    settings: RwLock<Arc<Settings>>,
    /// Connections that have a place, those in their handshake included.
    taken: AtomicUsize,
    /// One permit for each connection that is being told that there is no place.
    refusals: Arc<Semaphore>,
    connections: Mutex<Connections>,
    ended: Ended,
    tasks: Mutex<JoinSet<()>>,
    counters: Counters,
}

/// The connections of a listener.
#[derive(Debug, Default)]
struct Connections {
    open: HashMap<u64, Connection>,
    next_number: u64,
    /// Set once the listener stops.
    stop: Option<Stop>,
}

/// What ended since the listener was stopped.
#[derive(Debug, Default)]
struct Ended {
    connections: AtomicUsize,
    cut: AtomicUsize,
}

/// Settings of a listener.
struct Settings {
    transport: transport::Config,
    config: Arc<Config>,
    max_connections: usize,
}

impl Settings {
    fn new(address: &Address, transport: transport::Config, mut config: Config) -> Self {
        if let Address::Memory(_) = address {
            config.limits.max_streams = transport.in_process.max_concurrent_tasks;
        }
        let max_connections = transport.max_connections(address.scheme());
        Self {
            transport,
            config: Arc::new(config),
            max_connections,
        }
    }
}

#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    refused_busy: AtomicU64,
    refused_untrusted: AtomicU64,
    failed_handshakes: AtomicU64,
    accept_errors: AtomicU64,
}

impl Acceptor {
    /// Listens and accepts, until stopped or dropped.
    pub(crate) async fn start(
        address: &Address,
        transport: transport::Config,
        config: Config,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ListenError> {
        let listener = Listener::bind(address, &transport).await?;
        let office = Arc::new(Office {
            address: listener.address().clone(),
            handler,
            settings: RwLock::new(Arc::new(Settings::new(address, transport, config))),
            taken: AtomicUsize::new(0),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
            connections: Mutex::default(),
            ended: Ended::default(),
            tasks: Mutex::default(),
            counters: Counters::default(),
        });
        let task = tokio::spawn(accept(Arc::clone(&office), listener));
        Ok(Self { office, task })
    }

    /// Changes the settings for connections that come from now on.
    pub(crate) fn reconfigure(&self, transport: transport::Config, config: Config) {
        let settings = Arc::new(Settings::new(&self.office.address, transport, config));
        *self
            .office
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner) = settings;
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> &Address {
        &self.office.address
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> ListenerStats {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let counters = &self.office.counters;
        ListenerStats {
            open: lock(&self.office.connections).open.len(),
            accepted: count(&counters.accepted),
            refused_busy: count(&counters.refused_busy),
            refused_untrusted: count(&counters.refused_untrusted),
            failed_handshakes: count(&counters.failed_handshakes),
            accept_errors: count(&counters.accept_errors),
        }
    }

    /// The connections that are open now.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        let connections = lock(&self.office.connections);
        connections.open.values().cloned().collect()
    }

    /// Stops accepting, says goodbye on all connections, and gives what is under way at most
    /// `limit`. The address is free then.
    pub(crate) async fn stop(mut self, limit: Duration) -> StopReport {
        self.task.abort();
        (&mut self.task).await.ok();
        self.office.stop(Stop {
            until: clock::after(clock::now(), limit),
            reason: "the server stops",
        });
        self.office.all_ended().await;
        StopReport {
            connections: self.office.ended.connections.load(Ordering::Relaxed),
            cut: self.office.ended.cut.load(Ordering::Relaxed),
        }
    }
}

impl Drop for Acceptor {
    fn drop(&mut self) {
        self.task.abort();
        lock(&self.office.tasks).abort_all();
    }
}

/// Accepts for ever. What goes wrong with one connection is no reason to stop, nor to wait.
async fn accept(office: Arc<Office>, mut listener: Listener) {
    let mut patience = FIRST_PAUSE;
    let mut failures = 0_u32;
    loop {
        match listener.accept().await {
            Ok(link) => {
                patience = FIRST_PAUSE;
                failures = 0;
                office.admit(link);
            }
            Err(error) => {
                office
                    .counters
                    .accept_errors
                    .fetch_add(1, Ordering::Relaxed);
                failures = failures.saturating_add(1);
                if !os::is_descriptor_exhaustion(&error) && failures < LASTING_FROM {
                    debug!(address = %office.address, %error, "a connection was not accepted");
                    continue;
                }
                // Connections wait in the system's queue, until descriptors are free again or what
                // else has befallen the listener is over.
                warn!(address = %office.address, %error, ?patience, "cannot accept");
                tokio::time::sleep(patience).await;
                patience = (patience * 2).min(LONGEST_PAUSE);
            }
        }
    }
}

impl Office {
    /// Finds a place for a new connection, or tells it that there is none.
    fn admit(self: &Arc<Self>, link: Link) {
        let settings = self.settings();
        let work = if !transport::admits(&link.peer, &settings.transport) {
            self.counters
                .refused_untrusted
                .fetch_add(1, Ordering::Relaxed);
            self.refuse(link, untrusted(), &settings)
        } else if let Some(place) = Place::take(self, settings.max_connections) {
            Some(Box::pin(place.serve(link, settings)) as BoxFuture<()>)
        } else {
            self.counters.refused_busy.fetch_add(1, Ordering::Relaxed);
            self.refuse(link, busy(settings.max_connections), &settings)
        };
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        if let Some(work) = work {
            tasks.spawn(work);
        }
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn register(&self, connection: Connection) -> u64 {
        let mut connections = lock(&self.connections);
        if let Some(stop) = connections.stop {
            connection.handle().shared.stop(stop);
        }
        let number = connections.next_number;
        connections.next_number += 1;
        connections.open.insert(number, connection);
        number
    }

    /// Takes a connection that is over out of the list.
    async fn unregister(&self, number: u64) {
        let (connection, is_stopping) = {
            let mut connections = lock(&self.connections);
            (connections.open.remove(&number), connections.stop.is_some())
        };
        if let Some(connection) = connection.filter(|_| is_stopping) {
            let (_, cut) = connection.end().await;
            self.ended.connections.fetch_add(1, Ordering::Relaxed);
            self.ended.cut.fetch_add(cut, Ordering::Relaxed);
        }
    }

    /// Ends all connections, and those that are just being made.
    fn stop(&self, stop: Stop) {
        let mut connections = lock(&self.connections);
        connections.stop = Some(stop);
        for connection in connections.open.values() {
            connection.handle().shared.stop(stop);
        }
    }

    /// Waits until all connections are over. Handshakes under way have a moment to become
    /// connections, so that their clients are told.
    async fn all_ended(&self) {
        let mut tasks = mem::take(&mut *lock(&self.tasks));
        let handshakes = clock::now() + HANDSHAKE_GRACE;
        loop {
            let is_idle = lock(&self.connections).open.is_empty();
            if is_idle && clock::now() >= handshakes {
                return tasks.shutdown().await;
            }
            let next = tasks.join_next();
            let until = if is_idle {
                handshakes
            } else {
                clock::now() + HANDSHAKE_GRACE
            };
            if let Ok(None) = tokio::time::timeout_at(until.into(), next).await {
                return;
            }
        }
    }

    /// The work of telling a connection why it is refused. If too many are told already, it is
    /// told without waiting for its offer, and none is left.
    fn refuse(&self, link: Link, failure: Failure, settings: &Settings) -> Option<BoxFuture<()>> {
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else {
            refuse_now(&link, failure);
            return None;
        };
        let limit = settings.config.handshake_timeout;
        Some(Box::pin(async move {
            refuse(link, failure, limit).await;
            drop(permit);
        }))
    }
}

/// One of the connections that a listener may have at once.
struct Place(Arc<Office>);

impl Place {
    /// Takes a place, if one of `limit` is free.
    fn take(office: &Arc<Office>, limit: usize) -> Option<Self> {
        let one_more = |taken| (taken < limit).then(|| taken + 1);
        office
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Self(Arc::clone(office)))
    }

    /// Serves a connection to its end.
    async fn serve(self, mut link: Link, settings: Arc<Settings>) {
        let office = &self.0;
        match open(&mut link, Role::Server, &settings.config).await {
            Ok(opened) => {
                office.counters.accepted.fetch_add(1, Ordering::Relaxed);
                let (config, handler) = (Arc::clone(&settings.config), Arc::clone(&office.handler));
                let (connection, driver) = start(link, opened, config, handler);
                let number = office.register(connection);
                driver.await;
                office.unregister(number).await;
            }
            Err(error) => {
                office
                    .counters
                    .failed_handshakes
                    .fetch_add(1, Ordering::Relaxed);
                debug!(address = %office.address, %error, "no session");
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Office {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Office")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn busy(limit: usize) -> Failure {
    let message = format!("all {limit} connections are taken");
    Failure::new(Category::Limit, Code::BUSY, message).retry_after(RETRY_AFTER)
}

fn untrusted() -> Failure {
    Failure::new(
        Category::Authentication,
        Code::DENIED,
        "the server does not serve this user",
    )
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time for handshakes under way when a listener stops.
const HANDSHAKE_GRACE: Duration = Duration::from_millis(100);
/// So many errors in a row are no longer about one connection each.
const LASTING_FROM: u32 = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What a busy server suggests to wait.
const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Connections that are told with all patience why they are refused.
const REFUSALS_AT_ONCE: usize = 64;
