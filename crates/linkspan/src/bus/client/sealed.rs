//! Messages that the broker cannot read (docs/protocol.md, section 21.3).

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use proto::message::Text;

use crate::auth::seal::{Binding, KeyRing, OpenError, Opener, Part, Sealing};
use crate::bus::client::post::To;
use crate::bus::wire::{SEALED, codec_of};
use crate::bus::{
    Client, Delivery, Inbox, Message, MessageKind, Post, PostError, ReceiveError, Remote,
    Subscribe, SubscribeError, Subscription,
};
use crate::codec::{Codec, Encode};
use crate::rpc::{Router, Sealed};
use crate::session::CallError;

/// A client that seals what it sends, and takes only what is sealed.
///
/// The broker passes payloads on and cannot read them; it sees names, topics, headers and lengths. So
/// does everybody without the ring: clients of BUS/RT are passed the envelope as the payload, and other
/// native clients a message that [is sealed](Message::is_sealed).
#[derive(Debug, Clone)]
pub struct SealedClient {
    client: Client,
    sealing: Sealing,
}

impl Client {
    /// The same client, which seals what it sends with the keys of a ring, under its name on the bus.
    pub fn sealed(&self, ring: KeyRing) -> SealedClient {
        SealedClient {
            sealing: Sealing::new(ring, self.name()),
            client: self.clone(),
        }
    }
}

impl SealedClient {
    /// The client itself, which seals nothing.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// Publishes, as [`Client::publish`].
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

    /// Sends to the inbox of another client, as [`Client::send`].
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

    /// Seals a message and sends it, as [`Client::post`]. Its headers are not sealed. Each call makes an
    /// envelope of its own, so that a message may be posted again.
    ///
    /// # Errors
    ///
    /// As [`Client::post`]; [`PostError::Call`] also if it cannot be sealed.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::post`].
    pub async fn post(&self, post: &Post) -> Result<Delivery, PostError> {
        self.client.post(&self.seal(post)?).await
    }

    /// Seals a message and sends it without waiting for the broker, as [`Client::post_unacked`].
    ///
    /// # Errors
    ///
    /// As [`Client::post_unacked`]; [`PostError::Call`] also if it cannot be sealed.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::post_unacked`].
    pub async fn post_unacked(&self, post: &Post) -> Result<(), PostError> {
        self.client.post_unacked(&self.seal(post)?).await
    }

    /// Subscribes, as [`Client::subscribe`].
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
    ) -> Result<OpenedSubscription, SubscribeError> {
        Ok(OpenedSubscription {
            inner: self.client.subscribe(wanted).await?,
            opener: self.sealing.opener(),
        })
    }

    /// What others send to this client and is no call, as [`Client::inbox`].
    pub fn inbox(&self) -> OpenedInbox {
        OpenedInbox {
            inner: self.client.inbox(),
            name: self.client.name().into(),
            opener: self.sealing.opener(),
        }
    }

    /// Answers sealed calls to this client's name, as [`Client::serve`].
    pub fn serve(&self, service: impl Into<Router>) {
        self.client.serve(service.into().sealed(&self.sealing));
    }

    /// Another client, for sealed calls to it, as [`Client::remote`].
    pub fn remote(&self, name: impl Into<Text>) -> Sealed<Remote> {
        Sealed::new(self.client.remote(name), &self.sealing)
    }

    fn seal(&self, post: &Post) -> Result<Post, PostError> {
        let (part, target) = match &post.to {
            To::Topic(topic) | To::TopicFor { topic, .. } => (Part::Publication, topic.as_str()),
            To::Client(receiver) => (Part::Message, receiver.as_str()),
            To::Clients(_) => (Part::Broadcast, ""),
        };
        let binding = binding(part, self.sealing.name(), target, codec_of(post.codec));
        let sealed = self.sealing.sealer().seal(&binding, &post.payload);
        let mut post = post.clone();
        post.payload = sealed.map_err(|error| CallError::from(error.into_failure()))?;
        post.codec |= SEALED;
        Ok(post)
    }
}

/// Publications that a client subscribed to, out of their envelopes, as a stream.
///
/// A message that cannot be opened is an error in its place, and others follow. Otherwise it is as
/// [`Subscription`].
#[must_use = "a subscription that is dropped is over"]
pub struct OpenedSubscription {
    inner: Subscription,
    opener: Opener,
}

impl OpenedSubscription {
    /// The next message; none once the client was closed, or after [`ReceiveError::Ended`].
    ///
    /// # Errors
    ///
    /// [`ReceiveError::Unopened`] for a message that cannot be opened, [`ReceiveError::Ended`] as the
    /// last thing.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Message, ReceiveError>> {
        poll_fn(|cx| Pin::new(&mut *self).poll_next(cx)).await
    }
}

impl Stream for OpenedSubscription {
    type Item = Result<Message, ReceiveError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.inner).poll_next(cx));
        Poll::Ready(next.map(|message| Ok(open(&self.opener, "", message?)?)))
    }
}

/// Messages that were sent to a client, out of their envelopes, as a stream.
///
/// A message that cannot be opened is an error in its place, and others follow. Otherwise it is as
/// [`Inbox`].
pub struct OpenedInbox {
    inner: Inbox,
    name: Text,
    opener: Opener,
}

impl OpenedInbox {
    /// The next message; none once the client is over.
    ///
    /// # Errors
    ///
    /// The [`OpenError`] of a message that cannot be opened.
    ///
    /// # Cancel safety
    ///
    /// No message is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Message, OpenError>> {
        let message = self.inner.next().await?;
        Some(open(&self.opener, &self.name, message))
    }
}

impl Stream for OpenedInbox {
    type Item = Result<Message, OpenError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let next = ready!(Pin::new(&mut self.inner).poll_next(cx));
        Poll::Ready(next.map(|message| open(&self.opener, &self.name, message)))
    }
}

impl fmt::Debug for OpenedSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedSubscription").finish_non_exhaustive()
    }
}

impl fmt::Debug for OpenedInbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenedInbox").finish_non_exhaustive()
    }
}

/// Opens a message for the client of this name.
fn open(opener: &Opener, name: &str, message: Message) -> Result<Message, OpenError> {
    let (part, target) = match message.kind() {
        MessageKind::Publication => (Part::Publication, message.topic()),
        MessageKind::Direct => (Part::Message, name),
        MessageKind::Broadcast => (Part::Broadcast, ""),
        MessageKind::Notification => return Err(OpenError::NotSealed),
    };
    if !message.is_sealed() {
        return Err(OpenError::NotSealed);
    }
    let binding = binding(part, message.sender(), target, message.codec());
    let payload = opener.open(&binding, &message.payload())?;
    Ok(message.opened(payload))
}

/// What a message is bound to.
fn binding<'a>(part: Part, sender: &'a str, target: &'a str, codec: Option<Codec>) -> Binding<'a> {
    Binding {
        part,
        sender,
        target,
        content_type: codec.map_or("", Codec::name),
        correlation: "",
        index: 0,
    }
}
