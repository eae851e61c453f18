//! What a plugin says on standard error, where nobody else would tell it.

use std::error::Error;
use std::io::{self, Write};

use proto::message::VersionRange;

use crate::plugin::LogRecord;
use crate::plugin::guest::Plugin;

/// What a plugin says of itself that was started by hand.
pub(super) fn by_hand(plugin: &Plugin) -> String {
    let Plugin { name, version, .. } = plugin;
    let (protocol, sdk) = (VersionRange::SUPPORTED, env!("CARGO_PKG_VERSION"));
    let methods = plugin.router.methods().into_iter();
    let methods: Vec<_> = methods.map(|method| method.name).collect();
    let methods = match methods.is_empty() {
        true => "none".to_owned(),
        false => methods.join(", "),
    };
    format!(
        "{name} {version} is a plugin for Linkspan: a host starts it with a connected\n\
         socket, so that it does nothing when it is started by hand.\n\n  \
           protocol  {protocol} (linkspan {sdk} for Rust)\n  \
           methods   {methods}\n  \
           install   linkspan plugin install DIR\n  \
           call      linkspan plugin call DIR METHOD\n\n\
         DIR is the directory with its plugin.toml."
    )
}

/// An error with all its causes.
pub(super) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// Says a line on standard error, if anybody reads that.
pub(super) fn say(line: &str) {
    writeln!(io::stderr(), "{line}").ok();
}

/// A log record as a line.
pub(super) fn line(record: &LogRecord) -> String {
    let LogRecord {
        level,
        target,
        message,
        fields,
        ..
    } = record;
    let mut line = format!("{} {target}: {message}", level.name());
    for (name, value) in fields {
        line.push_str(&format!(" {name}={value}"));
    }
    line
}
