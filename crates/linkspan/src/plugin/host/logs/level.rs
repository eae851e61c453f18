//! How much a line matters, by what it looks like.

use crate::plugin::LogLevel;

/// Judges the lines of one stream, one after the other.
#[derive(Debug, Default)]
pub(super) struct Judge {
    report: Report,
}

/// What is to be expected of the next line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Report {
    /// Anything.
    #[default]
    None,
    /// The message of a panic in Rust.
    RustMessage,
    /// What may follow that.
    RustTrace,
    /// Lines of a traceback of Python's, and the exception.
    PythonTrace,
    /// Another traceback, which led to the first.
    PythonMore,
    /// More of what Go says when it ends.
    Go,
}

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Judgement {
    pub(super) level: LogLevel,
    /// Whether it is part of what a runtime says when something went wrong.
    pub(super) is_report: bool,
}

impl Judge {
    /// How much a line of stderr matters: what runtimes say of panics and uncaught exceptions is an
    /// error, and so are the lines that belong to it.
    pub(super) fn judge(&mut self, line: &[u8]) -> Judgement {
        self.report = begun(line).unwrap_or_else(|| self.report.after(line));
        // The line that ends a report still belongs to it.
        let is_report = self.report != Report::None;
        match is_report {
            true => Judgement {
                level: LogLevel::Error,
                is_report,
            },
            false => Judgement {
                level: said(line),
                is_report,
            },
        }
    }
}

impl Report {
    /// What is under way once this line has come, if it begins nothing itself.
    fn after(self, line: &[u8]) -> Self {
        let is_within = line.is_empty() || line.starts_with(b" ") || line.starts_with(b"\t");
        let is_trace = line.starts_with(b"stack backtrace:") || line.starts_with(b"note: ");
        match self {
            Self::RustMessage => Self::RustTrace,
            Self::RustTrace if is_within || is_trace => self,
            Self::PythonTrace if is_within => self,
            // The exception itself ends a traceback.
            Self::PythonTrace => Self::PythonMore,
            Self::PythonMore if is_within || is_link(line) => self,
            Self::Go => self,
            _ => Self::None,
        }
    }
}

/// What a line begins.
fn begun(line: &[u8]) -> Option<Report> {
    let begins = |text: &str| line.starts_with(text.as_bytes());
    if begins("thread '") && contains(line, b" panicked at ") {
        // Before Rust 1.73 the message stood in the same line.
        let report = match line.ends_with(b":") {
            true => Report::RustMessage,
            false => Report::RustTrace,
        };
        return Some(report);
    }
    if begins("thread '") && contains(line, b"' has overflowed its stack") {
        return Some(Report::RustMessage);
    }
    let python = ["Traceback (most recent call last):", "Exception in thread "];
    if python.iter().any(|text| begins(text)) || begins("Fatal Python error: ") {
        return Some(Report::PythonTrace);
    }
    let is_go = begins("panic: ") || begins("fatal error: ");
    is_go.then_some(Report::Go)
}

/// Whether a line stands between two tracebacks of Python's.
fn is_link(line: &[u8]) -> bool {
    line.starts_with(b"During handling of the above exception")
        || line.starts_with(b"The above exception was the direct cause")
}

/// What a line says by its beginning, as `ERROR: ` or `[warn] `.
pub(super) fn said(line: &[u8]) -> LogLevel {
    let (line, end) = match line.strip_prefix(b"[") {
        Some(rest) => (rest, &b"]"[..]),
        None => (line, &b": "[..]),
    };
    let length = line.iter().position(|byte| end.contains(byte));
    let word = line.get(..length.unwrap_or_default()).unwrap_or_default();
    let is_meant = end == b"]" || word.iter().all(u8::is_ascii_uppercase);
    let mut names = NAMES.iter().filter(|_| is_meant);
    let found = names.find(|(name, _)| word.eq_ignore_ascii_case(name.as_bytes()));
    found.map_or(LogLevel::Info, |(_, level)| *level)
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    // It stands near the beginning, and hostile lines are long.
    let near = line.get(..LOOKED_AT_BYTES).unwrap_or(line);
    near.windows(part.len()).any(|window| window == part)
}

const NAMES: [(&str, LogLevel); 9] = [
    ("trace", LogLevel::Trace),
    ("debug", LogLevel::Debug),
    ("info", LogLevel::Info),
    ("warn", LogLevel::Warn),
    ("warning", LogLevel::Warn),
    ("error", LogLevel::Error),
    ("critical", LogLevel::Error),
    ("fatal", LogLevel::Error),
    ("panic", LogLevel::Error),
];
const LOOKED_AT_BYTES: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    /// The lines that are part of a report, by their numbers.
    fn reported(text: &str) -> Vec<usize> {
        let mut judge = Judge::default();
        let judged = text.lines().map(|line| judge.judge(line.as_bytes()));
        let numbered = judged.enumerate();
        let reported = numbered.filter(|(_, judged)| judged.is_report);
        reported
            .map(|(number, judged)| {
                assert_eq!(judged.level, LogLevel::Error);
                number
            })
            .collect()
    }

    #[test]
    fn a_panic_in_rust_is_an_error_with_its_message_and_trace() {
        let text = "ready\n\
                    thread 'main' (17) panicked at src/main.rs:2:5:\n\
                    assertion `left == right` failed\n  left: 1\n right: 2\n\
                    stack backtrace:\n   0: std::panicking\n             at /rustc/x\n\
                    note: run with `RUST_BACKTRACE=full`\n\
                    going on";
        assert_eq!(reported(text), (1..9).collect::<Vec<_>>());
        let text = "thread 'a' panicked at 'no', src/main.rs:2:5\nnote: run with\nother";
        assert_eq!(reported(text), [0, 1]);
    }

    #[test]
    fn a_traceback_is_an_error_with_its_exception_and_what_led_to_it() {
        let text = "before\nTraceback (most recent call last):\n  File \"a\", line 1\n    a()\n\
                    KeyError: 'a'\n\nDuring handling of the above exception, another exception occurred:\n\n\
                    Traceback (most recent call last):\n  File \"a\", line 3\nValueError: b\nafter";
        assert_eq!(reported(text), (1..11).collect::<Vec<_>>());
    }

    #[test]
    fn all_that_go_says_at_its_end_is_an_error() {
        let text = "hello\npanic: oh\n\ngoroutine 1 [running]:\nmain.main()\n\t/a.go:3 +0x1d\nexit status 2";
        assert_eq!(reported(text), (1..7).collect::<Vec<_>>());
    }

    #[test]
    fn the_level_that_a_line_names_is_its_own() {
        for (line, level) in [
            ("ERROR foo: bar", LogLevel::Error),
            ("WARNING: low", LogLevel::Warn),
            ("[debug] x", LogLevel::Debug),
            ("[CRITICAL] x", LogLevel::Error),
            ("error handling is fine", LogLevel::Info),
            ("ERRORS", LogLevel::Info),
            ("[error", LogLevel::Info),
            ("", LogLevel::Info),
        ] {
            assert_eq!(said(line.as_bytes()), level, "{line}");
        }
    }
}
