//! Payloads, made readable.

use clap::ValueEnum;
use linkspan::codec::Codec;
use serde_json::{Map, Value, json};

use crate::commands::send::hex;
use crate::output::{Output, Style, plain};

/// How payloads are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(super) enum View {
    /// As what they are, by their sender's word or by their looks.
    #[default]
    Auto,
    /// As JSON.
    Json,
    /// As MessagePack.
    Msgpack,
    /// As text.
    Text,
    /// As bytes, in hexadecimal digits.
    Hex,
}

/// A payload as it was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shown {
    Json(Value),
    Msgpack(Value),
    Text(String),
    Bytes(String),
}

impl Shown {
    /// Understands a payload; what is not what it should be is bytes.
    pub(super) fn of(payload: &[u8], codec: Option<Codec>, view: View) -> Self {
        let understood = match (view, codec) {
            (View::Json, _) | (View::Auto, Some(Codec::Json)) => as_json(payload),
            (View::Msgpack, _) | (View::Auto, Some(Codec::Msgpack)) => as_msgpack(payload),
            (View::Text, _) => Some(Self::Text(String::from_utf8_lossy(payload).into_owned())),
            (View::Hex, _) | (View::Auto, Some(Codec::Protobuf)) => None,
            (View::Auto, _) => guess(payload),
        };
        understood.unwrap_or_else(|| Self::Bytes(hex(payload)))
    }

    /// The name of what it was understood as.
    pub(super) fn format(&self) -> &'static str {
        match self {
            Self::Json(_) => "json",
            Self::Msgpack(_) => "msgpack",
            Self::Text(_) => "text",
            Self::Bytes(_) => "hex",
        }
    }

    /// For programs.
    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Json(value) | Self::Msgpack(value) => value.clone(),
            Self::Text(text) | Self::Bytes(text) => json!(text),
        }
    }

    /// For people, in one line.
    pub(super) fn line(&self, output: &Output) -> String {
        match self {
            Self::Json(value) | Self::Msgpack(value) => output.compacted(value),
            Self::Text(text) => plain(text).into_owned(),
            Self::Bytes(digits) => bytes(digits, output.style()),
        }
    }
}

fn bytes(digits: &str, style: Style) -> String {
    match digits.is_empty() {
        true => style.dim("(empty)").to_string(),
        false => style.dim(digits).to_string(),
    }
}

/// Text is text, and JSON if it reads like a structure; the rest may be MessagePack.
fn guess(payload: &[u8]) -> Option<Shown> {
    let Some(text) = std::str::from_utf8(payload)
        .ok()
        .filter(|text| is_plain(text))
    else {
        return as_msgpack(payload);
    };
    let is_structure = text.trim_start().starts_with(['{', '[']);
    let json = is_structure.then(|| as_json(payload)).flatten();
    let text = (!text.is_empty()).then(|| Shown::Text(text.to_owned()));
    json.or(text)
}

fn as_json(payload: &[u8]) -> Option<Shown> {
    serde_json::from_slice(payload).ok().map(Shown::Json)
}

fn as_msgpack(mut payload: &[u8]) -> Option<Shown> {
    let value = rmpv::decode::read_value_with_max_depth(&mut payload, MAX_DEPTH).ok()?;
    payload.is_empty().then(|| Shown::Msgpack(to_json(&value)))
}

/// MessagePack as JSON: bytes become hexadecimal digits, and keys texts.
fn to_json(value: &rmpv::Value) -> Value {
    use rmpv::Value as Packed;
    match value {
        Packed::Nil => Value::Null,
        Packed::Boolean(value) => json!(value),
        Packed::Integer(number) => match (number.as_u64(), number.as_i64()) {
            (Some(number), _) => json!(number),
            (_, number) => json!(number),
        },
        Packed::F32(number) => json!(number),
        Packed::F64(number) => json!(number),
        Packed::String(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        Packed::Binary(bytes) => json!(hex(bytes)),
        Packed::Array(items) => items.iter().map(to_json).collect(),
        Packed::Map(entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| (key_of(key), to_json(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Packed::Ext(kind, bytes) => json!({ "extension": kind, "bytes": hex(bytes) }),
    }
}

fn key_of(key: &rmpv::Value) -> String {
    match to_json(key) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}

/// Whether a text has nothing but letters, spaces and line ends.
fn is_plain(text: &str) -> bool {
    !text.contains(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\r' | '\t'))
}

/// Deeper structures are shown as bytes.
const MAX_DEPTH: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(payload: &[u8]) -> Shown {
        Shown::of(payload, None, View::Auto)
    }

    #[test]
    fn payloads_are_what_they_look_like() {
        assert_eq!(shown(b"on"), Shown::Text("on".to_owned()));
        assert_eq!(shown(b" {\"a\": 1}"), Shown::Json(json!({ "a": 1 })));
        assert_eq!(shown(b"{ no json"), Shown::Text("{ no json".to_owned()));
        assert_eq!(shown(b"21.5"), Shown::Text("21.5".to_owned()));
        assert_eq!(shown(b"\x81\xa1a\x01"), Shown::Msgpack(json!({ "a": 1 })));
        assert_eq!(
            shown(b"\x82\x01\xc4\x02\x00\xff\xc0\xc3"),
            Shown::Msgpack(json!({ "1": "00ff", "null": true }))
        );
        // More than one value is none.
        assert_eq!(shown(b"\xc0\xc0"), Shown::Bytes("c0c0".to_owned()));
        assert_eq!(shown(b""), Shown::Bytes(String::new()));
    }

    #[test]
    fn the_senders_word_and_the_readers_wish_come_first() {
        let json = Shown::of(b"21.5", Some(Codec::Json), View::Auto);
        assert_eq!(json, Shown::Json(json!(21.5)));
        let wrong = Shown::of(b"{", Some(Codec::Json), View::Auto);
        assert_eq!(wrong, Shown::Bytes("7b".to_owned()));
        let packed = Shown::of(b"A", None, View::Msgpack);
        assert_eq!(packed, Shown::Msgpack(json!(65)));
        assert_eq!(
            Shown::of(b"A", Some(Codec::Json), View::Hex),
            Shown::Bytes("41".to_owned())
        );
    }

    #[test]
    fn deep_structures_are_bytes() {
        let deep = vec![0x91; 10_000];
        assert_eq!(shown(&deep).format(), "hex");
    }
}
