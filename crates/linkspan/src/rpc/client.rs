//! The side that asks.

use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use tower_service::Service;

use crate::codec::{Codec, Decode, Encode};
use crate::rpc::{ClientConfig, Router};
use crate::session::{
    Answer, BoxFuture, CallError, ConnectError, Connection, Reconnecting, Request, Response, Target,
};
use crate::transport::Connected;
use crate::{Address, AddressError, clock, session};

/// A client of one server, for requests and events.
///
/// Clones share the connection. When it is lost, the client comes back by itself: requests that
/// the server never accepted are sent again, and so are those that are declared idempotent; the
/// others fail with [`CallError::OutcomeUnknown`].
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    link: ClientLink,
}

#[derive(Debug)]
enum ClientLink {
    Once(Connection),
    Reconnecting(Reconnecting),
}

impl Client {
    /// Connects with default settings.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`]. The first connection has to succeed; only later ones are tried again.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no connection behind.
    pub async fn connect<A>(address: A) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        Self::connect_with(address, ClientConfig::default(), Router::new()).await
    }

    /// Connects with settings; `router` answers the server's requests and takes its events.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no connection behind.
    pub async fn connect_with<A>(
        address: A,
        config: ClientConfig,
        router: Router,
    ) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let target = Target {
            address: address.try_into().map_err(Into::into)?,
            transport: config.transport,
            config: Arc::new(config.session),
            handler: Arc::new(router),
        };
        let connection = target.connect().await?;
        let link = match config.reconnect {
            None => ClientLink::Once(connection),
            Some(reconnect) => {
                ClientLink::Reconnecting(Reconnecting::new(target, connection, reconnect))
            }
        };
        Ok(Self {
            inner: Arc::new(Inner { link }),
        })
    }

    /// Is the client on a connection that is there already, as one end of a pair whose other end a
    /// child process inherited; `router` answers its requests and takes its events.
    ///
    /// When the connection is lost, the client is at its end.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`] but those of addresses and dialing;
    /// [`handshake_timeout`](crate::session::Config::handshake_timeout) is all the time that the
    /// other end has.
    ///
    /// # Cancel safety
    ///
    /// A dropped future closes the connection.
    pub async fn over(
        connected: Connected,
        config: session::Config,
        router: Router,
    ) -> Result<Self, ConnectError> {
        let connection = Connection::over(connected, &Arc::new(config), Arc::new(router)).await?;
        let link = ClientLink::Once(connection);
        Ok(Self {
            inner: Arc::new(Inner { link }),
        })
    }

    /// Is a client on a connection that is open.
    #[cfg(feature = "plugin-guest")]
    pub(crate) fn of(connection: Connection) -> Self {
        let link = ClientLink::Once(connection);
        Self {
            inner: Arc::new(Inner { link }),
        }
    }

    /// The connection, if there is one now.
    pub fn connection(&self) -> Option<Connection> {
        match &self.inner.link {
            ClientLink::Once(connection) => Some(connection.clone()).filter(Connection::is_open),
            ClientLink::Reconnecting(reconnecting) => reconnecting.current(),
        }
    }

    /// Ends the connection in order, for all clones, and does not come back: no new requests, at
    /// most `limit` for what is under way.
    ///
    /// # Cancel safety
    ///
    /// The connection closes even if the future is dropped.
    pub async fn close(&self, limit: Duration) {
        let connection = match &self.inner.link {
            ClientLink::Once(connection) => Some(connection.clone()),
            ClientLink::Reconnecting(reconnecting) => reconnecting.give_up(),
        };
        if let Some(connection) = connection {
            connection.close(limit).await;
        }
    }

    /// Sends a request and waits for the answer, or for its first piece if it is a stream.
    ///
    /// # Errors
    ///
    /// As [`Connection::call`]. What was never accepted is sent again until the deadline, or as
    /// long as [`patience`](crate::rpc::ReconnectConfig::patience) lasts, unless its body is a
    /// stream, which cannot be read twice.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
    pub async fn call(&self, request: Request) -> Result<Response, CallError> {
        self.begin(request).await
    }

    /// Sends a request at once if that is possible.
    fn begin(&self, request: Request) -> Calling {
        let (connection, again) = match &self.inner.link {
            ClientLink::Once(connection) => (Some(connection.clone()), None),
            ClientLink::Reconnecting(link) => (link.latest(), request.try_clone()),
        };
        let again = again.map(Again::new);
        let Some(connection) = connection else {
            return Calling::later(self.clone().call_when_connected(request));
        };
        match connection.start(request) {
            Ok(answer) => Calling {
                state: State::Sent {
                    answer,
                    again,
                    client: self.clone(),
                },
            },
            Err(unsent) => {
                let client = self.clone();
                Calling::later(async move {
                    let answer = match connection.start_later(unsent).await {
                        Ok(answer) => answer.await,
                        Err(error) => Err(error),
                    };
                    match (answer, again) {
                        (Err(error), Some(again)) => client.call_again(again, error).await,
                        (answer, _) => answer,
                    }
                })
            }
        }
    }

    /// Calls as soon as there is a connection.
    async fn call_when_connected(self, mut request: Request) -> Result<Response, CallError> {
        let until = self.until(&request);
        let connection = self.connected(until.instant).await?;
        request.timeout = until.timeout();
        let again = request.try_clone().map(Again::new);
        match (connection.call(request).await, again) {
            (Err(error), Some(again)) => self.call_again(again, error).await,
            (answer, _) => answer,
        }
    }

    /// Calls until there is an answer, the time is up or an error forbids it.
    async fn call_again(self, again: Again, mut error: CallError) -> Result<Response, CallError> {
        let until = match again.deadline {
            Some(instant) => Until {
                instant,
                is_deadline: true,
            },
            None => self.until(&again.request),
        };
        let mut again = Some(again.request);
        while let Some(mut request) = again.filter(|request| may_repeat(&error, request)) {
            // A server that has no place now says when to come again.
            let wait = error.retry_after().unwrap_or_default();
            if clock::after(clock::now(), wait) >= until.instant {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
            let connection = self.connected(until.instant).await?;
            request.timeout = until.timeout();
            again = request.try_clone();
            error = match connection.call(request).await {
                Err(error) => error,
                answer => return answer,
            };
        }
        Err(error)
    }

    async fn connected(&self, until: Instant) -> Result<Connection, CallError> {
        match &self.inner.link {
            ClientLink::Once(connection) => Ok(connection.clone()),
            ClientLink::Reconnecting(link) => link.get(until).await,
        }
    }

    fn until(&self, request: &Request) -> Until {
        let patience = match &self.inner.link {
            ClientLink::Once(_) => Duration::ZERO,
            ClientLink::Reconnecting(link) => link.patience(),
        };
        let wait = request.timeout.unwrap_or(patience);
        Until {
            instant: clock::after(clock::now(), wait),
            is_deadline: request.timeout.is_some(),
        }
    }

    /// Calls a method by its name, with any body, and waits for the whole answer.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); the method's own error is [`CallError::Application`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future cancels the call at the server.
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

    /// Tells the server something, without an answer: it returns once the event is on its way.
    ///
    /// # Errors
    ///
    /// As [`Connection::send_event`]. An event that was on its way when a connection was lost is
    /// not sent again.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the event whole or not at all.
    pub async fn send_event(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), CallError> {
        self.present().await?.send_event(topic, body).await
    }

    /// The connection, waiting for it as long as the client is patient.
    pub(super) async fn present(&self) -> Result<Connection, CallError> {
        match &self.inner.link {
            ClientLink::Once(connection) => Ok(connection.clone()),
            ClientLink::Reconnecting(reconnecting) => {
                let until = clock::after(clock::now(), reconnecting.patience());
                reconnecting.get(until).await
            }
        }
    }
}

impl Service<Request> for Client {
    type Response = Response;
    type Error = CallError;
    type Future = Calling;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Calling {
        self.begin(request)
    }
}

/// A call under way. Dropping it cancels the call at the server.
#[must_use = "a call that is dropped is cancelled"]
pub struct Calling {
    state: State,
}

enum State {
    /// It was sent at once, as most calls are; this costs no allocation.
    Sent {
        answer: Answer,
        again: Option<Again>,
        client: Client,
    },
    /// It waits, or is tried again.
    Later(BoxFuture<Result<Response, CallError>>),
    Done,
}

impl Calling {
    fn later(call: impl Future<Output = Result<Response, CallError>> + Send + 'static) -> Self {
        Self {
            state: State::Later(Box::pin(call)),
        }
    }
}

impl Future for Calling {
    type Output = Result<Response, CallError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let answer = match &mut self.state {
                State::Sent { answer, .. } => ready!(Pin::new(answer).poll(cx)),
                State::Later(call) => ready!(call.as_mut().poll(cx)),
                State::Done => return Poll::Pending,
            };
            match (answer, mem::replace(&mut self.state, State::Done)) {
                (
                    Err(error),
                    State::Sent {
                        again: Some(again),
                        client,
                        ..
                    },
                ) if may_repeat(&error, &again.request) => {
                    self.state = State::Later(Box::pin(client.call_again(again, error)));
                }
                (answer, _) => return Poll::Ready(answer),
            }
        }
    }
}

impl fmt::Debug for Calling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Calling")
    }
}

/// A request that may be sent a second time.
struct Again {
    request: Request,
    /// When its caller stops waiting, if it said so.
    deadline: Option<Instant>,
}

impl Again {
    fn new(request: Request) -> Self {
        let deadline = |timeout| clock::after(clock::now(), timeout);
        Self {
            deadline: request.timeout.map(deadline),
            request,
        }
    }
}

/// How long a call may be tried.
struct Until {
    instant: Instant,
    is_deadline: bool,
}

impl Until {
    /// The time that is left for the call, if its time is limited.
    fn timeout(&self) -> Option<Duration> {
        self.is_deadline
            .then(|| self.instant.saturating_duration_since(clock::now()))
    }
}

/// Whether a request may be sent again after an error.
fn may_repeat(error: &CallError, request: &Request) -> bool {
    match error {
        CallError::NotAccepted { .. } => true,
        CallError::OutcomeUnknown { .. } => request.idempotent,
        _ => false,
    }
}
