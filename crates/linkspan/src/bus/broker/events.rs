//! What the broker publishes itself: who comes and goes, and its own end.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use proto::frame::busrt::{BROKER, BusEvent, Name};

use crate::bus::broker::dead_letters::Letter;
use crate::bus::broker::message::{Extras, Message};
use crate::bus::wire::Headers;

/// A client came.
pub(crate) fn registered(name: &Name) -> Message {
    message(&BusEvent::Registered {
        name: name.to_string(),
        at_ns: now_ns(),
    })
}

/// A client went.
pub(crate) fn unregistered(name: &Name) -> Message {
    message(&BusEvent::Unregistered {
        name: name.to_string(),
        at_ns: now_ns(),
    })
}

/// The broker ends.
pub(crate) fn shutdown() -> Message {
    message(&BusEvent::Shutdown { at_ns: now_ns() })
}

/// A message could not be delivered: the same payload under another topic, with headers that say
/// what happened, and those that it had if there is room for them.
pub(crate) fn dead_letter(topic: &str, letter: &Letter) -> Message {
    let (head, extras) = (letter.head(), letter.message.extras());
    let id = head.id.to_string();
    let at_ms = head.at_ms.to_string();
    let told = [
        ("dead-id", Some(id.as_str())),
        ("dead-reason", Some(head.reason.name())),
        (
            "dead-detail",
            Some(head.detail.as_str()).filter(|it| !it.is_empty()),
        ),
        ("dead-at-ms", Some(at_ms.as_str())),
        ("dead-sender", Some(head.sender.as_str())),
        ("dead-topic", head.topic.as_deref()),
        ("dead-receiver", head.receiver.as_deref()),
    ];
    let mut headers = Headers::new();
    let told = told.into_iter();
    let told = told.filter_map(|(name, value)| Some((name, value?)));
    let own = Headers::decode(&extras.headers).unwrap_or_default();
    for (name, value) in told.chain(own.iter()) {
        headers.add(name, value).ok();
    }
    let message = Message::publication(&Name::broker(), topic, &letter.message.payload());
    message.with_extras(Extras {
        codec: extras.codec,
        headers: Bytes::copy_from_slice(headers.encoded()),
    })
}

fn message(event: &BusEvent) -> Message {
    Message::publication(&Name::broker(), event.topic(), &event.encode())
}

fn now_ns() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
    })
}

/// Whether a topic is one of the broker's own.
pub(crate) fn is_reserved(topic: &str) -> bool {
    let rest = topic.strip_prefix(BROKER);
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
