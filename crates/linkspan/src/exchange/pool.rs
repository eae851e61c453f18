//! The connections of a client to one endpoint.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use proto::frame::crc32::Header;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_service::Service;

use crate::Address;
use crate::clock;
use crate::exchange::counts::ClientCounters;
use crate::exchange::talk::{Failed, Talk};
use crate::exchange::{ClientConfig, ExchangeError};
use crate::layer::Repeatable;
use crate::transport::{self, ByteLink, DialError};

/// A question as an endpoint gets it.
#[derive(Debug, Clone)]
pub(super) struct Attempt {
    pub(super) header: Header,
    pub(super) message: Bytes,
    pub(super) until: Instant,
    /// How long before that its time began.
    pub(super) limit: Duration,
    pub(super) is_idempotent: bool,
}

impl Attempt {
    /// When a step that may take `limit` has to be over, and whose limit that is then: its own, or
    /// the question's.
    pub(super) fn within(&self, limit: Duration) -> (Instant, Duration) {
        let end = clock::after(clock::now(), limit);
        match end < self.until {
            true => (end, limit),
            false => (self.until, self.limit),
        }
    }
}

impl Repeatable for Attempt {
    fn is_idempotent(&self) -> bool {
        self.is_idempotent
    }
}

/// Connections to an endpoint. Clones share them.
///
/// A connection belongs to one question from before the first byte is written until the answer was
/// read whole, and only then comes back. So an answer can never be that to another question: what
/// happens otherwise, a dropped future included, ends the connection.
#[derive(Debug, Clone)]
pub(super) struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// What the endpoint is called.
    endpoint: Arc<str>,
    /// Where it is; none if there is only the connection that the client was given.
    address: Option<Address>,
    config: Arc<ClientConfig>,
    places: Arc<Semaphore>,
    idle: Mutex<Vec<Idle>>,
    counters: Arc<ClientCounters>,
}

#[derive(Debug)]
struct Idle {
    talk: Talk,
    since: Instant,
}

impl Pool {
    pub(super) fn new(
        address: Address,
        config: Arc<ClientConfig>,
        counters: Arc<ClientCounters>,
    ) -> Self {
        let endpoint = address.to_string().into();
        Self(Shared::new(endpoint, Some(address), config, counters))
    }

    /// The connection that there is, and no other.
    pub(super) fn over(
        link: ByteLink,
        config: Arc<ClientConfig>,
        counters: Arc<ClientCounters>,
    ) -> Self {
        let endpoint = link.peer.principal().name.into();
        let talk = Talk::new(link, &config);
        let shared = Shared::new(endpoint, None, config, counters);
        shared.put_back(talk);
        Self(shared)
    }

    pub(super) fn endpoint(&self) -> &Arc<str> {
        &self.0.endpoint
    }

    /// Makes a connection for later.
    pub(super) async fn prepare(&self) -> Result<(), ExchangeError> {
        let limit = self.0.config.connect_timeout;
        let until = clock::after(clock::now(), limit);
        let talk = self.0.connect(until, limit).await?;
        self.0.put_back(talk);
        Ok(())
    }
}

impl Service<Attempt> for Pool {
    type Response = Bytes;
    type Error = ExchangeError;
    type Future = Pin<Box<dyn Future<Output = Result<Bytes, ExchangeError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ExchangeError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, attempt: Attempt) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { shared.ask(&attempt).await })
    }
}

impl Shared {
    fn new(
        endpoint: Arc<str>,
        address: Option<Address>,
        config: Arc<ClientConfig>,
        counters: Arc<ClientCounters>,
    ) -> Arc<Self> {
        let places = Semaphore::new(config.connections_per_endpoint.max(1));
        Arc::new(Self {
            endpoint,
            address,
            config,
            places: Arc::new(places),
            idle: Mutex::default(),
            counters,
        })
    }

    async fn ask(&self, attempt: &Attempt) -> Result<Bytes, ExchangeError> {
        let _place = self.place(attempt.until).await?;
        loop {
            let (mut talk, was_idle) = match self.take_idle().await {
                Some(talk) => (talk, true),
                None => {
                    let (until, limit) = attempt.within(self.config.connect_timeout);
                    (self.connect(until, limit).await?, false)
                }
            };
            let result = talk.exchange(attempt, &self.config).await;
            self.counters.sent.add(usize::from(talk.has_sent()));
            match result {
                Ok(answer) => {
                    self.counters.exchanged(&attempt.message, &answer);
                    self.put_back(talk);
                    return Ok(answer);
                }
                // The server closed it while nobody looked; that says nothing of the server.
                Err(Failed::Unsent(_)) if was_idle => {}
                Err(failed) => return Err(self.failed(failed)),
            }
        }
    }

    async fn place(&self, until: Instant) -> Result<OwnedSemaphorePermit, ExchangeError> {
        let place = Arc::clone(&self.places).acquire_owned();
        let place = tokio::time::timeout_at(until.into(), place).await;
        // It is never closed.
        place.ok().and_then(Result::ok).ok_or_else(|| {
            let places = self.config.connections_per_endpoint.max(1);
            let endpoint = Arc::clone(&self.endpoint);
            ExchangeError::NoPlace { endpoint, places }
        })
    }

    async fn connect(&self, until: Instant, limit: Duration) -> Result<Talk, ExchangeError> {
        let Some(address) = &self.address else {
            let endpoint = Arc::clone(&self.endpoint);
            return Err(ExchangeError::Ended { endpoint });
        };
        let dialing = transport::dial_bytes(address, &self.config.transport);
        let dialed = match tokio::time::timeout_at(until.into(), dialing).await {
            Ok(dialed) => dialed,
            Err(_) => Err(DialError::TimedOut {
                address: address.clone(),
                limit,
            }),
        };
        let counter = match dialed {
            Ok(_) => &self.counters.connects,
            Err(_) => &self.counters.connect_failures,
        };
        counter.increment();
        Ok(Talk::new(dialed?, &self.config))
    }

    /// The connection that was used last.
    async fn take_idle(&self) -> Option<Talk> {
        let Idle { talk, since } = self.idle().pop()?;
        // Most backends learn what has come only when the runtime looks at all connections, which a
        // busy task may have kept it from.
        if clock::now().saturating_duration_since(since) > FRESH {
            tokio::task::yield_now().await;
        }
        Some(talk)
    }

    fn put_back(&self, talk: Talk) {
        let since = clock::now();
        self.idle().push(Idle { talk, since });
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, failed: Failed) -> ExchangeError {
        let endpoint = Arc::clone(&self.endpoint);
        match failed {
            Failed::Busy(retry_after) => {
                self.counters.busy.increment();
                ExchangeError::Busy {
                    endpoint,
                    retry_after,
                }
            }
            Failed::Unsent(source) => ExchangeError::Unsent { endpoint, source },
            Failed::Unknown(source) => ExchangeError::OutcomeUnknown { endpoint, source },
        }
    }
}

/// After so long a connection may have been closed without our knowing.
const FRESH: Duration = Duration::from_millis(1);
