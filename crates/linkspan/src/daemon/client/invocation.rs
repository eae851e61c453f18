//! A command as its client gives it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;

use crate::daemon::wire::{Colours, Command, RequestId, Size, Terminal};

/// All that a command is called with.
///
/// Its `Debug` shows no value of a variable, no argument but the first, and no payload.
#[derive(Clone)]
#[non_exhaustive]
pub struct Invocation {
    /// Arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// The directory in which the command is called.
    pub cwd: PathBuf,
    /// Variables for the handler.
    pub environment: Vec<(OsString, OsString)>,
    /// What is known of the terminal; nothing without one.
    pub terminal: Terminal,
    /// What the application collected for the handler. Default: empty.
    pub payload: Bytes,
    /// Whether it does no harm to run the command twice: then it is sent again if the daemon dies
    /// before it has said anything. Default: false.
    pub is_idempotent: bool,
    /// How long it may take; then it is cancelled. Default: no limit.
    pub deadline: Option<Duration>,
}

impl Invocation {
    /// A command without environment and terminal, called in the root directory.
    pub fn new(arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        Self {
            arguments: arguments.into_iter().map(Into::into).collect(),
            cwd: PathBuf::from("/"),
            environment: Vec::new(),
            terminal: Terminal::default(),
            payload: Bytes::new(),
            is_idempotent: false,
            deadline: None,
        }
    }

    /// A command called as this process was: with its directory and terminal, and those variables of
    /// its environment that `allowed` names.
    ///
    /// A name that ends with `*` stands for all that begin so.
    pub fn of_process(
        arguments: impl IntoIterator<Item = impl Into<OsString>>,
        allowed: &[OsString],
    ) -> Self {
        let is_allowed = |name: &OsStr| allowed.iter().any(|pattern| matches(pattern, name));
        Self {
            cwd: env::current_dir().unwrap_or_default(),
            environment: env::vars_os()
                .filter(|(name, _)| is_allowed(name))
                .collect(),
            terminal: terminal(),
            ..Self::new(arguments)
        }
    }

    pub(crate) fn to_command(&self, request_id: RequestId, has_stdin: bool) -> Command {
        let mut command = Command::new(0, request_id);
        command.arguments = self.arguments.iter().map(|text| bytes(text)).collect();
        command.cwd = bytes(self.cwd.as_os_str());
        let variables = self.environment.iter();
        command.environment = variables
            .map(|(name, value)| (bytes(name), bytes(value)))
            .collect();
        command.terminal = self.terminal.clone();
        command.payload = self.payload.clone();
        command.has_stdin = has_stdin;
        command.idempotent = self.is_idempotent;
        command
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("program", &self.arguments.first())
            .field("arguments", &self.arguments.len())
            .field("cwd", &self.cwd)
            .field("variables", &self.environment.len())
            .field("payload_bytes", &self.payload.len())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

/// Variables that a command line hands on if the program names none: how text is shown, and for
/// whom.
pub(crate) const USUAL_VARIABLES: [&str; 10] = [
    "TERM",
    "COLORTERM",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "LINES",
    "LANG",
    "LC_*",
    "TZ",
];

/// How large the terminal is, whichever of the three streams is one.
pub(crate) fn terminal_size() -> Option<Size> {
    let size = os::terminal_size(io::stdout())
        .or_else(|| os::terminal_size(io::stderr()))
        .or_else(|| os::terminal_size(io::stdin()))?;
    Some(Size::new(size.columns, size.rows))
}

/// What is known of the terminal without asking it.
fn terminal() -> Terminal {
    let mut terminal = Terminal::default();
    terminal.is_stdin = io::stdin().is_terminal();
    terminal.is_stdout = io::stdout().is_terminal();
    terminal.is_stderr = io::stderr().is_terminal();
    terminal.size = terminal_size();
    terminal.term = env::var_os("TERM")
        .map(|term| bytes(&term))
        .unwrap_or_default();
    terminal.colours = colours(terminal.is_stdout, |name| {
        env::var(name).unwrap_or_default()
    });
    terminal
}

fn colours(is_terminal: bool, variable: impl Fn(&str) -> String) -> Colours {
    let (no_color, force) = (variable("NO_COLOR"), variable("CLICOLOR_FORCE"));
    let is_forced = !force.is_empty() && force != "0";
    let (term, kind) = (variable("TERM"), variable("COLORTERM"));
    if !no_color.is_empty() || !(is_terminal || is_forced) {
        return Colours::None;
    }
    match (term.as_str(), kind.as_str()) {
        (_, "truecolor" | "24bit") => Colours::Rgb,
        (term, _) if term.contains("256color") => Colours::Ansi256,
        ("" | "dumb", _) if !is_forced => Colours::None,
        _ => Colours::Ansi16,
    }
}

fn matches(pattern: &OsStr, name: &OsStr) -> bool {
    let (pattern, name) = (pattern.as_encoded_bytes(), name.as_encoded_bytes());
    match pattern.strip_suffix(b"*") {
        Some(beginning) => name.starts_with(beginning),
        None => name == pattern,
    }
}

fn bytes(text: &OsStr) -> Bytes {
    Bytes::copy_from_slice(text.as_encoded_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_what_terminal_and_user_agree_on() {
        let of = |is_terminal, variables: &[(&str, &str)]| {
            colours(is_terminal, |name| {
                let found = variables.iter().find(|(other, _)| *other == name);
                found
                    .map(|(_, value)| (*value).to_owned())
                    .unwrap_or_default()
            })
        };
        assert_eq!(of(true, &[("TERM", "xterm-256color")]), Colours::Ansi256);
        assert_eq!(
            of(true, &[("TERM", "xterm"), ("COLORTERM", "truecolor")]),
            Colours::Rgb
        );
        assert_eq!(of(true, &[("TERM", "linux")]), Colours::Ansi16);
        assert_eq!(of(true, &[("TERM", "dumb")]), Colours::None);
        assert_eq!(
            of(true, &[("TERM", "xterm"), ("NO_COLOR", "1")]),
            Colours::None
        );
        assert_eq!(of(false, &[("TERM", "xterm")]), Colours::None);
        assert_eq!(
            of(false, &[("TERM", "xterm"), ("CLICOLOR_FORCE", "1")]),
            Colours::Ansi16
        );
    }

    #[test]
    fn variables_are_allowed_by_name_or_beginning() {
        assert!(matches("LC_*".as_ref(), "LC_ALL".as_ref()));
        assert!(matches("TERM".as_ref(), "TERM".as_ref()));
        assert!(!matches("TERM".as_ref(), "TERMINFO".as_ref()));
    }
}
