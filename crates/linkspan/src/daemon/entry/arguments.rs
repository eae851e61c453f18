//! What of a command line is for Linkspan, and what for the program.

use std::ffi::{OsStr, OsString};

use crate::daemon::lifecycle::{BUILD_TIMESTAMP, DAEMON_ID};

/// What a program was called for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Mode {
    /// To run a command, by the daemon.
    Command(Vec<OsString>),
    /// To run a command itself.
    Alone(Vec<OsString>),
    /// To be the daemon with this id.
    Daemon(String),
    /// To say or do something about the daemon.
    Control(Verb),
    /// What it was called for cannot be understood.
    Wrong(String),
}

/// What can be asked about a daemon.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Status,
    Stop {
        /// Without time for commands that run, also those of older daemons.
        now: bool,
    },
    Restart,
    Logs {
        /// And those that come.
        follow: bool,
    },
    Doctor,
    Help,
}

impl Mode {
    /// Looks at the arguments, the program's name first. Only the first one after it can be for
    /// Linkspan, so that whatever stands elsewhere is the program's own.
    pub(super) fn of(arguments: Vec<OsString>) -> Self {
        let text = |place: usize| arguments.get(place).and_then(|text| text.to_str());
        match (text(1), text(2)) {
            (Some(DAEMON_ID), Some(id)) if is_daemon(&arguments) => Self::Daemon(id.to_owned()),
            (Some(DAEMON_ID), _) => Self::Wrong(format!(
                "{DAEMON_ID} is followed by an id, and at most by {BUILD_TIMESTAMP} and a number"
            )),
            (Some(NO_DAEMON), _) => {
                let others = arguments.iter().enumerate();
                let others = others.filter(|(place, _)| *place != 1);
                Self::Alone(others.map(|(_, text)| text.clone()).collect())
            }
            (Some(DAEMON), _) => match Verb::parse(arguments.get(2..).unwrap_or_default()) {
                Some(verb) => Self::Control(verb),
                None => Self::Wrong(format!(
                    "{DAEMON} is followed by one of status, stop [--now], restart, logs [--follow], \
                     doctor, help"
                )),
            },
            _ => Self::Command(arguments),
        }
    }
}

impl Verb {
    fn parse(words: &[OsString]) -> Option<Self> {
        let mut words = words.iter().map(|word| word.to_str());
        let verb = words.next()??;
        let option = words.next().map(Option::unwrap_or_default);
        if words.next().is_some() {
            return None;
        }
        Some(match (verb, option) {
            ("status", None) => Self::Status,
            ("stop", None) => Self::Stop { now: false },
            ("stop", Some("--now")) => Self::Stop { now: true },
            ("restart", None) => Self::Restart,
            ("logs", None) => Self::Logs { follow: false },
            ("logs", Some("-f" | "--follow")) => Self::Logs { follow: true },
            ("doctor", None) => Self::Doctor,
            ("help" | "--help" | "-h", None) => Self::Help,
            _ => return None,
        })
    }
}

/// Whether the user wants to hear more than the command's own output.
pub(super) fn is_verbose(arguments: &[OsString]) -> bool {
    let before_end = arguments.iter().skip(1).take_while(|text| *text != "--");
    before_end
        .into_iter()
        .any(|text| text == "-v" || text == "--verbose")
}

/// `--daemon-id ID`, and `--build-timestamp NUMBER` if there is more.
fn is_daemon(arguments: &[OsString]) -> bool {
    match arguments.get(3..).unwrap_or_default() {
        [] => true,
        [name, number] => {
            let number = number.to_str().map(str::parse::<u64>);
            name == OsStr::new(BUILD_TIMESTAMP) && matches!(number, Some(Ok(_)))
        }
        _ => false,
    }
}

const DAEMON: &str = "--daemon";
const NO_DAEMON: &str = "--no-daemon";

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(arguments: &[&str]) -> Mode {
        let program = std::iter::once("spell");
        Mode::of(
            program
                .chain(arguments.iter().copied())
                .map(OsString::from)
                .collect(),
        )
    }

    #[test]
    fn only_the_first_argument_is_for_linkspan() {
        assert!(matches!(mode(&[]), Mode::Command(_)));
        assert!(matches!(mode(&["daemon", "status"]), Mode::Command(_)));
        assert!(matches!(mode(&["check", "--no-daemon"]), Mode::Command(_)));
        assert!(matches!(
            mode(&["--", "--daemon", "stop"]),
            Mode::Command(_)
        ));
        for (words, verb) in [
            (&["stop"][..], Verb::Stop { now: false }),
            (&["stop", "--now"], Verb::Stop { now: true }),
            (&["logs", "-f"], Verb::Logs { follow: true }),
            (&["--help"], Verb::Help),
        ] {
            let words = [&["--daemon"], words].concat();
            assert_eq!(mode(&words), Mode::Control(verb), "{words:?}");
        }
        assert_eq!(
            mode(&["--no-daemon", "a", "--no-daemon"]),
            Mode::Alone(["spell", "a", "--no-daemon"].map(OsString::from).to_vec())
        );
    }

    #[test]
    fn daemons_are_called_in_one_way_only() {
        let daemon = Mode::Daemon("spell".to_owned());
        assert_eq!(mode(&["--daemon-id", "spell"]), daemon);
        assert_eq!(
            mode(&["--daemon-id", "spell", "--build-timestamp", "7"]),
            daemon
        );
        for wrong in [
            &["--daemon-id"][..],
            &["--daemon-id", "spell", "check"],
            &["--daemon-id", "spell", "--build-timestamp", "x"],
            &["--daemon"],
            &["--daemon", "dance"],
            &["--daemon", "stop", "now"],
            &["--daemon", "stop", "--now", "--now"],
            &["--daemon", "status", "--follow"],
        ] {
            assert!(matches!(mode(wrong), Mode::Wrong(_)), "{wrong:?}");
        }
    }

    #[test]
    fn verbose_is_asked_for_before_the_end_of_options() {
        let verbose = |arguments: &[&str]| {
            is_verbose(&arguments.iter().map(OsString::from).collect::<Vec<_>>())
        };
        assert!(verbose(&["spell", "check", "-v"]));
        assert!(!verbose(&["spell", "--", "-v"]));
        assert!(!verbose(&["-v"]));
    }
}
