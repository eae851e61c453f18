//! A client as its users hold it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use proto::frame::busrt::BusEvent;
use proto::message::Text;
use tokio::task::AbortHandle;

use crate::bus::client::link::{Link, supervise};
use crate::bus::client::presence::Presence;
use crate::bus::wire::{Attach, ClientList, Receipt, method};
use crate::bus::{
    ClientConfig, ClientInfo, ConnectError, Delivery, Inbox, Post, PostError, Remote, Subscribe,
    SubscribeError, Subscription,
};
use crate::clock;
use crate::codec::{Codec, Encode};
use crate::rpc::Router;
use crate::session::{self, CallError, Reconnecting, Target};
use crate::{Address, AddressError};

/// A client of a broker, with a name.
///
/// Clones are the same client. When the broker is lost, it comes back by itself, with its name and its
/// subscriptions. When the last clone and the last subscription are dropped, it leaves.
#[derive(Debug, Clone)]
pub struct Client {
    handle: Arc<Handle>,
}

/// Keeps a client on the bus.
pub(super) struct Handle {
    pub(super) link: Arc<Link>,
    supervisor: AbortHandle,
}

impl Client {
    /// Connects to a broker and gets a name there, with default settings.
    ///
    /// Names are levels between `.`, such as `house.kitchen`.
    ///
    /// # Errors
    ///
    /// Any [`ConnectError`]. The first connection has to succeed; only later ones are tried again.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no client behind.
    pub async fn connect<A>(address: A, name: &str) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        Self::connect_with(address, name, ClientConfig::default()).await
    }

    /// Connects with settings.
    ///
    /// # Errors
    ///
    /// As [`connect`](Self::connect).
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no client behind.
    pub async fn connect_with<A>(
        address: A,
        name: &str,
        mut config: ClientConfig,
    ) -> Result<Self, ConnectError>
    where
        A: TryInto<Address>,
        A::Error: Into<AddressError>,
    {
        let address = address.try_into().map_err(Into::into);
        let will = config.will.take().map(Post::into_will).transpose();
        let attach = Attach {
            name: name.to_owned(),
            will: will.map_err(ConnectError::Will)?,
        };
        let target = Target {
            address: address.map_err(session::ConnectError::from)?,
            transport: config.transport.clone(),
            config: Arc::new(config.session.clone()),
            handler: Arc::new(Router::new()),
        };
        let connection = target.connect().await?;
        let reconnect = config.reconnect.clone();
        let reconnecting = Reconnecting::new(target, connection.clone(), reconnect);
        let (link, records) = Link::open(config, attach, connection, reconnecting).await?;
        let supervisor = tokio::spawn(supervise(Arc::clone(&link), records)).abort_handle();
        let handle = Arc::new(Handle { link, supervisor });
        Ok(Self { handle })
    }

    /// The name.
    pub fn name(&self) -> &str {
        self.link().name()
    }

    /// Whether there is a connection to the broker now.
    pub fn is_connected(&self) -> bool {
        self.link().current().is_some()
    }

    /// Publishes, and waits for the broker to say what became of it.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    ///
    /// # Cancel safety
    ///
    /// As [`post`](Self::post).
    pub async fn publish(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<Delivery, PostError> {
        self.post(&Post::to_topic(topic, body)?).await
    }

    /// Publishes; it returns once the message is on its way.
    ///
    /// # Errors
    ///
    /// As [`post_unacked`](Self::post_unacked).
    ///
    /// # Cancel safety
    ///
    /// As [`post_unacked`](Self::post_unacked).
    pub async fn publish_unacked(
        &self,
        topic: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<(), PostError> {
        self.post_unacked(&Post::to_topic(topic, body)?).await
    }

    /// Sends to the inbox of another client, and waits for the broker to say what became of it.
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    ///
    /// # Cancel safety
    ///
    /// As [`post`](Self::post).
    pub async fn send(
        &self,
        receiver: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<Delivery, PostError> {
        self.post(&Post::to_client(receiver, body)?).await
    }

    /// Sends to the inboxes of all clients whose names a mask stands for, and waits for the broker to
    /// say what became of it; see [`Post::to_clients`].
    ///
    /// # Errors
    ///
    /// As [`post`](Self::post).
    ///
    /// # Cancel safety
    ///
    /// As [`post`](Self::post).
    pub async fn broadcast(
        &self,
        mask: &str,
        body: &(impl Encode + ?Sized),
    ) -> Result<Delivery, PostError> {
        self.post(&Post::to_clients(mask, body)?).await
    }

    /// Sends a message, and waits for the broker to say what became of it.
    ///
    /// Once it has returned, whatever the client sends then arrives after this message. Those of
    /// [`post_unacked`](Self::post_unacked) arrive in their order; while the broker waits for a slow
    /// receiver, this method can overtake them.
    ///
    /// # Errors
    ///
    /// - [`PostError::Denied`]: the client may not.
    /// - [`PostError::Call`]: the broker could not be reached in time, or does not take it: the topic
    ///   or the mask is none, or the message is too long. With
    ///   [`OutcomeUnknown`](CallError::OutcomeUnknown) the broker was lost after it had been sent.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the message has gone out or not.
    pub async fn post(&self, post: &Post) -> Result<Delivery, PostError> {
        let response = self.link().ask(post.method(), &post.encode()).await?;
        let receipt = Receipt::decode(&response.body.collect().await?);
        let receipt = receipt.map_err(|error| CallError::not_accepted(&error))?;
        Ok(receipt.outcome.into())
    }

    /// Sends a message; it returns once the message is on its way, which takes longer when the broker
    /// waits for a slow receiver. Of many in a row, those that follow each other within 50 µs leave
    /// together, at the latest when the task waits for something.
    ///
    /// # Errors
    ///
    /// [`PostError::Call`]: the broker could not be reached in time. What the broker does not do is
    /// not heard of, and what was on its way when it was lost is not sent again.
    ///
    /// # Cancel safety
    ///
    /// A dropped future has sent the message whole or not at all.
    pub async fn post_unacked(&self, post: &Post) -> Result<(), PostError> {
        let link = self.link();
        let until = clock::after(clock::now(), link.config.reconnect.patience);
        loop {
            let place = link.place(until).await?;
            let sent = place
                .connection
                .send_raw_event(post.method(), post.encode());
            match sent.await {
                Err(CallError::NotAccepted { .. }) if clock::now() < until => {
                    place.connection.not_open().await;
                }
                // What no event can hold, a request can.
                Err(CallError::TooLarge { .. }) => {
                    return Ok(link.ask(post.method(), &post.encode()).await.map(drop)?);
                }
                sent => return Ok(sent?),
            }
        }
    }

    /// Subscribes to a mask, or to what a [`Subscribe`] says.
    ///
    /// # Errors
    ///
    /// Any [`SubscribeError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription behind.
    pub async fn subscribe(
        &self,
        wanted: impl Into<Subscribe>,
    ) -> Result<Subscription, SubscribeError> {
        Subscription::open(Arc::clone(&self.handle), wanted.into()).await
    }

    /// What others send to this client and is no call.
    pub fn inbox(&self) -> Inbox {
        Inbox::new(Arc::clone(&self.handle))
    }

    /// Answers calls to this client's name by a generated server or a router, beside those that it
    /// answers already. A handler finds the caller's name in the metadata `caller`.
    pub fn serve(&self, service: impl Into<Router>) {
        self.link().answering.add(service.into());
    }

    /// Another client, for calls to it.
    pub fn remote(&self, name: impl Into<Text>) -> Remote {
        Remote::new(self.clone(), name.into())
    }

    /// The primary clients that are on the bus now, by their names.
    ///
    /// # Errors
    ///
    /// Any [`CallError`].
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn clients(&self) -> Result<Vec<ClientInfo>, CallError> {
        let response = self.link().ask(method::CLIENTS, &Bytes::new()).await?;
        let body = response.body.collect().await?;
        let list: ClientList = Codec::Msgpack.decode(&body).map_err(CallError::Decode)?;
        Ok(list.clients)
    }

    /// Who comes and goes from now on.
    ///
    /// # Errors
    ///
    /// Any [`SubscribeError`].
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription behind.
    pub async fn presence(&self) -> Result<Presence, SubscribeError> {
        self.subscribe(BusEvent::INFO).await.map(Presence::new)
    }

    /// Waits until the client is on the bus no more and does not come back; says why.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn ended(&self) -> String {
        self.link().over().await.to_string()
    }

    /// Leaves the bus in order, for all clones: without the last will, and with at most `limit` for
    /// what is under way.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the client may be lost instead of leaving.
    pub async fn close(&self, limit: Duration) {
        self.link().close(limit).await;
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.handle.link
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.supervisor.abort();
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle")
            .field("name", &self.link.name())
            .finish_non_exhaustive()
    }
}
