//! One thing that a plugin said.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use crate::plugin::host::logs::escape::Escaped;
use crate::plugin::{LogLevel, LogRecord, LogValue};

/// One thing that a plugin said, or its host about it.
///
/// Texts are as the plugin wrote them; whoever shows them on a terminal uses [`Display`](fmt::Display),
/// which gives one line in which control characters are escaped.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LogEntry {
    /// Its number; each entry of a plugin has a higher one than those before.
    pub number: u64,
    /// When it was received.
    pub time: SystemTime,
    /// Which instance of the plugin said it, from 0 on.
    pub instance: u32,
    /// Where it was said.
    pub source: LogSource,
    /// How much it matters, as far as that can be told of a line.
    pub level: LogLevel,
    /// Which part of the plugin said it; empty for lines.
    pub target: String,
    /// What was said. What is not UTF-8 was replaced.
    pub text: String,
    /// Named values beside it; none for lines.
    pub fields: BTreeMap<String, LogValue>,
    /// The call in which it was said, by the number of its stream.
    pub stream: Option<u64>,
    /// How many bytes of it were cut off.
    pub cut_bytes: u64,
    /// How many others from the same source, before this one, were not kept.
    pub dropped: u64,
}

/// Where something was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LogSource {
    /// A line on stdout.
    Stdout,
    /// A line on stderr.
    Stderr,
    /// A record over the protocol.
    Record,
    /// The host, about the plugin.
    Host,
}

impl LogSource {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
            Self::Record => "log",
            Self::Host => "host",
        }
    }
}

impl LogEntry {
    /// A line, without its number.
    pub(super) fn line(instance: u32, source: LogSource, level: LogLevel, text: String) -> Self {
        Self {
            number: 0,
            time: SystemTime::now(),
            instance,
            source,
            level,
            target: String::new(),
            text,
            fields: BTreeMap::new(),
            stream: None,
            cut_bytes: 0,
            dropped: 0,
        }
    }

    /// A record, without its number, of which no more than so many bytes are kept.
    pub(super) fn record(instance: u32, record: LogRecord, max_bytes: usize) -> Self {
        let mut left = Room {
            bytes: max_bytes,
            cut: 0,
        };
        let text = left.keep(record.message);
        let target = left.keep(record.target);
        let mut fields = BTreeMap::new();
        for (name, value) in record.fields {
            if left.bytes == 0 {
                left.cut += name.len() + length(&value);
                continue;
            }
            let name = left.keep(name);
            let value = match value {
                LogValue::Text(text) => LogValue::Text(left.keep(text)),
                value => value,
            };
            fields.insert(name, value);
        }
        Self {
            target,
            fields,
            stream: record.stream,
            cut_bytes: u64::try_from(left.cut).unwrap_or(u64::MAX),
            dropped: record.dropped,
            ..Self::line(instance, LogSource::Record, record.level, text)
        }
    }

    /// About how much memory it takes.
    pub(super) fn cost(&self) -> usize {
        let fields = self.fields.iter();
        let fields = fields.map(|(name, value)| FIELD_BYTES + name.len() + length(value));
        size_of::<Self>() + self.text.len() + self.target.len() + fields.sum::<usize>()
    }
}

impl fmt::Display for LogEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, source) = (self.level.name(), self.source.name());
        write!(f, "{level:<5} {source} {}: ", self.instance)?;
        if !self.target.is_empty() {
            write!(f, "{}: ", Escaped(&self.target))?;
        }
        Escaped(&self.text).fmt(f)?;
        for (name, value) in &self.fields {
            let value = value.to_string();
            write!(f, " {}={}", Escaped(name), Escaped(&value))?;
        }
        if self.cut_bytes > 0 {
            write!(f, " [{} bytes cut off]", self.cut_bytes)?;
        }
        if self.dropped > 0 {
            write!(f, " [{} before it dropped]", self.dropped)?;
        }
        Ok(())
    }
}

/// How much of a record is still kept.
struct Room {
    bytes: usize,
    cut: usize,
}

impl Room {
    /// As much of a text as there is room for.
    fn keep(&mut self, mut text: String) -> String {
        let mut ends = (0..=self.bytes.min(text.len())).rev();
        let end = ends.find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        self.cut += text.len() - end;
        text.truncate(end);
        text.shrink_to_fit();
        self.bytes -= end;
        text
    }
}

fn length(value: &LogValue) -> usize {
    match value {
        LogValue::Text(text) => text.len(),
        _ => 0,
    }
}

/// What a field costs beside its texts.
const FIELD_BYTES: usize = size_of::<(String, LogValue)>();
