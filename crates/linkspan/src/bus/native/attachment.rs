//! A native client with its name.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::frame::busrt::Name;
use proto::message::Failure;
use proto::topic::{Limits, NameMask};
use tokio::sync;

use crate::bus::broker::{
    Core, Delivery, Extras, Farewell, Member, Message, Publisher, Refusal, is_reserved,
};
use crate::bus::native::feed::{End, Feed};
use crate::bus::wire::{Malformed, Operation, Outcome, Receipt, Will};

/// A native client with its name, for as long as it has it.
pub(super) struct Attachment {
    pub(super) core: Arc<Core>,
    pub(super) member: Arc<Member>,
    pub(super) feeds: Arc<Feeds>,
    /// One message after the other, in the order in which they came.
    publisher: sync::Mutex<Publisher>,
    will: Option<Will>,
}

/// Streams of one client, which end with its membership.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<Vec<Weak<Feed>>>);

/// What a client wants done with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Publish,
    PublishFor,
    Send,
    Broadcast,
}

impl Attachment {
    pub(super) fn new(
        core: &Arc<Core>,
        member: Arc<Member>,
        feeds: Arc<Feeds>,
        will: Option<Will>,
    ) -> Self {
        let publisher = Publisher::new(Arc::clone(core), Arc::clone(&member));
        Self {
            core: Arc::clone(core),
            member,
            feeds,
            publisher: sync::Mutex::new(publisher),
            will,
        }
    }

    /// Passes a message on.
    ///
    /// # Errors
    ///
    /// Why it is not even tried.
    pub(super) async fn pass(&self, verb: Verb, body: Bytes) -> Result<Receipt, Failure> {
        check_length(&self.core, body.len())?;
        self.member.received.add(1, body.len());
        let operation = Operation::decode(body, verb == Verb::PublishFor).map_err(malformed)?;
        let mut publisher = self.publisher.lock().await;
        let (delivery, receiver) = match verb {
            Verb::Publish | Verb::PublishFor => self.publish(&mut publisher, &operation).await?,
            Verb::Send => self.send(&mut publisher, &operation).await,
            Verb::Broadcast => self.broadcast(&mut publisher, &operation).await?,
        };
        publisher.flush();
        let outcome = match delivery {
            Delivery::Accepted => Outcome::Delivered,
            Delivery::Nobody | Delivery::Gone => Outcome::Nobody,
            Delivery::NotDelivered => Outcome::NotDelivered,
            Delivery::Denied => return Err(denied(operation.first())),
            Delivery::Refused(refusal) => return Err(refused(&refusal)),
        };
        Ok(Receipt { outcome, receiver })
    }

    /// With two texts the first is the receiver, and the second the topic.
    async fn publish(
        &self,
        publisher: &mut Publisher,
        operation: &Operation,
    ) -> Result<(Delivery, u64), Failure> {
        let topic = operation.last();
        check_topic(topic)?;
        let message = Message::publication(&self.member.name, topic, &operation.payload());
        let message = Arc::new(message.with_extras(extras(operation)));
        let delivery = match operation.first() {
            receiver if operation.has_two() => publisher.publish_for(receiver, &message).await,
            _ => publisher.publish(&message).await,
        };
        Ok((delivery, 0))
    }

    async fn send(&self, publisher: &mut Publisher, operation: &Operation) -> (Delivery, u64) {
        let message = Message::direct(&self.member.name, &operation.payload());
        let message = Arc::new(message.with_extras(extras(operation)));
        publisher.send(operation.first(), &message).await
    }

    async fn broadcast(
        &self,
        publisher: &mut Publisher,
        operation: &Operation,
    ) -> Result<(Delivery, u64), Failure> {
        let mask = NameMask::new(operation.first(), &Limits::default());
        let mask = mask.map_err(|error| invalid("the mask of names", &error))?;
        let message = Message::broadcast(&self.member.name, &operation.payload());
        let message = Arc::new(message.with_extras(extras(operation)));
        Ok((publisher.broadcast(&mask, &message).await, 0))
    }

    /// Gives the name back, and publishes the last will of a client that did not say that it goes.
    pub(super) async fn end(&self, is_orderly: bool) {
        self.core.leave(&self.member);
        self.core.remember(&self.member);
        let Some(will) = self.will.as_ref().filter(|_| !is_orderly) else {
            return;
        };
        let message = Message::publication(&self.member.name, &will.topic, &will.payload);
        let message = message.with_extras(Extras {
            codec: will.codec,
            headers: will.headers.clone(),
        });
        let mut publisher = self.publisher.lock().await;
        // Nobody is there any more who could be told what became of it.
        publisher.publish(&Arc::new(message)).await;
        publisher.flush();
    }
}

impl Feeds {
    /// Makes one that ends with the membership.
    pub(super) fn add(&self) -> Arc<Feed> {
        let feed = Arc::new(Feed::default());
        let mut feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        feeds.retain(|feed| feed.strong_count() > 0);
        feeds.push(Arc::downgrade(&feed));
        feed
    }

    /// Ends all of them, once what waits has left.
    pub(super) fn end(&self, end: End) {
        let feeds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for feed in feeds.iter().filter_map(Weak::upgrade) {
            feed.end(end);
        }
    }
}

impl Farewell for Arc<Feeds> {
    fn leave(&self) {
        self.end(End::Dismissed);
    }
}

/// Whether clients may publish under a topic.
pub(super) fn check_topic(topic: &str) -> Result<(), Failure> {
    let limits = Limits::default();
    limits
        .check_topic(topic)
        .map_err(|error| invalid("the topic", &error))?;
    match is_reserved(topic) {
        true => Err(denied(topic)),
        false => Ok(()),
    }
}

/// The name that a client wants.
pub(super) fn name(text: String) -> Result<Name, Failure> {
    let name = Name::new(text, &proto::frame::busrt::Limits::default());
    name.map_err(|error| invalid("the name", &error))
}

fn extras(operation: &Operation) -> Extras {
    Extras {
        codec: operation.codec,
        headers: operation.headers.clone(),
    }
}

pub(super) fn check_length(core: &Core, bytes: usize) -> Result<(), Failure> {
    let limit = core.config.max_message_bytes;
    if u32::try_from(bytes).is_ok_and(|bytes| bytes <= limit) {
        return Ok(());
    }
    let message = format!("message of {bytes} bytes exceeds the limit of {limit} bytes");
    Err(Failure::new(Category::Limit, Code::TOO_LARGE, message))
}

pub(super) fn denied(what: &str) -> Failure {
    let message = format!("access to {what:?} is denied");
    Failure::new(Category::Authorization, Code::DENIED, message)
}

/// What a client is told whose message does not keep to the rules.
fn refused(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Limited(wait) => {
            let message = format!("messages come too fast; the next one may come after {wait:?}");
            let failure = Failure::new(Category::Limit, Code::BUSY, message);
            // The wire has milliseconds, and who comes back too early is refused again.
            failure.retry_after(*wait + Duration::from_millis(1))
        }
        Refusal::Invalid(problem) => {
            Failure::new(Category::Request, Code::INVALID_BODY, problem.to_string())
        }
    }
}

pub(super) fn invalid(what: &str, error: &dyn std::error::Error) -> Failure {
    let message = format!("{what} is not valid: {error}");
    Failure::new(Category::Request, Code::INVALID_PARAMETERS, message)
}

fn malformed(error: Malformed) -> Failure {
    Failure::new(
        Category::Request,
        Code::INVALID_PARAMETERS,
        error.to_string(),
    )
}
