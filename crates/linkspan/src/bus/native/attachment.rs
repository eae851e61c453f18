//! A native client with its name.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::frame::busrt::{Name, Status};
use proto::message::Failure;
use proto::topic::{Limits, NameMask};

use crate::auth::policy::Refused as Barred;
use crate::bus::broker::{
    Core, Delivery, Extras, Farewell, Given, Member, Message, Publisher, Refusal, Waiting,
    is_reserved,
};
use crate::bus::native::feed::{End, Feed};
use crate::bus::wire::{Malformed, Operation, Outcome, Receipt, Ticket, Will};
use crate::session::BoxFuture;

/// A native client with its name, for as long as it has it.
pub(super) struct Attachment {
    pub(super) core: Arc<Core>,
    pub(super) member: Arc<Member>,
    pub(super) feeds: Arc<Feeds>,
    publisher: Mutex<Publisher>,
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

/// A message that was passed on.
#[derive(Debug)]
pub(super) enum Passed {
    Settled(Receipt),
    /// Some have no room for it; with the number of the receiver, if there is one.
    Waiting(Box<Waiting>, u64),
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
            publisher: Mutex::new(publisher),
            will,
        }
    }

    /// Passes a message on to all who have room for it.
    ///
    /// # Errors
    ///
    /// Why it is not even tried.
    pub(super) fn pass(&self, verb: Verb, body: Bytes) -> Result<Passed, Failure> {
        self.note(&body)?;
        let operation = Operation::decode(body, verb == Verb::PublishFor).map_err(malformed)?;
        let mut publisher = self.publisher();
        let (given, receiver) = match verb {
            Verb::Publish | Verb::PublishFor => self.publish(&mut publisher, &operation)?,
            Verb::Send => self.send(&mut publisher, &operation),
            Verb::Broadcast => self.broadcast(&mut publisher, &operation)?,
        };
        publisher.flush();
        Ok(match given {
            Given::Waiting(waiting) => Passed::Waiting(waiting, receiver),
            Given::Settled(Delivery::Denied) => return Err(denied(operation.first())),
            Given::Settled(Delivery::Refused(refusal)) => return Err(refused(&refusal)),
            Given::Settled(delivery) => Passed::Settled(receipt(&delivery, receiver)),
        })
    }

    /// Passes a call on to the client of a number, or gives it back.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub(super) fn call(self: &Arc<Self>, body: Bytes) -> Result<Option<BoxFuture<()>>, Failure> {
        self.note(&body)?;
        let (ticket, operation) = Ticket::decode(body).map_err(malformed)?;
        let receiver = self.core.member(operation.first());
        let receiver = receiver.filter(|receiver| receiver.id == ticket.receiver);
        let Some(receiver) = receiver else {
            return Ok(Some(self.give_back(ticket, Status::NotRegistered)));
        };
        let mut publisher = self.publisher();
        let given = publisher.send_to(&receiver, &self.direct(&operation));
        publisher.flush();
        if let Given::Settled(Delivery::Accepted) = given {
            return Ok(None);
        }
        let this = Arc::clone(self);
        Ok(Some(Box::pin(async move {
            let status = match given.settled().await {
                Delivery::Accepted => return,
                Delivery::Nobody | Delivery::Gone => Status::EndOfFile,
                Delivery::NotDelivered => Status::NotDelivered,
                Delivery::Denied | Delivery::Refused(_) => Status::AccessDenied,
            };
            this.give_back(ticket, status).await;
        })))
    }

    /// Tells the caller that nobody has its call, and waits if it leaves much of that unread.
    fn give_back(&self, ticket: Ticket, status: Status) -> BoxFuture<()> {
        let inbox = Arc::clone(&self.member.inbox);
        inbox.queue.push_ack(ticket.call, status);
        inbox.queue.flush();
        Box::pin(async move { inbox.queue.answers_taken().await })
    }

    /// Takes note of what the client sent, if it is not too long.
    fn note(&self, body: &Bytes) -> Result<(), Failure> {
        check_length(&self.core, body.len())?;
        self.member.received.add(1, body.len());
        Ok(())
    }

    /// With two texts the first is the receiver, and the second the topic.
    fn publish(
        &self,
        publisher: &mut Publisher,
        operation: &Operation,
    ) -> Result<(Given, u64), Failure> {
        let topic = operation.last();
        check_topic(topic)?;
        if is_reserved(topic) {
            return Err(barred(&self.core.refuse_reserved(&self.member, topic)));
        }
        let message = Message::publication(&self.member.name, topic, &operation.payload());
        let message = Arc::new(message.with_extras(extras(operation)));
        let given = match operation.has_two() {
            true => publisher.publish_for(operation.first(), &message),
            false => publisher.publish(&message),
        };
        Ok((given, 0))
    }

    fn send(&self, publisher: &mut Publisher, operation: &Operation) -> (Given, u64) {
        publisher.send(operation.first(), &self.direct(operation))
    }

    fn direct(&self, operation: &Operation) -> Arc<Message> {
        let message = Message::direct(&self.member.name, &operation.payload());
        Arc::new(message.with_extras(extras(operation)))
    }

    fn broadcast(
        &self,
        publisher: &mut Publisher,
        operation: &Operation,
    ) -> Result<(Given, u64), Failure> {
        let mask = NameMask::new(operation.first(), &Limits::default());
        let mask = mask.map_err(|error| invalid("the mask of names", &error))?;
        let message = Message::broadcast(&self.member.name, &operation.payload());
        let message = Arc::new(message.with_extras(extras(operation)));
        Ok((publisher.broadcast(&mask, &message), 0))
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
        let given = {
            let mut publisher = self.publisher();
            let given = publisher.publish(&Arc::new(message));
            publisher.flush();
            given
        };
        // Nobody is there any more who could be told what became of it.
        given.settled().await;
    }

    /// One message after the other is given to all who have room, in the order in which they came.
    fn publisher(&self) -> MutexGuard<'_, Publisher> {
        self.publisher
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passed {
    /// Waits for those who have no room.
    pub(super) async fn settled(self) -> Receipt {
        match self {
            Self::Settled(receipt) => receipt,
            Self::Waiting(waiting, receiver) => receipt(&waiting.settled().await, receiver),
        }
    }
}

fn receipt(delivery: &Delivery, receiver: u64) -> Receipt {
    let outcome = match delivery {
        Delivery::Accepted => Outcome::Delivered,
        Delivery::Nobody | Delivery::Gone => Outcome::Nobody,
        Delivery::NotDelivered | Delivery::Denied | Delivery::Refused(_) => Outcome::NotDelivered,
    };
    Receipt { outcome, receiver }
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

pub(super) fn check_topic(topic: &str) -> Result<(), Failure> {
    let checked = Limits::default().check_topic(topic);
    checked.map_err(|error| invalid("the topic", &error))
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

/// What a client is told that is not let do what it wants; if it may not, by what its wish is about.
pub(super) fn barred(barred: &Barred<'_>) -> Failure {
    match barred {
        Barred::Denied(access) => denied(access.resource),
        Barred::TooMuch(_, retry_after) => refused(&Refusal::Limited(*retry_after)),
    }
}

/// What a client is told whose message does not keep to the rules.
fn refused(refusal: &Refusal) -> Failure {
    match refusal {
        Refusal::Limited(wait) => {
            let message = format!("that is too much at once; more may come after {wait:?}");
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
