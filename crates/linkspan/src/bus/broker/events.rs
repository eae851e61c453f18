//! What the broker publishes itself: who comes and goes, and its own end.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::frame::busrt::{BROKER, BusEvent, Name};

use crate::bus::broker::message::Message;

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
