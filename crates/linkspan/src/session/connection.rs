//! A connection as its users see it.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::{Duration, SystemTime};

#[cfg(feature = "bus")]
use bytes::Bytes;
#[cfg(feature = "bus")]
use proto::message::Text;
use proto::message::{CancelReason, Identity};
use proto::session::{After, Stats};
use proto::{Limits, StreamId};
use tokio::sync::oneshot;

use crate::clock;
use crate::codec::{Codec, Decode, Encode};
use crate::compression::Compress;
use crate::session::following::Following;
use crate::session::outlet::Outlet;
use crate::session::packing::CompressionStats;
use crate::session::shared::{Life, Refused, Shared, Stop};
use crate::session::{CallError, Disconnected, Request, Response};
use crate::transport::Peer;

/// One connection to a peer, for requests and events in this direction.
///
/// Clones share the connection; it closes in order when the last one is dropped. It does not
/// reconnect: [`rpc::Client`](crate::rpc::Client) does.
#[derive(Debug, Clone)]
pub struct Connection {
    handle: Arc<Handle>,
}

/// Keeps a connection open.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) shared: Arc<Shared>,
}

impl Connection {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let handle = Arc::new(Handle { shared });
        // There is one handle for each connection.
        handle.shared.handle.set(Arc::downgrade(&handle)).ok();
        Self { handle }
    }

    pub(crate) fn from_handle(handle: Arc<Handle>) -> Self {
        Self { handle }
    }

    pub(crate) fn handle(&self) -> &Arc<Handle> {
        &self.handle
    }

    /// Sends a request and waits for the answer, or for its first piece if it is a stream.
    ///
    /// # Errors
    ///
    /// Any [`CallError`] but [`CallError::Application`]: a method's own error is a response with
    /// [`Status::Error`](crate::Status::Error).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the peer.
    pub async fn call(&self, request: Request) -> Result<Response, CallError> {
        match self.start(request) {
            Ok(answer) => answer.await,
            // Waiting is rare; it must not make every call's future large.
            Err(unsent) => Box::pin(self.start_later(unsent)).await?.await,
        }
    }

    /// Calls a method by its name, with any body, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// Any [`CallError`]; the method's own error is [`CallError::Application`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the peer.
    pub async fn send_request<R: Decode>(
        &self,
        method: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<R, CallError> {
        let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
        let response = self.call(Request::with_payload(method, payload)).await?;
        let payload = response.collect().await?;
        R::decode(&payload).map_err(CallError::Decode)
    }

    /// Tells the peer something, without an answer: it returns once the event is on its way. Events
    /// that follow each other within 50 µs leave together, at the latest when the task waits for
    /// something.
    ///
    /// # Errors
    ///
    /// [`CallError::NotAccepted`] if the connection is closed, [`CallError::TooLarge`] or
    /// [`CallError::Encode`] for the body.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the event whole or not at all.
    pub async fn send_event(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), CallError> {
        self.handle.shared.event(event_of(topic, body)?).await
    }

    /// Sends an event as it is, but for its time.
    #[cfg(feature = "seal")]
    pub(crate) async fn tell(&self, mut event: proto::message::Event) -> Result<(), CallError> {
        event.micros_since_1970 = micros_since_1970();
        self.handle.shared.event(event).await
    }

    /// Tells the peer something that needs no metadata.
    #[cfg(feature = "bus")]
    pub(crate) async fn send_raw_event(
        &self,
        topic: &'static str,
        body: Bytes,
    ) -> Result<(), CallError> {
        let topic = Text::from_static(topic);
        let event = proto::message::Event::new(topic, micros_since_1970(), body);
        self.handle.shared.event(event).await
    }

    /// What the transport knows about the peer.
    pub fn peer(&self) -> &Peer {
        &self.handle.shared.peer
    }

    /// Who the peer says it is.
    pub fn peer_identity(&self) -> &Identity {
        &self.handle.shared.agreement.peer
    }

    /// What the peer takes.
    pub fn peer_limits(&self) -> Limits {
        self.handle.shared.agreement.peer_limits
    }

    /// Whether new requests can be sent.
    pub fn is_open(&self) -> bool {
        matches!(*self.handle.shared.life.borrow(), Life::Open)
    }

    /// What was counted so far.
    pub fn stats(&self) -> ConnectionStats {
        let shared = &self.handle.shared;
        let state = shared.lock();
        let stalled_since = state.stalled_since();
        ConnectionStats {
            session: state.send.stats(),
            bytes_received: shared.received_bytes.load(Ordering::Relaxed),
            compression: shared.packing.as_ref().map(|packing| packing.stats()),
            stalled_for: stalled_since.map(|since| clock::now() - since),
        }
    }

    /// Waits until the connection is over, and says why it is.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn ended(&self) -> Disconnected {
        self.end().await.0
    }

    /// Ends the connection in order: no new requests, at most `limit` for what is under way.
    ///
    /// # Cancel safety
    ///
    /// The connection closes even if the future is dropped.
    pub async fn close(&self, limit: Duration) {
        self.handle.shared.stop(Stop {
            until: clock::after(clock::now(), limit),
            reason: "closing",
            lapse: None,
        });
        self.ended().await;
    }

    /// Begins to end the connection in order: no new requests, at most `limit` for what is under way.
    #[cfg(feature = "plugin-guest")]
    pub(crate) fn begin_closing(&self, limit: Duration, reason: &'static str) {
        self.handle.shared.stop(Stop {
            until: clock::after(clock::now(), limit),
            reason,
            lapse: None,
        });
    }

    /// Sends a request, if that is possible now.
    pub(crate) fn start(&self, request: Request) -> Result<Answer, Box<Unsent>> {
        if request.body.has_partial_head() {
            return Err(Box::new(Unsent::Partial(request)));
        }
        let shared = &self.handle.shared;
        let is_plain = request.compress == Compress::Never || request.sealed;
        let (body, items) = request.body.into_outgoing();
        let mut message = proto::message::Request::new(request.method, body);
        message.timeout = request.timeout;
        message.metadata = request.metadata;
        message.sealed = request.sealed;
        let packing = shared.packing.as_ref().filter(|_| !is_plain);
        let following = Following {
            rest: packing.and_then(|packing| packing.request(&mut message, &shared.agreement)),
            items,
            is_plain,
        };
        let (caller, answer) = oneshot::channel();
        match shared.try_open(clock::now(), message, following.after(), caller) {
            Ok(stream) => Ok(self.started(stream, answer, following)),
            Err(refused) => Err(Box::new(Unsent::Refused {
                refused,
                answer,
                following,
            })),
        }
    }

    /// Sends a request that could not be sent at once, when that is possible.
    pub(crate) async fn start_later(&self, unsent: Box<Unsent>) -> Result<Answer, CallError> {
        let (refused, answer, following) = match *unsent {
            Unsent::Refused {
                refused,
                answer,
                following,
            } => (refused, answer, following),
            Unsent::Partial(mut request) => {
                request.body = request.body.with_whole_head().await?;
                return match self.start(request) {
                    Ok(answer) => Ok(answer),
                    Err(unsent) => Box::pin(self.start_later(unsent)).await,
                };
            }
        };
        let stream = match refused {
            Refused::Failed(error) => return Err(error),
            Refused::Blocked(message, caller) => {
                let shared = &self.handle.shared;
                shared.open(message, following.after(), caller).await?
            }
        };
        Ok(self.started(stream, answer, following))
    }

    fn started(&self, stream: StreamId, answer: Receiver, following: Following) -> Answer {
        let shared = &self.handle.shared;
        if following.after() != After::Nothing {
            // The task ends with the stream at the latest.
            let outlet = Outlet::new(Arc::clone(shared), stream);
            let handle = Arc::clone(&self.handle);
            let task = tokio::spawn(async move {
                outlet.send_all(following).await;
                drop(handle);
            });
            let task = task.abort_handle();
            match shared.lock().send.attachment_mut(stream) {
                Some(slot) => slot.task = Some(task),
                None => task.abort(),
            }
        }
        Answer {
            handle: Some(Arc::clone(&self.handle)),
            stream,
            receiver: answer,
        }
    }

    /// Waits for the end; gives the reason and how many handlers were cut off.
    pub(crate) async fn end(&self) -> (Disconnected, usize) {
        let mut life = self.handle.shared.life.subscribe();
        let over = life
            .wait_for(|life| matches!(life, Life::Over { .. }))
            .await;
        match over.as_deref() {
            Ok(Life::Over { reason, cut }) => (reason.clone(), *cut),
            _ => (Disconnected::Closed, 0),
        }
    }

    /// Waits until no new requests can be sent.
    pub(crate) async fn not_open(&self) {
        let mut life = self.handle.shared.life.subscribe();
        life.wait_for(|life| !matches!(life, Life::Open)).await.ok();
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.shared.stop(Stop {
            until: clock::now() + DROP_LIMIT,
            reason: "closed",
            lapse: None,
        });
    }
}

/// Figures of a connection.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct ConnectionStats {
    /// What the session counted.
    pub session: Stats,
    /// Bytes received.
    pub bytes_received: u64,
    /// What compressing saves, if it was agreed on.
    pub compression: Option<CompressionStats>,
    /// How long the peer has taken nothing of what waits to be written; `None` if nothing waits.
    pub stalled_for: Option<Duration>,
}

/// Where the answer to a call comes.
type Receiver = oneshot::Receiver<Result<Response, CallError>>;

/// A request that could not be sent at once.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// It was tried.
    Refused {
        refused: Refused,
        answer: Receiver,
        following: Following,
    },
    /// It is one that was received, sent on before its first piece was here.
    Partial(Request),
}

/// The answer to a request that was sent. Dropping it cancels the call at the peer.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The connection, which stays open until the answer has come.
    handle: Option<Arc<Handle>>,
    stream: StreamId,
    receiver: Receiver,
}

impl Future for Answer {
    type Output = Result<Response, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answer = ready!(Pin::new(&mut self.receiver).poll(cx));
        self.handle = None;
        Poll::Ready(answer.unwrap_or(Err(CallError::Cancelled)))
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        if let Some(handle) = &self.handle {
            handle.shared.cancel(self.stream, CancelReason::Dropped);
        }
    }
}

/// An event of now.
pub(crate) fn event_of(
    topic: &str,
    body: &(impl Encode + ?Sized),
) -> Result<proto::message::Event, CallError> {
    let payload = body.encode(Codec::Msgpack).map_err(CallError::Encode)?;
    let mut event = proto::message::Event::new(topic, micros_since_1970(), payload.bytes);
    payload.codec.note_in(&mut event.metadata);
    Ok(event)
}

fn micros_since_1970() -> u64 {
    let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    u64::try_from(since_1970.unwrap_or_default().as_micros()).unwrap_or(u64::MAX)
}

/// What is under way when the last user of a connection goes has this long to be finished.
const DROP_LIMIT: Duration = Duration::from_secs(5);
