//! `linkspan plugin logs NAME`.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use clap::Args;
use linkspan::plugin::PluginName;
use linkspan::rpc::Context;
use serde_json::Value;

use crate::commands::block_on;
use crate::commands::plugin::at::At;
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::{LogLine, PluginControl};
use crate::output::{Output, counted, plain, since};
use crate::signals::{Signals, Wish};

/// Show what a plugin of a node said: on stdout, on stderr, and in records of its SDK.
///
/// The node keeps the latest 4,096 lines, at most 1 MiB, also of processes that have ended.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's name.
    name: PluginName,

    /// How many lines of those that there are.
    #[arg(long, short = 'n', value_name = "COUNT", default_value_t = 100)]
    lines: u32,

    /// Go on with what comes, until ^C.
    #[arg(long, short)]
    follow: bool,

    #[command(flatten)]
    at: At,
}

pub(super) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    block_on(async {
        let mut signals = Signals::listen()?;
        let (_client, plugins) = options.at.connect(loaded).await?;
        let (name, lines) = (options.name.to_string(), options.lines);
        let mut log = plugins
            .logs(Context::new(), name, Some(lines), Some(options.follow))
            .await?;
        loop {
            let line = tokio::select! {
                line = log.next() => line,
                wish = signals.next() => match wish {
                    Wish::Stop(_) => return Ok(()),
                    Wish::Reload => continue,
                },
            };
            match line {
                Some(line) => show(&line?, output)?,
                None => return Ok(()),
            }
        }
    })
}

/// One line; what a terminal would obey is escaped.
fn show(line: &LogLine, output: &Output) -> Result {
    if output.json {
        return Ok(output.json_line(line)?);
    }
    let style = output.style();
    let level = match line.level.as_str() {
        "error" => style.error("error").to_string(),
        "warn" => style.warning("warn ").to_string(),
        level => style.dim(format!("{level:<5}")).to_string(),
    };
    let at = SystemTime::UNIX_EPOCH + Duration::from_millis(line.at_ms);
    let age = since(at.elapsed().unwrap_or_default());
    let from = format!("{age:>7} ago {} {}", line.instance, line.source);
    let from = style.dim(from);
    let mut left_out = Vec::new();
    if line.cut_bytes > 0 {
        left_out.push(format!("{} cut off", counted(line.cut_bytes, "byte")));
    }
    if line.missed > 0 {
        left_out.push(format!("{} before it missed", counted(line.missed, "line")));
    }
    let left_out = match left_out.is_empty() {
        true => String::new(),
        false => format!(" [{}]", left_out.join(", ")),
    };
    let words = words(line);
    output.line(format_args!("{level} {from}: {words}{left_out}"))?;
    for below in more(line) {
        output.line(below)?;
    }
    Ok(())
}

/// What was said, with its values beside it that have one line.
pub(super) fn words(line: &LogLine) -> String {
    let mut words = match line.target.as_str() {
        "" => String::new(),
        target => format!("{}: ", plain(target)),
    };
    words.push_str(&plain(&line.text));
    for (name, value) in &line.fields {
        let value = value_text(value);
        if !value.contains('\n') {
            words.push_str(&format!(" {}={}", plain(name), plain(&value)));
        }
    }
    words
}

/// The values beside it that have several lines, such as tracebacks, below it.
pub(super) fn more(line: &LogLine) -> Vec<String> {
    let mut more = Vec::new();
    for (name, value) in &line.fields {
        let value = value_text(value);
        if value.contains('\n') {
            more.push(format!("      {}:", plain(name)));
            let lines = value.lines();
            more.extend(lines.map(|line| format!("        {}", plain(line))));
        }
    }
    more
}

fn value_text(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        value => value.to_string().into(),
    }
}
