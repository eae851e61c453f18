//! What the plugin traces, and panics, as log records.

use std::fmt::Debug;
use std::panic;
use std::thread;

use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use crate::plugin::guest::Host;
use crate::plugin::{LogLevel, LogRecord, LogValue};

/// Has events of `tracing` of this level and above go to the host, unless the program has a subscriber
/// of its own, and panics in any case.
pub(super) fn install(host: &Host, level: LogLevel) {
    let ours = HostSubscriber {
        host: host.clone(),
        level: filter(level),
    };
    // Who was there first has its reasons.
    tracing::subscriber::set_global_default(ours).ok();
    let (host, before) = (host.clone(), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        host.log(record_of(info));
        before(info);
    }));
}

/// A panic as a record.
fn record_of(info: &panic::PanicHookInfo<'_>) -> LogRecord {
    let payload = info.payload();
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| payload.downcast_ref::<&str>().copied());
    let what = text.unwrap_or("something that is no text");
    let mut record = LogRecord::new(LogLevel::Error, format!("panicked: {what}"));
    "panic".clone_into(&mut record.target);
    let mut add = |name: &str, text: String| {
        record.fields.insert(name.to_owned(), LogValue::Text(text));
    };
    if let Some(location) = info.location() {
        add("location", location.to_string());
    }
    if let Some(name) = thread::current().name() {
        add("thread", name.to_owned());
    }
    record
}

/// Makes log records of events.
struct HostSubscriber {
    host: Host,
    level: LevelFilter,
}

impl Subscriber for HostSubscriber {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        // What sessions do in detail would be told by what they do.
        let is_ours = metadata
            .target()
            .starts_with(concat!(env!("CARGO_CRATE_NAME"), "::"));
        *metadata.level() <= self.level && (!is_ours || *metadata.level() <= Level::INFO)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.level)
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        // Spans are not told; one number will do.
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let metadata = event.metadata();
        let mut record = LogRecord::new(level(*metadata.level()), "");
        metadata.target().clone_into(&mut record.target);
        event.record(&mut Fields(&mut record));
        self.host.log(record);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// Adds the fields of an event to a record.
struct Fields<'a>(&'a mut LogRecord);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: LogValue) {
        let LogRecord {
            message, fields, ..
        } = &mut *self.0;
        match (field.name(), value) {
            ("message", LogValue::Text(text)) => *message = text,
            (name, value) => drop(fields.insert(name.to_owned(), value)),
        }
    }
}

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.add(field, LogValue::Text(format!("{value:?}")));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, LogValue::Text(value.to_owned()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, LogValue::Bool(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, LogValue::Int(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, LogValue::from(value));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, LogValue::Float(value));
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Trace => LevelFilter::TRACE,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Error => LevelFilter::ERROR,
    }
}
