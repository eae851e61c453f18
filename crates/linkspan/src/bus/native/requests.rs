//! Coming, going and subscribing.

use std::num::NonZeroU64;
use std::sync::Arc;

use bytes::Bytes;
use proto::error::{Category, Code};
use proto::message::Failure;
use proto::topic::{Limits, Mask};
use serde::de::DeserializeOwned;

use crate::auth::quota::Place;
use crate::bus::broker::{Core, MOST_EXCLUSIONS, Member, Origin, Wanted, is_reserved};
use crate::bus::native::Native;
use crate::bus::native::attachment::{Attachment, Feeds, barred, check_length, check_topic};
use crate::bus::native::attachment::{denied, invalid, name};
use crate::bus::native::feed::Deliveries;
use crate::bus::wire::{Attach, Attached, Headers, Subscribe, Will};
use crate::bus::{Action, JoinError, QueueLimits};
use crate::codec::Codec;
use crate::session::{Body, CallError, Disconnected, Request, Response};

/// Gives a client its name, and all that is sent to it.
pub(super) async fn attach(
    native: Arc<Native>,
    mut request: Request,
) -> Result<Response, CallError> {
    let context = request.context();
    let peer = context.peer().cloned();
    let (Some(facts), Some(peer)) = (context.facts().map(Arc::clone), peer) else {
        let message = "only a connection can have a name on the bus";
        return Err(Failure::new(Category::Request, Code::REJECTED, message).into());
    };
    let Attach { name: text, will } = parameters(request).await?;
    let name = name(text)?;
    let origin = Origin::of(&peer, peer.transport.to_owned());
    check_will(&native.core, &origin, will.as_ref())?;

    let key = facts.connection_key();
    let former = native.attached.pin().remove(&key).map(Arc::clone);
    if let Some(former) = former {
        former.end(true).await;
    }
    let feeds = Arc::new(Feeds::default());
    let feed = feeds.add();
    let join = || {
        let (outlet, farewell) = (Arc::clone(&feed), Arc::clone(&feeds));
        let origin = origin.clone();
        native
            .core
            .join(&name, origin, Box::new(outlet), Box::new(farewell))
    };
    let joined = match join() {
        Err(JoinError::InUse) => {
            native.core.settle(&name).await;
            join()
        }
        joined => joined,
    };
    let member = joined.map_err(|error| refusal(&error))?;
    let attached = Attached {
        id: member.id,
        max_message_bytes: native.core.config.max_message_bytes,
    };
    let inbox = Arc::clone(&member.inbox);
    let deliveries = Deliveries::new(Arc::clone(&native.core), Arc::clone(&member), inbox, feed);
    let attachment = Arc::new(Attachment::new(&native.core, member, feeds, will));
    native.attached.pin().insert(key, Arc::clone(&attachment));
    // It ends with the connection.
    tokio::spawn(stay(native, key, attachment, facts.disconnected()));

    let head = Codec::Msgpack
        .encode(&attached)
        .map_err(CallError::Encode)?;
    Ok(Response::new(Body::streaming(head, deliveries)))
}

/// Waits for the end of a client's connection, and ends its membership, unless it has left before.
async fn stay(
    native: Arc<Native>,
    key: usize,
    attachment: Arc<Attachment>,
    disconnected: impl Future<Output = Disconnected>,
) {
    let reason = disconnected.await;
    let is_same = |_: &usize, present: &Arc<Attachment>| Arc::ptr_eq(present, &attachment);
    let is_present = native
        .attached
        .pin()
        .remove_if(&key, is_same)
        .is_ok_and(|it| it.is_some());
    if is_present {
        let is_orderly = matches!(reason, Disconnected::Goodbye { .. });
        // It needs room only now.
        Box::pin(attachment.end(is_orderly)).await;
    }
}

/// Takes a client's name back that goes in order.
pub(super) async fn leave(
    native: Arc<Native>,
    mut request: Request,
) -> Result<Response, CallError> {
    let context = request.context();
    let key = context.facts().map(|facts| facts.connection_key());
    let attachment = native.attachment(&context)?;
    if let Some(key) = key {
        native.attached.pin().remove(&key);
    }
    attachment.end(true).await;
    Ok(Response::new(Bytes::new()))
}

/// Gives a client the publications that it wants.
pub(super) async fn subscribe(
    native: Arc<Native>,
    mut request: Request,
) -> Result<Response, CallError> {
    let attachment = native.attachment(&request.context())?;
    let wanted = parameters::<Subscribe>(request).await?;
    let core = &attachment.core;
    let member = Arc::clone(&attachment.member);
    let (wanted, place) = checked(core, &member, wanted)?;
    let feed = attachment.feeds.add();
    let outlet = Box::new(Arc::clone(&feed));
    let subscription = core.open_subscription(&member, wanted, outlet);
    let deliveries = Deliveries::new(Arc::clone(core), member, subscription, feed);
    let deliveries = place.keep(deliveries);
    Ok(Response::new(Body::streaming(Bytes::new(), deliveries)))
}

/// What a client wants, within what it may, and its place as long as it has it.
fn checked(core: &Core, member: &Member, wanted: Subscribe) -> Result<(Wanted, Place), Failure> {
    let masks = masks(wanted.masks)?;
    if masks.is_empty() {
        return Err(wrong("a subscription needs a mask"));
    }
    if wanted.exclude.len() > MOST_EXCLUSIONS {
        return Err(wrong(format!(
            "{} masks are excluded, where {MOST_EXCLUSIONS} can be",
            wanted.exclude.len()
        )));
    }
    if let Some(group) = &wanted.group {
        let limits = Limits::default();
        let is_name = limits.check_topic(group);
        is_name.map_err(|error| invalid("the group", &error))?;
    }
    let actions: Vec<_> = masks.iter().map(Action::Subscribe).collect();
    let admitted = core.admit(member, &actions);
    let place = admitted.map_err(|refused| barred(&refused))?;
    let most = core.config.queue_limits();
    let wanted = Wanted {
        limits: QueueLimits {
            messages: within(wanted.queue_messages, most.messages),
            bytes: within(wanted.queue_bytes, most.bytes),
        },
        overflow: wanted.overflow.unwrap_or(core.config.overflow),
        group: wanted.group,
        gaps: wanted.gaps,
        masks,
        exclusions: self::masks(wanted.exclude)?,
    };
    Ok((wanted, place))
}

pub(super) fn masks(texts: Vec<String>) -> Result<Vec<Mask>, Failure> {
    let limits = Limits::default();
    let mask = |text| Mask::new(text, &limits).map_err(|error| invalid("a mask", &error));
    texts.into_iter().map(mask).collect()
}

/// What a client wants of something, at least one and no more than there is.
pub(super) fn within(wanted: Option<u64>, most: usize) -> usize {
    let wanted = wanted.and_then(NonZeroU64::new).map(NonZeroU64::get);
    wanted.map_or(most, |wanted| {
        usize::try_from(wanted).map_or(most, |wanted| wanted.min(most))
    })
}

fn check_will(core: &Core, origin: &Origin, will: Option<&Will>) -> Result<(), Failure> {
    let Some(will) = will else {
        return Ok(());
    };
    check_topic(&will.topic)?;
    if is_reserved(&will.topic) {
        core.refuse_will(origin, &will.topic);
        return Err(denied(&will.topic));
    }
    check_length(
        core,
        will.topic.len() + will.headers.len() + will.payload.len(),
    )?;
    Headers::check(&will.headers).map_err(|error| invalid("the last will", &error))?;
    Ok(())
}

/// The parameters of a request.
pub(super) async fn parameters<P: DeserializeOwned>(request: Request) -> Result<P, CallError> {
    let body = request.body.collect().await?;
    let decoded = Codec::Msgpack.decode(&body);
    decoded.map_err(|error| wrong(error.to_string()).into())
}

fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(Category::Request, Code::INVALID_PARAMETERS, message)
}

/// Why a client does not get its name.
fn refusal(error: &JoinError) -> Failure {
    let (category, code) = match error {
        JoinError::InUse => (Category::Limit, Code::BUSY),
        JoinError::NoPrimary => (Category::Request, Code::UNAVAILABLE),
        JoinError::ForeignSecondary => (Category::Authorization, Code::DENIED),
    };
    Failure::new(category, code, error.to_string())
}
