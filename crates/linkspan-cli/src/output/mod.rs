//! What a person or a program gets to see.

mod amounts;
pub(crate) mod json;
mod plain;
mod style;
mod table;

pub(crate) use amounts::{bytes, count, counted, latency, since};
pub(crate) use plain::plain;
pub(crate) use style::Style;
pub(crate) use table::Table;

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use clap::ColorChoice;
use serde::Serialize;

use crate::failure::Failure;

/// Standard output and standard error, for people or for programs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// Whether programs read it.
    pub(crate) json: bool,
    stdout: Style,
    stderr: Style,
}

impl Output {
    pub(crate) fn new(json: bool, color: ColorChoice) -> Self {
        Self {
            json,
            stdout: Style::new(style::wanted(color, io::stdout().is_terminal())),
            stderr: Style::new(style::wanted(color, io::stderr().is_terminal())),
        }
    }

    /// How to mark words on standard output.
    pub(crate) fn style(&self) -> Style {
        self.stdout
    }

    /// How to mark words on standard error.
    pub(crate) fn notice_style(&self) -> Style {
        self.stderr
    }

    /// Writes a line to standard output.
    pub(crate) fn line(&self, line: impl Display) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        writeln!(stdout, "{line}")?;
        stdout.flush()
    }

    /// Writes bytes to standard output, as they are.
    pub(crate) fn raw(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        stdout.write_all(bytes)?;
        stdout.flush()
    }

    /// Writes a value as one line of JSON.
    pub(crate) fn json_line(&self, value: &impl Serialize) -> io::Result<()> {
        self.line(serde_json::to_string(value)?)
    }

    /// Writes a value over several lines, marked for people.
    pub(crate) fn pretty(&self, value: &serde_json::Value) -> io::Result<()> {
        self.line(json::pretty(value, self.stdout))
    }

    /// Writes a value as one line, marked for people.
    pub(crate) fn compact(&self, value: &serde_json::Value) -> io::Result<()> {
        self.line(self.compacted(value))
    }

    /// A value in one line, marked for people.
    pub(crate) fn compacted(&self, value: &serde_json::Value) -> String {
        json::compact(value, self.stdout)
    }

    /// Writes a line to standard error.
    pub(crate) fn notice(&self, line: impl Display) {
        complain(plain(&line.to_string()));
    }

    /// Tells why a command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.json {
            let error = serde_json::json!({ "error": {
                "kind": failure.kind().name(),
                "message": failure.chain().first(),
                "causes": failure.chain().get(1..),
                "hint": failure.hint_text(),
            }});
            return self.notice(error);
        }
        let style = self.stderr;
        let shown = failure.config_error();
        if let Some(shown) = shown.and_then(|error| error.render(style.is_colored())) {
            return complain(shown);
        }
        for (number, text) in failure.chain().iter().enumerate() {
            let text = plain(text);
            match number {
                0 => complain(format_args!("{} {text}", style.error("error:"))),
                _ => complain(format_args!("  {} {text}", style.dim("because:"))),
            }
        }
        if let Some(hint) = failure.hint_text() {
            complain(format_args!("{} {}", style.hint("hint:"), plain(hint)));
        }
    }
}

/// Writes to standard error what is harmless already, marks and all.
fn complain(line: impl Display) {
    // Nothing can be done if nobody takes our complaints.
    writeln!(io::stderr().lock(), "{line}").ok();
}
