//! Messages as lines, for people and for programs.

use linkspan::bus::{Gap, Message, MessageKind};
use linkspan::codec::Codec;
use serde_json::{Map, Value, json};

use crate::commands::bus::shown::{Shown, View};
use crate::failure::Result;
use crate::output::{Output, count};

/// How messages are printed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lines<'a> {
    pub(super) view: View,
    /// Whether nothing but payloads is printed.
    pub(super) only_payloads: bool,
    pub(super) output: &'a Output,
}

impl Lines<'_> {
    /// Prints a message as one line; people are told beside it what is missing.
    pub(super) fn print(&self, message: &Message, prefix: &str) -> Result {
        let payload = message.payload();
        let codec = match message.is_sealed() {
            // An envelope is bytes, whatever is in it.
            true => Some(Codec::Raw),
            false => message.codec(),
        };
        let shown = Shown::of(&payload, codec, self.view);
        if self.output.json {
            return Ok(self
                .output
                .json_line(&to_json(message, payload.len(), &shown))?);
        }
        if let Some(gap) = message.gap() {
            self.output.notice(missing(gap));
        }
        let text = shown.line(self.output);
        if self.only_payloads {
            return Ok(self.output.line(text)?);
        }
        let style = self.output.style();
        let place = match message.kind() {
            MessageKind::Publication => message.topic(),
            kind => kind_name(kind),
        };
        Ok(self.output.line(format_args!(
            "{prefix}{}  {}  {text}",
            style.name(place),
            style.dim(message.sender())
        ))?)
    }
}

fn to_json(message: &Message, bytes: usize, shown: &Shown) -> Value {
    let mut line = json!({
        "event": "message",
        "kind": kind_name(message.kind()),
        "topic": message.topic(),
        "sender": message.sender(),
        "bytes": bytes,
        "format": shown.format(),
        "payload": shown.to_json(),
    });
    if let (Some(line), true) = (line.as_object_mut(), message.is_sealed()) {
        line.insert("sealed".to_owned(), true.into());
    }
    let headers = headers(message);
    if let (Some(line), false) = (line.as_object_mut(), headers.is_empty()) {
        line.insert("headers".to_owned(), headers.into());
    }
    if let (Some(line), Some(gap)) = (line.as_object_mut(), message.gap()) {
        let gap = json!({ "dropped": gap.dropped, "disconnected": gap.is_disconnected });
        line.insert("missing_before".to_owned(), gap);
    }
    line
}

/// Named values of a message.
pub(super) fn headers(message: &Message) -> Map<String, Value> {
    let headers = message.headers();
    let headers = headers.iter();
    headers
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect()
}

/// The name of a way of coming.
pub(super) fn kind_name(kind: MessageKind) -> &'static str {
    match kind {
        MessageKind::Publication => "publication",
        MessageKind::Direct => "direct",
        MessageKind::Broadcast => "broadcast",
        MessageKind::Notification => "notification",
        _ => "unknown",
    }
}

fn missing(gap: Gap) -> String {
    let dropped = count(gap.dropped);
    match (gap.is_disconnected, gap.dropped) {
        (true, 0) => "what was published while the broker was lost is missing".to_owned(),
        (true, _) => format!(
            "{dropped} messages are missing, and what was published while the broker was lost"
        ),
        (false, _) => format!("{dropped} messages are missing: there was no room for them"),
    }
}
