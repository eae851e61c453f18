//! Metadata of requests, responses and events (docs/protocol.md, section 4).

use std::time::Duration;

use bytes::{BufMut, Bytes};
use rmpv::Value;

use crate::error::MessageError;
use crate::message::Text;

/// Short named values beside a body. Unknown names are kept and passed on.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    entries: Vec<(Text, Value)>,
}

impl Metadata {
    /// How the body is encoded; absent means `msgpack`.
    pub const CONTENT_TYPE: &'static str = "content-type";
    /// Names one intention, so that its repetition is recognised.
    pub const IDEMPOTENCY_KEY: &'static str = "idempotency-key";
    /// Joins the sealed bodies of a call.
    pub const SEALED_ID: &'static str = "sealed-id";
    /// Under which name a body is sealed.
    pub const SEALED_SENDER: &'static str = "sealed-sender";
    /// W3C trace context.
    pub const TRACEPARENT: &'static str = "traceparent";
    /// What answering cost; see [`Usage`].
    pub const USAGE: &'static str = "usage";

    /// Metadata without entries.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|(name, _)| name.as_str())
    }

    /// The text that stands under `name`, if there is one.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name).and_then(Value::as_str)
    }

    /// Sets `name` to `text`.
    pub fn set_text(&mut self, name: &str, text: &str) {
        self.set(name, Value::from(text));
    }

    /// Removes `name`.
    pub fn remove(&mut self, name: &str) {
        self.entries.retain(|(key, _)| key != name);
    }

    /// What answering cost, if the peer said so.
    pub fn usage(&self) -> Option<Usage> {
        let map = self.value(Self::USAGE)?.as_map()?;
        let figure = |name: &str| {
            let found = map.iter().find(|(key, _)| key.as_str() == Some(name));
            found.and_then(|(_, value)| value.as_u64())
        };
        Some(Usage {
            time: Duration::from_micros(figure("time_us").unwrap_or_default()),
            cpu_time: figure("cpu_us").map(Duration::from_micros),
            peak_bytes: figure("peak_bytes"),
            received_bytes: figure("in").unwrap_or_default(),
            sent_bytes: figure("out").unwrap_or_default(),
        })
    }

    /// Says what answering cost.
    pub fn set_usage(&mut self, usage: &Usage) {
        let figures = [
            ("time_us", Some(micros(usage.time))),
            ("cpu_us", usage.cpu_time.map(micros)),
            ("peak_bytes", usage.peak_bytes),
            ("in", Some(usage.received_bytes)),
            ("out", Some(usage.sent_bytes)),
        ];
        let map = figures
            .into_iter()
            .filter_map(|(name, figure)| Some((name.into(), figure?.into())));
        self.set(Self::USAGE, Value::Map(map.collect()));
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.entries
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value)
    }

    fn set(&mut self, name: &str, value: Value) {
        match self.entries.iter_mut().find(|(key, _)| key == name) {
            Some((_, old)) => *old = value,
            None => self.entries.push((name.into(), value)),
        }
    }

    /// Writes the length and the map.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        let map = self.encode_map();
        out.put_u32_le(u32::try_from(map.len()).unwrap_or(u32::MAX));
        out.extend_from_slice(&map);
    }

    /// Length of what [`encode`](Self::encode) writes.
    pub(crate) fn encoded_bytes(&self) -> usize {
        self.encode_map().len().saturating_add(size_of::<u32>())
    }

    fn encode_map(&self) -> Vec<u8> {
        let pairs = self
            .entries
            .iter()
            .map(|(name, value)| (name.as_str().into(), value.clone()));
        let mut encoded = Vec::new();
        rmpv::encode::write_value(&mut encoded, &Value::Map(pairs.collect()))
            .expect("a vector takes every write");
        encoded
    }

    /// Reads what [`encode`](Self::encode) wrote after the length.
    pub(crate) fn decode(bytes: &Bytes) -> Result<Self, MessageError> {
        let malformed = || MessageError::Malformed { part: "metadata" };
        let mut rest = bytes.as_ref();
        let value = rmpv::decode::read_value_with_max_depth(&mut rest, MAX_DEPTH);
        let Ok(Value::Map(map)) = value else {
            return Err(malformed());
        };
        if !rest.is_empty() {
            return Err(malformed());
        }
        let entry = |(name, value): (Value, Value)| Some((Text::from(name.as_str()?), value));
        let entries: Option<Vec<_>> = map.into_iter().map(entry).collect();
        Ok(Self {
            entries: entries.ok_or_else(malformed)?,
        })
    }
}

/// What a call cost its answerer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Usage {
    /// Wall-clock time from the request's arrival to its answer.
    pub time: Duration,
    /// Processor time, where it is known.
    pub cpu_time: Option<Duration>,
    /// Largest resident memory of the process, in bytes, where it is known.
    pub peak_bytes: Option<u64>,
    /// Bytes of the request's body.
    pub received_bytes: u64,
    /// Bytes of the response's body.
    pub sent_bytes: u64,
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// Deeper metadata is refused: nobody's trace context needs it, and reading recurses.
const MAX_DEPTH: usize = 16;
