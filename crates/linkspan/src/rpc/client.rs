//! The side that asks.

use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Instant;

use tower_service::Service;

use crate::codec::{Codec, Decode, Encode};
use crate::rpc::{ClientConfig, Router};
use crate::session::{
    BoxFuture, CallError, ConnectError, Connection, Reconnecting, Request, Response, Target,
};
use crate::{Address, AddressError, clock};

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

    /// The connection, if there is one now.
    pub fn connection(&self) -> Option<Connection> {
        match &self.inner.link {
            ClientLink::Once(connection) => Some(connection.clone()).filter(Connection::is_open),
            ClientLink::Reconnecting(reconnecting) => reconnecting.current(),
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
    pub async fn call(&self, mut request: Request) -> Result<Response, CallError> {
        let reconnecting = match &self.inner.link {
            ClientLink::Once(connection) => return connection.call(request).await,
            ClientLink::Reconnecting(reconnecting) => reconnecting,
        };
        let deadline = request
            .timeout
            .and_then(|timeout| clock::now().checked_add(timeout));
        let until = deadline.unwrap_or_else(|| clock::now() + reconnecting.patience());
        loop {
            let connection = reconnecting.get(until).await?;
            let again = request.try_clone();
            let error = match connection.call(request).await {
                Ok(response) => return Ok(response),
                Err(error) => error,
            };
            match again {
                Some(again) if may_repeat(&error, &again) && clock::now() < until => {
                    request = again;
                    request.timeout = deadline.map(time_left);
                    // A server that has no place now says when to come again.
                    if let Some(wait) = error.retry_after() {
                        tokio::time::sleep(wait).await;
                    }
                }
                _ => return Err(error),
            }
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
        match &self.inner.link {
            ClientLink::Once(connection) => connection.send_event(topic, body).await,
            ClientLink::Reconnecting(reconnecting) => {
                let until = clock::now() + reconnecting.patience();
                reconnecting.get(until).await?.send_event(topic, body).await
            }
        }
    }
}

impl Service<Request> for Client {
    type Response = Response;
    type Error = CallError;
    type Future = BoxFuture<Result<Response, CallError>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), CallError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let client = self.clone();
        Box::pin(async move { Self::call(&client, request).await })
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

fn time_left(deadline: Instant) -> std::time::Duration {
    deadline.saturating_duration_since(clock::now())
}
