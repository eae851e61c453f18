//! One connection of a BUS/RT client, from its greeting to its end.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use proto::frame::busrt::{Action, FromBroker, FromClient, Limits, Masks, Operation, Status};
use proto::message::Text;
use proto::topic::{self, Mask, NameMask};
use tracing::debug;

use crate::bus::broker::{
    Core, Delivery, Member, Message, Origin, Publisher, Refusal, is_reserved,
};
use crate::bus::busrt::input::Input;
use crate::bus::busrt::opening;
use crate::bus::busrt::outlet::Outlet;
use crate::bus::error::ConnectionError;
use crate::bus::{Action as Access, Compat, Config};
use crate::transport::{ByteLink, Health};

/// Serves a client until it goes, or says what nobody understands. It was greeted, and `read` is what
/// it has said so far.
pub(crate) async fn converse(
    core: Arc<Core>,
    link: ByteLink,
    read: BytesMut,
    port: String,
    health: &Health,
) -> Result<(), ConnectionError> {
    let origin = Origin::of(&link.peer, port);
    let mut input = Input::new(link.reader, read, limits(&core.config), core.config.timeout);
    let outlet = Arc::new(Outlet::new(link.writer));
    let _close = Close(Arc::clone(&outlet));
    let Some(member) = opening::open(&core, origin, &mut input, &outlet)
        .await
        .inspect_err(|error| health.handshake_failed(error))?
    else {
        return Ok(());
    };
    health.accepted();
    let place = Membership { core, member };
    outlet.say(&FromBroker::Status(Status::Ok)).await?;
    let queue = &place.member.inbox.queue;
    outlet.open(queue);
    input.set_limit(place.core.config.timeout * 5 / 4);
    let conversation = Conversation {
        publisher: Publisher::new(Arc::clone(&place.core), Arc::clone(&place.member)),
        core: &place.core,
        member: &place.member,
        input,
    };
    let sending = async {
        tokio::select! {
            // What it sent before it went away still counts, but nobody can send to it.
            error = outlet.drive(queue) => place.leave(&error),
            () = ping(&place.member, place.core.config.timeout / 2) => {}
            () = outlet.dismissed() => return,
        }
        pending::<()>().await;
    };
    tokio::select! {
        ended = conversation.run() => ended,
        () = sending => Ok(()),
    }
}

/// Has the client hear something now and then.
async fn ping(member: &Member, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        member.inbox.queue.push_ping();
        member.inbox.queue.flush();
    }
}

/// What a client's operations may be.
fn limits(config: &Config) -> Limits {
    let mut limits = Limits::default();
    limits.max_body_bytes = config.max_message_bytes;
    limits
}

/// The place of a client among the others.
struct Membership {
    core: Arc<Core>,
    member: Arc<Member>,
}

impl Membership {
    /// Gives the name back when the client takes nothing any more.
    fn leave(&self, error: &io::Error) {
        debug!(%error, name = %self.member.name, "a client cannot be written to");
        self.core.leave(&self.member);
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.core.leave(&self.member);
        self.core.remember(&self.member);
    }
}

/// Tells the client that nothing follows.
struct Close(Arc<Outlet>);

impl Drop for Close {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// A connection whose client has its name.
struct Conversation<'a> {
    core: &'a Arc<Core>,
    member: &'a Arc<Member>,
    publisher: Publisher,
    input: Input,
}

impl Conversation<'_> {
    async fn run(mut self) -> Result<(), ConnectionError> {
        loop {
            let received = self.work_off().await;
            // What was understood before an error holds.
            self.publisher.flush();
            let (frames, bytes) = received?;
            self.member.received.add(frames, bytes);
            // Who does not read its answers asks nothing more.
            self.member.inbox.queue.answers_taken().await;
            // While it was not read, it had no chance.
            self.input.renew();
            if !self.input.fill().await? {
                return Ok(());
            }
        }
    }

    /// Does all that has come; says how much that was.
    async fn work_off(&mut self) -> Result<(u64, usize), ConnectionError> {
        let (mut frames, mut bytes) = (0, 0);
        while let Some(said) = self.input.next()? {
            match said {
                FromClient::Operation(operation) => {
                    frames += 1;
                    bytes += self.handle(operation).await;
                }
                // Who has to say that it is alive says nothing else.
                _ => self.publisher.rest(),
            }
        }
        Ok((frames, bytes))
    }

    /// Does what an operation wants, and answers; says how long its body was.
    async fn handle(&mut self, operation: Operation) -> usize {
        let Operation {
            id, qos, action, ..
        } = operation;
        let bytes = action.body_bytes();
        let is_realtime = qos.is_realtime();
        let name = &self.member.name;
        let status = match action {
            Action::Publish { topic, .. } | Action::PublishFor { topic, .. }
                if is_reserved(&topic) && self.core.config.compat != Compat::Strict =>
            {
                let refused = self.core.refuse_reserved(self.member, &topic);
                delivered(&refused.into())
            }
            Action::Publish { topic, payload } => {
                let message = Message::publication(name, &topic, &payload).realtime(is_realtime);
                let delivery = self.publisher.publish(&Arc::new(message)).settled().await;
                self.status(&delivery)
            }
            Action::PublishFor {
                topic,
                receiver,
                payload,
            } => {
                let message = Message::publication(name, &topic, &payload).realtime(is_realtime);
                let given = self.publisher.publish_for(&receiver, &Arc::new(message));
                self.status(&given.settled().await)
            }
            Action::Message { target, payload } => {
                let message = Message::direct(name, &payload).realtime(is_realtime);
                let (given, _) = self.publisher.send(&target, &Arc::new(message));
                match given.settled().await {
                    Delivery::Nobody => Status::NotRegistered,
                    delivery => delivered(&delivery),
                }
            }
            Action::Broadcast { mask, payload } => {
                let message = Message::broadcast(name, &payload).realtime(is_realtime);
                self.broadcast(mask, message).await
            }
            Action::Subscribe(masks) => {
                let (status, refused) = self.subscribe(&masks);
                if qos.wants_ack() {
                    self.answer_refused(id, refused);
                }
                status
            }
            Action::Unsubscribe(masks) => self.unsubscribe(&masks),
            Action::Exclude(masks) => self.exclude(&masks),
            Action::Unexclude(masks) => self.unexclude(&masks),
            _ => return bytes,
        };
        if qos.wants_ack() {
            self.publisher.answer(&self.member.inbox, id, status);
        }
        bytes
    }

    async fn broadcast(&mut self, mask: Text, message: Message) -> Status {
        let Ok(mask) = NameMask::new(mask, &topic::Limits::default()) else {
            return Status::Data;
        };
        let given = self.publisher.broadcast(&mask, &Arc::new(message));
        self.status(&given.settled().await)
    }

    /// Adds the masks that it may have; says how many it may not.
    fn subscribe(&self, masks: &Masks) -> (Status, usize) {
        let mut refused = 0;
        let mut is_too_fast = false;
        let status = self.with_masks(masks, |mut masks| {
            let actions: Vec<_> = masks.iter().map(Access::Subscribe).collect();
            // They have no end that could give a place back.
            is_too_fast = self.core.charge(self.member, &actions).is_err();
            if is_too_fast {
                return;
            }
            let wanted = masks.len();
            masks.retain(|mask| self.core.permits(self.member, Access::Subscribe(mask)));
            refused = wanted - masks.len();
            self.core.subscribe(&self.member.inbox, masks);
            self.core.review(self.member);
        });
        match (self.core.config.compat, refused) {
            _ if is_too_fast => (Status::Busy, 0),
            (_, 0) | (Compat::Strict, _) => (status, refused),
            (Compat::Honest, _) => (Status::AccessDenied, refused),
        }
    }

    /// BUS/RT has an answer for each refused mask, before that for all of them.
    fn answer_refused(&mut self, id: u32, refused: usize) {
        if self.core.config.compat == Compat::Strict {
            for _ in 0..refused {
                let status = Status::AccessDenied;
                self.publisher.answer(&self.member.inbox, id, status);
            }
        }
    }

    fn unsubscribe(&self, masks: &Masks) -> Status {
        if self.is_too_fast() {
            return Status::Busy;
        }
        self.with_masks(masks, |masks| {
            self.core.unsubscribe(&self.member.inbox, masks);
        });
        Status::Ok
    }

    fn exclude(&self, masks: &Masks) -> Status {
        if self.is_too_fast() {
            return Status::Busy;
        }
        let mut has_room = true;
        let status = self.with_masks(masks, |masks| {
            has_room = self.member.inbox.exclude(masks);
        });
        match has_room {
            true => status,
            false => Status::Failed,
        }
    }

    fn unexclude(&self, masks: &Masks) -> Status {
        if self.is_too_fast() {
            return Status::Busy;
        }
        self.with_masks(masks, |masks| self.member.inbox.unexclude(masks));
        Status::Ok
    }

    /// Whether the client does more than it may in all, whatever that is about.
    fn is_too_fast(&self) -> bool {
        self.core.charge(self.member, &[]).is_err()
    }

    /// Does something with those masks that can be any.
    fn with_masks(&self, masks: &Masks, work: impl FnOnce(Vec<Mask>)) -> Status {
        let limits = topic::Limits::default();
        let good: Vec<_> = masks
            .iter()
            .flat_map(|mask| Mask::new(mask, &limits))
            .collect();
        let status = match good.len() as u64 == masks.count() {
            true => Status::Ok,
            false => Status::Data,
        };
        work(good);
        status
    }

    /// How a publication is acknowledged.
    fn status(&self, delivery: &Delivery) -> Status {
        let is_refused = matches!(delivery, Delivery::Denied | Delivery::Refused(_));
        match self.core.config.compat {
            Compat::Strict if !is_refused => Status::Ok,
            _ => delivered(delivery),
        }
    }
}

fn delivered(delivery: &Delivery) -> Status {
    match delivery {
        Delivery::Accepted | Delivery::Nobody => Status::Ok,
        Delivery::NotDelivered => Status::NotDelivered,
        Delivery::Gone => Status::EndOfFile,
        Delivery::Denied => Status::AccessDenied,
        Delivery::Refused(Refusal::Limited(_)) => Status::Busy,
        Delivery::Refused(Refusal::Invalid(_)) => Status::Data,
    }
}
