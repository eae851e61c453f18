//! Messages as lines, for people and for programs.

use std::fmt;

use linkspan::bus::{CallPart, Gap, Message, MessageKind, Tapped};
use linkspan::codec::Codec;
use serde_json::{Map, Value, json};

use crate::commands::bus::shown::{Shown, View};
use crate::commands::bus::tap::Kinds;
use crate::failure::Result;
use crate::output::json::add;
use crate::output::{Output, count, plain};

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
        let shown = Shown::of(&payload, shown_codec(message), self.view);
        if self.output.json {
            return Ok(self
                .output
                .json_line(&to_json(message, payload.len(), &shown))?);
        }
        self.print_gap(message);
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

    /// Prints a message that is for somebody else.
    pub(super) fn print_tapped(
        &self,
        tapped: &Tapped,
        kind: Kinds,
        call: Option<&CallPart>,
        prefix: &str,
    ) -> Result {
        let Tapped {
            message, receiver, ..
        } = tapped;
        let call = call.and_then(Call::of);
        let payload = message.payload();
        let codec = shown_codec(message);
        let shown = match &call {
            Some(call) => Shown::of(call.payload, codec, self.view),
            None => Shown::of(&payload, codec, self.view),
        };
        if self.output.json {
            let mut line = to_json(message, payload.len(), &shown);
            add(&mut line, "kind", kind.name());
            add(&mut line, "receiver", receiver.as_str());
            if let Some(call) = &call {
                add(&mut line, "call", call.to_json());
            }
            return Ok(self.output.json_line(&line)?);
        }
        self.print_gap(message);
        let style = self.output.style();
        let place = match message.topic() {
            "" => kind.name(),
            topic => topic,
        };
        let way = match receiver.as_str() {
            "" => message.sender().to_owned(),
            receiver => format!("{} > {receiver}", message.sender()),
        };
        let call = call.map_or_else(String::new, |call| call.to_string());
        Ok(self.output.line(format_args!(
            "{prefix}{}  {}  {call}{}",
            style.name(place),
            style.dim(way),
            shown.line(self.output),
        ))?)
    }

    /// Tells what is missing before a message that is not printed.
    pub(super) fn print_missing(&self, message: &Message) -> Result {
        self.print_gap(message);
        let Some(gap) = message.gap().filter(|_| self.output.json) else {
            return Ok(());
        };
        let mut line = to_missing(gap);
        add(&mut line, "event", "missing");
        Ok(self.output.json_line(&line)?)
    }

    /// Tells people what is missing before a message; programs find it beside it.
    fn print_gap(&self, message: &Message) {
        if let Some(gap) = message.gap().filter(|_| !self.output.json) {
            self.output.notice(missing(gap));
        }
    }
}

/// Part of a call, as it is shown.
struct Call<'a> {
    id: u32,
    method: Option<&'a str>,
    code: Option<i16>,
    payload: &'a [u8],
}

impl<'a> Call<'a> {
    fn of(part: &'a CallPart) -> Option<Self> {
        let (id, method, code, payload) = match part {
            CallPart::Request { id, method, params } => (*id, Some(method.as_str()), None, params),
            CallPart::Reply { id, result } => (*id, None, None, result),
            CallPart::Error { id, code, data } => (*id, None, Some(*code), data),
            CallPart::Notification(data) => (0, None, None, data),
            _ => return None,
        };
        Some(Self {
            id,
            method,
            code,
            payload,
        })
    }

    fn to_json(&self) -> Value {
        let mut call = json!({ "id": self.id });
        if let Some(method) = self.method {
            add(&mut call, "method", method);
        }
        if let Some(code) = self.code {
            add(&mut call, "code", code);
        }
        call
    }
}

/// What stands before the payload.
impl fmt::Display for Call<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id != 0 {
            write!(f, "#{} ", self.id)?;
        }
        if let Some(method) = self.method {
            write!(f, "{} ", plain(method))?;
        }
        self.code.map_or(Ok(()), |code| write!(f, "{code} "))
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
        line.insert("missing_before".to_owned(), to_missing(gap));
    }
    line
}

/// How a payload is encoded; an envelope is bytes, whatever is in it.
fn shown_codec(message: &Message) -> Option<Codec> {
    match message.is_sealed() {
        true => Some(Codec::Raw),
        false => message.codec(),
    }
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

fn to_missing(gap: Gap) -> Value {
    json!({ "dropped": gap.dropped, "disconnected": gap.is_disconnected })
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
