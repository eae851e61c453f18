//! Clients that are connected.

use std::fmt;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use proto::frame::busrt::Name;
use tokio::sync::Notify;

use crate::auth::Principal;
use crate::bus::broker::flow::Flow;
use crate::bus::broker::ledger::Sums;
use crate::bus::broker::rules::Account;
use crate::bus::broker::subscription::Subscription;
use crate::counter::Counter;
use crate::transport::Peer;

/// A client that is connected.
pub(crate) struct Member {
    /// Tells it from others that had its name before.
    pub(crate) id: u64,
    pub(crate) name: Name,
    pub(crate) origin: Origin,
    /// What is sent to its name, and what it subscribed to in the way of BUS/RT.
    pub(crate) inbox: Arc<Subscription>,
    /// What else it subscribed to, each with a queue of its own.
    subscriptions: Mutex<Vec<Arc<Subscription>>>,
    /// What came from it.
    pub(crate) received: Flow,
    /// What it wanted to do and may not.
    pub(super) denied: Counter,
    /// Its messages that did not keep to the rules.
    pub(super) refused: Counter,
    /// What it has of its rate.
    pub(crate) account: Arc<Account>,
    /// Whether it ever had a secondary client.
    pub(crate) has_secondaries: AtomicBool,
    farewell: Box<dyn Farewell>,
    /// Tells those who wait for it to go.
    departure: Notify,
    /// Who it is; made when somebody asks.
    principal: OnceLock<Principal>,
}

/// Who can tell a client's connection to end.
pub(crate) trait Farewell: Send + Sync {
    /// Its client is no member any more.
    fn leave(&self);
}

impl Farewell for () {
    fn leave(&self) {}
}

/// Where a client comes from.
#[derive(Debug, Clone)]
pub(crate) struct Origin {
    pub(crate) kind: OriginKind,
    /// Its network address, where there is one.
    pub(crate) source: Option<String>,
    /// The address of the listener by which it came.
    pub(crate) port: Option<String>,
    /// The process at the other end; none is the broker's own.
    peer: Option<Peer>,
    identity: Identity,
}

/// By which way a client is connected, in BUS/RT's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OriginKind {
    Internal,
    Local,
    Tcp,
    WebSocket,
}

/// What two connections of one peer have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    Internal,
    Process(os::PeerCredentials),
    Host(IpAddr),
    Unknown,
}

impl Origin {
    /// The broker's own process.
    pub(crate) fn internal() -> Self {
        Self {
            kind: OriginKind::Internal,
            source: None,
            port: None,
            peer: None,
            identity: Identity::Internal,
        }
    }

    /// A peer that came by the listener at `port`.
    pub(crate) fn of(peer: &Peer, port: String) -> Self {
        let identity = match (peer.credentials, peer.address, peer.transport) {
            (Some(credentials), _, _) => Identity::Process(credentials),
            (None, Some(address), _) => Identity::Host(address.ip()),
            (None, None, "mem") => Identity::Internal,
            (None, None, _) => Identity::Unknown,
        };
        Self {
            kind: match (peer.transport, peer.address) {
                ("mem", _) => OriginKind::Internal,
                ("ws", _) => OriginKind::WebSocket,
                (_, Some(_)) => OriginKind::Tcp,
                (_, None) => OriginKind::Local,
            },
            source: peer.address.map(|address| address.to_string()),
            port: Some(port),
            peer: Some(peer.clone()),
            identity,
        }
    }

    /// Whether both are known to be the same principal in the same process, or at least on the same
    /// host.
    pub(crate) fn is_same_peer(&self, other: &Self) -> bool {
        self.identity == other.identity
            && self.identity != Identity::Unknown
            && self.principal().name == other.principal().name
    }

    pub(super) fn principal(&self) -> Principal {
        let peer = self.peer.as_ref();
        peer.map_or_else(|| Principal::named("internal"), Peer::principal)
    }
}

impl OriginKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Internal => "internal",
            Self::Local => "local_ipc",
            Self::Tcp => "tcp",
            Self::WebSocket => "websocket",
        }
    }
}

impl Member {
    pub(crate) fn new(
        id: u64,
        name: Name,
        origin: Origin,
        inbox: Arc<Subscription>,
        account: Arc<Account>,
        farewell: Box<dyn Farewell>,
    ) -> Self {
        Self {
            id,
            name,
            origin,
            inbox,
            subscriptions: Mutex::default(),
            received: Flow::default(),
            denied: Counter::default(),
            refused: Counter::default(),
            account,
            has_secondaries: AtomicBool::new(false),
            farewell,
            departure: Notify::new(),
            principal: OnceLock::new(),
        }
    }

    /// What else it subscribed to.
    pub(super) fn subscriptions(&self) -> MutexGuard<'_, Vec<Arc<Subscription>>> {
        self.subscriptions
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// What it did, and got by all its queues.
    pub(super) fn sums(&self) -> Sums {
        let mut sums = Sums::received(&self.received);
        let subscriptions = self.subscriptions();
        for subscription in subscriptions.iter().chain([&self.inbox]) {
            sums += subscription.queue.sums();
        }
        sums
    }

    /// Messages and answers that wait for it, and bytes of the messages.
    pub(super) fn waiting(&self) -> (usize, usize) {
        let subscriptions = self.subscriptions();
        let queues = subscriptions.iter().chain([&self.inbox]);
        let depths = queues.map(|subscription| subscription.queue.depth());
        depths.fold((0, 0), |(items, bytes), (more_items, more_bytes)| {
            (items + more_items, bytes + more_bytes)
        })
    }

    /// Waits until it is no member any more.
    pub(crate) async fn gone(&self) {
        let mut departed = pin!(self.departure.notified());
        departed.as_mut().enable();
        if !self.inbox.queue.is_closed() {
            departed.await;
        }
    }

    /// Who it is, for those who decide what it may do.
    pub(crate) fn principal(&self) -> &Principal {
        self.principal.get_or_init(|| self.origin.principal())
    }

    /// Ends its connection.
    pub(crate) fn dismiss(&self) {
        self.inbox.queue.close();
        for subscription in self.subscriptions().iter() {
            subscription.queue.close();
        }
        self.farewell.leave();
        self.departure.notify_waiters();
    }
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Member")
            .field("id", &self.id)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
