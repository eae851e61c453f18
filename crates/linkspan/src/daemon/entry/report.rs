//! What a program says on its own behalf, and how it ends.

use std::error::Error;
use std::process::ExitCode;

use crate::daemon::Finished;
use crate::daemon::entry::timestamp::Timestamp;
use crate::daemon::lifecycle::chain;
use crate::daemon::wire::{CommandError, Outcome};

/// Writes to stderr in the program's name.
#[derive(Debug, Clone)]
pub(super) struct Report {
    name: String,
}

impl Report {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
        }
    }

    /// The program's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Ends as the command has ended: by its code, by its signal, or with a reason.
    pub(super) fn end(&self, finished: &Finished) -> ExitCode {
        if let Some(error) = &finished.error {
            self.command_error(error);
        }
        if let Some(signal) = finished.signal() {
            os::die_by_signal(signal);
        }
        match &finished.outcome {
            // Windows has larger ones, which ExitCode cannot say.
            Outcome::Code { code } => ExitCode::from(u8::try_from(*code).unwrap_or(FAILURE)),
            Outcome::Aborted { message } => {
                self.problem(&format!("the command was cut off: {message}"), LOST)
            }
            Outcome::Cancelled => self.problem("the command was cancelled by the daemon", LOST),
            _ => self.problem("the command ended in a way that is not known", LOST),
        }
    }

    pub(super) fn failed(&self, error: &(dyn Error + 'static), code: u8) -> ExitCode {
        self.problem(&chain(error), code)
    }

    pub(super) fn problem(&self, text: &str, code: u8) -> ExitCode {
        self.note(text);
        ExitCode::from(code)
    }

    /// Says something that is not the command's.
    pub(super) fn note(&self, text: &str) {
        line(&format!("{}: daemon: {text}", self.name));
    }

    /// Writes to the daemon's log.
    pub(super) fn log(&self, text: &str) {
        let (now, pid) = (Timestamp::now(), std::process::id());
        line(&format!("{now} {}[{pid}]: {text}", self.name));
    }

    fn command_error(&self, error: &CommandError) {
        line(&format!("{}: {}", self.name, error.message));
        for cause in &error.chain {
            line(&format!("  caused by: {cause}"));
        }
    }
}

/// A line on stderr, which may be closed.
fn line(text: &str) {
    use std::io::Write;
    writeln!(std::io::stderr(), "{text}").ok();
}

const FAILURE: u8 = 1;
const LOST: u8 = 125;
