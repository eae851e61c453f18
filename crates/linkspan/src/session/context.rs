//! What a handler can know about the call that it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use proto::StreamId;
use proto::message::Metadata;
use tokio::sync::Notify;

use crate::auth::Principal;
use crate::clock;
#[cfg(feature = "plugin-guest")]
use crate::codec::Encode;
use crate::compression::Compress;
#[cfg(feature = "plugin-guest")]
use crate::session::CallError;
use crate::session::Connection;
#[cfg(feature = "bus")]
use crate::session::Disconnected;
#[cfg(feature = "plugin-guest")]
use crate::session::connection::event_of;
#[cfg(feature = "bus")]
use crate::session::shared::Life;
use crate::session::shared::Shared;
use crate::transport::Peer;

/// The facts of a call: who asks, until when, in which connection.
///
/// A handler receives one. A client gives one to say more than the arguments: a deadline, a trace,
/// an idempotency key. Handing on the one that was received hands on its deadline and its trace.
#[derive(Debug, Clone, Default)]
pub struct Context {
    facts: Option<Arc<CallFacts>>,
    metadata: Option<Box<Metadata>>,
    timeout: Option<Duration>,
    compress: Compress,
}

/// What the driver knows of a request or event of the peer's.
#[derive(Debug)]
pub(crate) struct CallFacts {
    pub(crate) message_id: u64,
    pub(crate) stream: StreamId,
    pub(crate) deadline: Option<Instant>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) signal: Signal,
}

impl CallFacts {
    /// Tells the connection from all others that are open.
    #[cfg(feature = "bus")]
    pub(crate) fn connection_key(&self) -> usize {
        Arc::as_ptr(&self.shared).addr()
    }

    /// Waits until the connection is over, without keeping it; says why it is.
    #[cfg(feature = "bus")]
    pub(crate) fn disconnected(&self) -> impl Future<Output = Disconnected> + Send + use<> {
        let mut life = self.shared.life.subscribe();
        async move {
            let over = life
                .wait_for(|life| matches!(life, Life::Over { .. }))
                .await;
            match over.as_deref() {
                Ok(Life::Over { reason, .. }) => reason.clone(),
                _ => Disconnected::Closed,
            }
        }
    }
}

impl Context {
    /// A context without facts.
    pub fn new() -> Self {
        Self::default()
    }

    #[cfg(feature = "bus")]
    pub(crate) fn facts(&self) -> Option<&Arc<CallFacts>> {
        self.facts.as_ref()
    }

    pub(crate) fn of_request(
        facts: Option<Arc<CallFacts>>,
        metadata: Option<Box<Metadata>>,
        timeout: Option<Duration>,
    ) -> Self {
        Self {
            facts,
            metadata,
            timeout,
            compress: Compress::default(),
        }
    }

    /// The same context with `timeout` for the call that it is given to.
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self.facts = None;
        self
    }

    /// The same context with a further named value.
    #[must_use]
    pub fn with_metadata(mut self, name: &str, text: &str) -> Self {
        self.metadata.get_or_insert_default().set_text(name, text);
        self
    }

    /// The same context for a call whose arguments are sent as they are, though the connection
    /// compresses: for a secret beside something that others choose.
    #[must_use]
    pub fn without_compression(mut self) -> Self {
        self.compress = Compress::Never;
        self
    }

    /// Number of the request's frame in its connection; 0 if there is none.
    pub fn message_id(&self) -> u64 {
        self.facts.as_ref().map_or(0, |facts| facts.message_id)
    }

    /// What joins the request, its data and its answer: the number of its stream; 0 if there is
    /// none.
    pub fn correlation_id(&self) -> u64 {
        self.facts.as_ref().map_or(0, |facts| facts.stream.get())
    }

    /// Who asks.
    pub fn principal(&self) -> Principal {
        self.peer()
            .map_or_else(Principal::anonymous, Peer::principal)
    }

    /// The process that asks.
    pub fn peer(&self) -> Option<&Peer> {
        self.facts.as_ref().map(|facts| &*facts.shared.peer)
    }

    /// When the caller stops waiting.
    pub fn deadline(&self) -> Option<Instant> {
        self.facts.as_ref().and_then(|facts| facts.deadline)
    }

    /// The time that is left until the deadline, or that was given to a call.
    pub fn timeout(&self) -> Option<Duration> {
        let left = |deadline: Instant| deadline.saturating_duration_since(clock::now());
        self.deadline().map(left).or(self.timeout)
    }

    /// The named value, if it is a text.
    pub fn metadata(&self, name: &str) -> Option<&str> {
        self.metadata.as_ref()?.text(name)
    }

    /// The connection that the request came on, for calls in the other direction.
    ///
    /// None if the connection is closed, or in a test without one.
    pub fn connection(&self) -> Option<Connection> {
        let handle = self.facts.as_ref()?.shared.handle.get()?.upgrade()?;
        Some(Connection::from_handle(handle))
    }

    /// Fires when the caller gives up, the deadline passes or the connection is lost.
    ///
    /// The handler's future is dropped then anyway; this is for work that it has handed to threads
    /// or other tasks.
    pub fn cancellation(&self) -> Cancellation {
        Cancellation(self.facts.clone())
    }

    /// Tells the caller something on the stream of its call, if there is room for that now; says
    /// whether there was.
    ///
    /// # Errors
    ///
    /// The call is over, or the body cannot be sent.
    #[cfg(feature = "plugin-guest")]
    pub(crate) fn tell_now<T: Encode>(&self, topic: &str, body: &T) -> Result<bool, CallError> {
        let Some(facts) = &self.facts else {
            return Ok(false);
        };
        let event = event_of(topic, body)?;
        facts.shared.event_now(facts.stream, event)
    }

    /// Whether the arguments of a call that this context is given to are compressed.
    pub(crate) fn compress(&self) -> Compress {
        self.compress
    }

    /// Metadata for a call that this context is given to.
    pub(crate) fn into_outgoing(mut self) -> (Option<Box<Metadata>>, Option<Duration>) {
        let timeout = self.timeout();
        // How the body that came with it was encoded and sealed says nothing about the next one.
        if let Some(metadata) = &mut self.metadata {
            metadata.remove(Metadata::CONTENT_TYPE);
            metadata.remove(Metadata::SEALED_ID);
            metadata.remove(Metadata::SEALED_SENDER);
        }
        (
            self.metadata.filter(|metadata| !metadata.is_empty()),
            timeout,
        )
    }
}

/// Says that nobody waits for a result any more. Without a call it never fires.
#[derive(Debug, Clone, Default)]
pub struct Cancellation(Option<Arc<CallFacts>>);

/// Fires once, for all who wait.
#[derive(Debug, Default)]
pub(crate) struct Signal {
    fired: AtomicBool,
    waiting: Notify,
}

impl Cancellation {
    /// Whether it has fired.
    pub fn is_cancelled(&self) -> bool {
        self.0
            .as_ref()
            .is_some_and(|facts| facts.signal.has_fired())
    }

    /// Waits until it fires.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn cancelled(&self) {
        let Some(facts) = &self.0 else {
            return std::future::pending().await;
        };
        let notified = facts.signal.waiting.notified();
        if !facts.signal.has_fired() {
            notified.await;
        }
    }
}

impl Signal {
    pub(crate) fn fire(&self) {
        self.fired.store(true, Ordering::Release);
        self.waiting.notify_waiters();
    }

    fn has_fired(&self) -> bool {
        self.fired.load(Ordering::Acquire)
    }
}
