//! Accepting: places and their limit, busy answers, patience with a system that is out of
//! descriptors. What is spoken on a link is the business of a [`Front`].

use std::fmt;
use std::future::Future;
use std::io;
use std::mem;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use thiserror::Error;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tracing::{debug, info, warn};

use crate::Address;
use crate::clock;
use crate::transport::backend::Origin;
use crate::transport::layer::{Arrival, Layers, Opening, Stack};
use crate::transport::openings::Openings;
use crate::transport::{Backend, Config, Health, Link, ListenError, Listener, Peer, admits};

/// What is done with the links of a listener.
pub(crate) trait Front: Send + Sync + 'static {
    /// Serves a link that has a place, to its end.
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving;

    /// Tells a link that it is refused, with the patience that it takes to be heard.
    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving;

    /// Tells a link that it is refused, as far as that goes at once.
    fn refuse_now(&self, link: &Link, refusal: Refusal);

    /// Takes note of a peer with whom nothing is spoken, and why: a name that stays the same for ever,
    /// and the same for people.
    fn turned_away(&self, _peer: &Peer, _reason: &'static str, _detail: &dyn fmt::Display) {}

    /// How many links may have a place at an address.
    fn max_connections(&self, address: &Address, config: &Config) -> usize {
        config.max_connections(address.scheme())
    }

    /// Ends a link that needs its place less than a new one does, and says whether there was one.
    fn make_room(&self) -> bool {
        false
    }

    /// Whether no link is being served but such as have not begun to talk.
    fn is_idle(&self) -> bool;
}

/// Work on one link.
pub(crate) type Serving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Why a link is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// So many links have a place already.
    Busy { limit: usize },
    /// Its user is not let in.
    Untrusted,
}

/// A listener at work, with the links that came by it.
///
/// Dropping it ends them all at once.
pub(crate) struct Acceptor<F: Front> {
    office: Arc<Office<F>>,
    orders: mpsc::Sender<Order>,
    task: JoinHandle<()>,
}

/// What holds for links that come from now on.
struct Order {
    backend: Backend,
    layers: Layers,
    /// Where to say what came of it.
    done: oneshot::Sender<io::Result<()>>,
}

/// What the accepting task and the links have in common.
struct Office<F> {
    address: Address,
    front: Arc<F>,
    /// What holds for new links.
    config: RwLock<Arc<Config>>,
    /// Links that have a place.
    taken: AtomicUsize,
    /// Those who have not agreed yet on what the transport needs.
    openings: Openings,
    /// One permit for each link that is being told that there is no place.
    refusals: Arc<Semaphore>,
    tasks: Mutex<JoinSet<()>>,
    health: Arc<Health>,
}

impl<F: Front> Acceptor<F> {
    /// Listens and accepts, until closed or dropped.
    pub(crate) async fn start(
        address: &Address,
        config: Config,
        front: Arc<F>,
    ) -> Result<Self, ListenError> {
        let listener = Listener::bind(address, &config).await?;
        let office = Arc::new(Office {
            address: listener.address().clone(),
            front,
            config: RwLock::new(Arc::new(config)),
            taken: AtomicUsize::new(0),
            openings: Openings::default(),
            refusals: Arc::new(Semaphore::new(REFUSALS_AT_ONCE)),
            tasks: Mutex::default(),
            health: Arc::new(Health::new(listener.backend())),
        });
        let (orders, receiver) = mpsc::channel(1);
        let task = tokio::spawn(Arc::clone(&office).accept(listener, receiver));
        Ok(Self {
            office,
            orders,
            task,
        })
    }

    pub(crate) fn front(&self) -> &Arc<F> {
        &self.office.front
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> &Address {
        &self.office.address
    }

    pub(crate) fn health(&self) -> &Arc<Health> {
        &self.office.health
    }

    /// Changes the settings for links that come from now on.
    ///
    /// # Errors
    ///
    /// The backend cannot accept; nothing is changed then.
    pub(crate) async fn reconfigure(&self, config: Config) -> Result<(), ListenError> {
        config.backend.check()?;
        let io = |source| {
            let address = self.address().clone();
            ListenError::Io { address, source }
        };
        let stack = Stack::new(self.address(), &config, Origin::Accepted).map_err(io)?;
        let (done, switched) = oneshot::channel();
        let order = Order {
            backend: config.backend,
            layers: stack.layers,
            done,
        };
        if self.orders.send(order).await.is_ok()
            && let Ok(Err(source)) = switched.await
        {
            return Err(io(source));
        }
        let mut current = self
            .office
            .config
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *current = Arc::new(config);
        Ok(())
    }

    /// Ends links that need their places less than others would, as long as there are more links
    /// than places.
    pub(crate) fn fit(&self) {
        let office = &self.office;
        let limit = office
            .front
            .max_connections(&office.address, &office.config());
        let excess = office.taken.load(Ordering::Relaxed).saturating_sub(limit);
        for _ in 0..excess {
            if !office.front.make_room() {
                break;
            }
        }
    }

    /// Accepts no more; the address is free then. Once more does no harm.
    pub(crate) async fn close(&mut self) {
        if !self.task.is_finished() {
            self.task.abort();
            (&mut self.task).await.ok();
        }
    }

    /// Waits until the front is idle; links that have not begun to talk have a moment to do so.
    pub(crate) async fn all_ended(&self) {
        let mut tasks = mem::take(&mut *lock(&self.office.tasks));
        let beginners = clock::now() + BEGINNERS_GRACE;
        loop {
            let is_idle = self.office.front.is_idle();
            if is_idle && clock::now() >= beginners {
                return tasks.shutdown().await;
            }
            let next = tasks.join_next();
            let until = match is_idle {
                true => beginners,
                false => clock::now() + BEGINNERS_GRACE,
            };
            if let Ok(None) = tokio::time::timeout_at(until.into(), next).await {
                return;
            }
        }
    }
}

impl<F: Front> Drop for Acceptor<F> {
    fn drop(&mut self) {
        self.task.abort();
        lock(&self.office.tasks).abort_all();
    }
}

impl<F: Front> Office<F> {
    /// Accepts for ever. What goes wrong with one link is no reason to stop, nor to wait.
    async fn accept(self: Arc<Self>, mut listener: Listener, mut orders: mpsc::Receiver<Order>) {
        let mut patience = Patience::default();
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(order) = orders.recv() => {
                    let switched = self.switch(&mut listener, order.backend);
                    if switched.is_ok() {
                        listener.set_layers(order.layers);
                    }
                    // Whoever asked may have gone.
                    order.done.send(switched).ok();
                    continue;
                }
            };
            match accepted {
                Ok(arrival) => {
                    patience = Patience::default();
                    self.admit(arrival);
                }
                Err(error) => {
                    self.health.accept_failed(&error);
                    patience.wait(&self.address, &error).await;
                }
            }
        }
    }

    fn switch(&self, listener: &mut Listener, backend: Backend) -> io::Result<()> {
        let before = listener.backend();
        listener.switch(backend)?;
        let now = listener.backend();
        self.health.set_backend(now);
        if let (Some(from), Some(to)) = (before, now)
            && from != to
        {
            info!(address = %self.address, %from, %to, "backend switched");
        }
        Ok(())
    }

    /// Serves who comes, or refuses it, once it has agreed on what the transport needs.
    fn admit(self: &Arc<Self>, arrival: Arrival) {
        let mut tasks = lock(&self.tasks);
        while tasks.try_join_next().is_some() {}
        match arrival {
            Arrival::Link(link) => {
                if let Some(work) = self.seat(*link) {
                    tasks.spawn(work);
                }
            }
            Arrival::Opening { peer, opening } => {
                let limit = self.config().max_openings;
                let spawn = |number| tasks.spawn(Arc::clone(self).open(peer, opening, number));
                for _ in 0..self.openings.begin(limit, spawn) {
                    self.health.handshake_failed(&GivenUp { limit });
                }
            }
        }
    }

    /// Agrees with who comes, and serves it then.
    async fn open(self: Arc<Self>, peer: Box<Peer>, opening: Opening, number: u64) {
        let opened = opening.await;
        if !self.openings.end(number) {
            return;
        }
        match opened {
            Ok(link) => {
                if let Some(work) = self.seat(link.into()) {
                    work.await;
                }
            }
            Err(error) => {
                self.health.handshake_failed(&error);
                self.front.turned_away(&peer, NO_AGREEMENT, &error);
                debug!(%error, "no agreement with who came");
            }
        }
    }

    /// The work of serving a link if there is a place for it, or of telling it that there is none.
    fn seat(self: &Arc<Self>, link: Link) -> Option<Serving> {
        let config = self.config();
        let limit = self.front.max_connections(&self.address, &config);
        if !admits(&link.peer, &config) {
            self.health.refused_untrusted();
            self.front.turned_away(
                &link.peer,
                UNTRUSTED,
                &"the server does not serve this user",
            );
            return self.refuse(link, Refusal::Untrusted);
        }
        let Some(place) = self.find_place(limit) else {
            self.health.refused_busy();
            return self.refuse(link, Refusal::Busy { limit });
        };
        let serving = Arc::clone(&self.front).serve(link, Arc::clone(&self.health));
        Some(Box::pin(async move {
            serving.await;
            drop(place);
        }))
    }

    fn config(&self) -> Arc<Config> {
        Arc::clone(&self.config.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A place among `limit`, if need be that of a link that ends for it.
    fn find_place(self: &Arc<Self>, limit: usize) -> Option<Place<F>> {
        let one_more = |taken| (taken < limit).then(|| taken + 1);
        let taken = self
            .taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more);
        if let Err(taken) = taken {
            if limit == 0 || !self.front.make_room() {
                return None;
            }
            // One more goes than comes as long as there are more than a lower limit allows.
            if taken > limit {
                self.front.make_room();
            }
            // The link that was ended is still counted, until it is gone.
            self.taken.fetch_add(1, Ordering::Relaxed);
        }
        self.health.opened();
        Some(Place(Arc::clone(self)))
    }

    /// The work of telling a link why it is refused. If too many are told already, it is told
    /// without patience, and no work is left.
    fn refuse(&self, link: Link, refusal: Refusal) -> Option<Serving> {
        let Ok(permit) = Arc::clone(&self.refusals).try_acquire_owned() else {
            self.front.refuse_now(&link, refusal);
            return None;
        };
        let refusing = Arc::clone(&self.front).refuse(link, refusal);
        Some(Box::pin(async move {
            refusing.await;
            drop(permit);
        }))
    }
}

/// A peer was too slow for those that came after it.
#[derive(Debug, Error)]
#[error("given up for newer connections, as more than {limit} had not begun to talk")]
struct GivenUp {
    limit: usize,
}

/// One of the links that a listener may have at once.
struct Place<F: Front>(Arc<Office<F>>);

impl<F: Front> Drop for Place<F> {
    fn drop(&mut self) {
        self.0.taken.fetch_sub(1, Ordering::Relaxed);
        self.0.health.closed();
    }
}

/// How long to wait after an error of accepting.
struct Patience {
    failures: u32,
    pause: Duration,
}

impl Patience {
    async fn wait(&mut self, address: &Address, error: &io::Error) {
        self.failures = self.failures.saturating_add(1);
        if !os::is_descriptor_exhaustion(error) && self.failures < LASTING_FROM {
            debug!(%address, %error, "a connection was not accepted");
            return;
        }
        // Connections wait in the system's queue, until descriptors are free again or what else has
        // befallen the listener is over.
        warn!(%address, %error, pause = ?self.pause, "cannot accept");
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            failures: 0,
            pause: FIRST_PAUSE,
        }
    }
}

impl<F: Front> fmt::Debug for Acceptor<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor")
            .field("address", self.address())
            .finish_non_exhaustive()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time for links that have not begun to talk when a listener stops.
const BEGINNERS_GRACE: Duration = Duration::from_millis(100);
/// So many errors in a row are no longer about one link each.
const LASTING_FROM: u32 = 16;
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What a busy server suggests to wait.
pub(crate) const RETRY_AFTER: Duration = Duration::from_millis(250);
/// Why a peer is turned away with whom the transport did not come about.
const NO_AGREEMENT: &str = "transport";
/// Why one is whose user is not let in.
const UNTRUSTED: &str = "untrusted_user";
/// Links that are told with all patience why they are refused.
const REFUSALS_AT_ONCE: usize = 64;
