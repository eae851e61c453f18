//! Sessions of a listener: handshakes, the list of connections, and their end in order.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use bytes::BytesMut;
use proto::Role;
#[cfg(feature = "bus")]
use proto::error::HandshakeError;
use proto::error::{Category, Code};
use proto::message::Failure;
use tracing::debug;

use crate::Address;
use crate::auth::Lease;
use crate::clock;
use crate::session::Config;
use crate::session::connect::start;
use crate::session::connection::Connection;
use crate::session::handler::Handler;
use crate::session::open::{open_after, refuse, refuse_now};
use crate::session::renewal::{Renewable, drive};
use crate::session::report::{ListenerStats, StopReport};
use crate::session::shared::{Life, Shared, Stop};
use crate::transport::{
    self, Front, Health, Link, ListenError, Peer, Refusal, Serving, TransportHealth,
};

/// A listener at work, with the connections that came by it.
///
/// Dropping it ends them all at once; [`stop`](Self::stop) ends them in order.
#[derive(Debug)]
pub(crate) struct Acceptor(transport::Acceptor<Sessions>);

impl Acceptor {
    /// Listens and accepts, until stopped or dropped.
    pub(crate) async fn start(
        address: &Address,
        transport: transport::Config,
        config: Config,
        handler: Arc<dyn Handler>,
    ) -> Result<Self, ListenError> {
        let sessions = Sessions::new(address, &transport, config, handler);
        let acceptor = transport::Acceptor::start(address, transport, Arc::new(sessions)).await?;
        Ok(Self(acceptor))
    }

    /// Changes the settings for connections that come from now on.
    ///
    /// # Errors
    ///
    /// The backend cannot accept; nothing is changed then.
    pub(crate) async fn reconfigure(
        &self,
        transport: transport::Config,
        config: Config,
    ) -> Result<(), ListenError> {
        let config = settings(self.address(), &transport, config);
        self.0.reconfigure(transport).await?;
        let sessions = self.0.front();
        *sessions
            .config
            .write()
            .unwrap_or_else(PoisonError::into_inner) = config;
        self.0.fit();
        Ok(())
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> &Address {
        self.0.address()
    }

    /// What was counted so far.
    pub(crate) fn stats(&self) -> ListenerStats {
        let totals = self.0.health().totals();
        ListenerStats {
            open: lock(&self.0.front().connections).open.len(),
            accepted: totals.accepted,
            refused_busy: totals.refused_busy,
            refused_untrusted: totals.refused_untrusted,
            failed_handshakes: totals.failed_handshakes,
            accept_errors: totals.accept_errors,
        }
    }

    /// How it is doing.
    pub(crate) fn health(&self) -> TransportHealth {
        self.0.health().report()
    }

    /// The connections that are open now.
    pub(crate) fn connections(&self) -> Vec<Connection> {
        let connections = lock(&self.0.front().connections);
        connections.open.values().cloned().collect()
    }

    /// Stops accepting, says goodbye on all connections, and gives what is under way at most
    /// `limit`. The address is free then.
    pub(crate) async fn stop(mut self, limit: Duration) -> StopReport {
        self.0.close().await;
        let sessions = Arc::clone(self.0.front());
        sessions.stop(limit);
        self.0.all_ended().await;
        StopReport {
            connections: sessions.ended.connections.load(Ordering::Relaxed),
            cut: sessions.ended.cut.load(Ordering::Relaxed),
        }
    }
}

/// Settings of sessions for the listener at an address.
fn settings(address: &Address, transport: &transport::Config, mut config: Config) -> Arc<Config> {
    if let Address::Memory(_) = address {
        config.limits.max_streams = transport.in_process.max_concurrent_tasks;
    }
    Arc::new(config)
}

/// The sessions of a listener.
pub(crate) struct Sessions {
    handler: Arc<dyn Handler>,
    /// What holds for new connections.
    config: RwLock<Arc<Config>>,
    connections: Mutex<Connections>,
    ended: Ended,
}

/// Connections whose handshake is through.
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

impl Front for Sessions {
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving {
        Box::pin(self.converse(link, BytesMut::new(), health))
    }

    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving {
        let limit = self.config().handshake_timeout;
        Box::pin(refuse(link, failure(refusal), limit))
    }

    fn refuse_now(&self, link: &Link, refusal: Refusal) {
        refuse_now(link, failure(refusal));
    }

    fn turned_away(&self, peer: &Peer, reason: &'static str, detail: &dyn fmt::Display) {
        if let Some(authentication) = &self.config().authentication {
            authentication.note_turned_away(peer, reason, detail);
        }
    }

    fn is_idle(&self) -> bool {
        lock(&self.connections).open.is_empty()
    }
}

impl Sessions {
    pub(crate) fn new(
        address: &Address,
        transport: &transport::Config,
        config: Config,
        handler: Arc<dyn Handler>,
    ) -> Self {
        Self {
            handler,
            config: RwLock::new(settings(address, transport, config)),
            connections: Mutex::default(),
            ended: Ended::default(),
        }
    }

    /// Has a session with the client of a link, of whom `input` was read already. The opening gives
    /// back what it needs: many sessions are idle for long.
    pub(crate) async fn converse(
        self: Arc<Self>,
        mut link: Link,
        input: BytesMut,
        health: Arc<Health>,
    ) {
        let config = self.config();
        let opening = Box::pin(open_after(&mut link, Role::Server, &config, input));
        match opening.await.map(Box::new) {
            Ok(opened) => {
                health.accepted();
                let lease = opened.lease.clone();
                let mut handler = Arc::clone(&self.handler);
                if let Some(lease) = &lease {
                    handler = Renewable::around(handler, lease);
                }
                let (connection, driver) = start(link, *opened, config, handler, Some(health));
                let shared = Arc::clone(&connection.handle().shared);
                let number = self.register(connection);
                match lease {
                    Some(lease) => {
                        Box::pin(drive(driver, &lease, &shared)).await;
                        note_end(&shared, &lease);
                    }
                    None => driver.await,
                }
                self.unregister(number).await;
            }
            Err(error) => {
                health.handshake_failed(&error);
                debug!(%error, "no session");
            }
        }
    }

    /// Judges the peer of a connection that is no session by what the transport knows; nobody is
    /// refused by a server that asks for nothing.
    #[cfg(feature = "bus")]
    pub(crate) fn admit(&self, peer: &mut Peer) -> Result<Option<Arc<Lease>>, HandshakeError> {
        let config = self.config();
        let Some(authentication) = &config.authentication else {
            return Ok(None);
        };
        let grant = authentication.standing(peer).grant;
        let grant = authentication.judge_standing(peer, grant)?;
        let lease = Arc::new(Lease::of_peer(authentication, grant));
        peer.proved = Some(Arc::clone(lease.principal()));
        Ok(Some(lease))
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
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

    /// Ends all connections, and those that are just being made; gives what is under way at most
    /// `limit`.
    pub(crate) fn stop(&self, limit: Duration) {
        let stop = Stop {
            until: clock::after(clock::now(), limit),
            reason: "the server stops",
            lapse: None,
        };
        let mut connections = lock(&self.connections);
        connections.stop = Some(stop);
        for connection in connections.open.values() {
            connection.handle().shared.stop(stop);
        }
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// Has it written down if a session ended because of what came from its peer.
fn note_end(shared: &Shared, lease: &Lease) {
    let reason = match &*shared.life.borrow() {
        Life::Over { reason, .. } => reason.clone(),
        _ => return,
    };
    if let Some(fault) = reason.fault() {
        lease.note_fault(&shared.peer, fault, &reason);
    }
}

/// What a peer is told that is refused.
fn failure(refusal: Refusal) -> Failure {
    match refusal {
        Refusal::Busy { limit } => {
            let message = format!("all {limit} connections are taken");
            Failure::new(Category::Limit, Code::BUSY, message).retry_after(transport::RETRY_AFTER)
        }
        Refusal::Untrusted => Failure::new(
            Category::Authentication,
            Code::DENIED,
            "the server does not serve this user",
        ),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
