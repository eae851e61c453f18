//! What a daemon tells the process that has started it: that it is ready, or why it is not.
//!
//! On the channel between both stands, once, `ready BYTES\n` or `failed BYTES\n` and as many bytes of
//! text. On Unix `pid NUMBER START\n` comes before, from the new process while it is still this
//! program; `START` is its start time, or 0.

use std::io;
use std::str;
use std::time::Duration;

use thiserror::Error;

#[cfg(unix)]
use crate::Process;

/// The daemon can be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ready {
    /// What it said besides.
    pub text: String,
}

/// The daemon cannot be used, or not yet.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum NotReady {
    /// It said why.
    #[error("the daemon failed to start: {text}")]
    Failed {
        /// Its own words.
        text: String,
    },
    /// It has ended, or has given up the channel, without a word.
    #[error("the daemon ended before it was ready, without saying why")]
    Ended,
    /// It still starts; it can be waited for again.
    #[error("the daemon was not ready after {} ms", waited.as_millis())]
    Deadline {
        /// How long it was waited for.
        waited: Duration,
    },
    /// It said what cannot be understood.
    #[error("the daemon answered with something else than whether it is ready")]
    Garbled,
    /// The system refused.
    #[error("cannot read whether the daemon is ready")]
    Io(#[source] io::Error),
}

/// Longest text that is handed on, in bytes; what is longer is cut.
pub(crate) const MAX_TEXT_BYTES: usize = 65_536;

/// What the daemon says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ready,
    Failed,
}

pub(crate) fn encode(outcome: Outcome, text: &str) -> Vec<u8> {
    let text = text.get(..cut(text)).unwrap_or_default();
    let word = match outcome {
        Outcome::Ready => READY,
        Outcome::Failed => FAILED,
    };
    format!("{word} {}\n{text}", text.len()).into_bytes()
}

/// Takes who the new process is from the front of what was received, if that is whole.
#[cfg(unix)]
pub(crate) fn take_process(received: &mut Vec<u8>) -> Option<Process> {
    let end = received.iter().position(|byte| *byte == b'\n')?;
    let line = str::from_utf8(received.get(..end)?).ok()?;
    let (pid, start_time) = line.strip_prefix(PID)?.split_once(' ')?;
    let (pid, start_time) = (pid.parse().ok()?, start_time.parse().ok()?);
    received.drain(..=end);
    // It has seen the same boot of the system as this one.
    let boot_id = Process::own().boot_id();
    let start_time = Some(start_time).filter(|time| *time != 0);
    Some(Process::from_parts(pid, start_time, boot_id))
}

/// Reads the outcome out of what was received so far; `None` if it is not whole.
pub(crate) fn decode(received: &[u8]) -> Result<Option<Ready>, NotReady> {
    let Some(end) = received.iter().position(|byte| *byte == b'\n') else {
        let may_grow = received.len() < MAX_LINE_BYTES;
        return may_grow.then_some(None).ok_or(NotReady::Garbled);
    };
    let (line, text) = received.split_at(end);
    let (outcome, bytes) = str::from_utf8(line)
        .ok()
        .and_then(decode_line)
        .ok_or(NotReady::Garbled)?;
    let Some(text) = text.get(1..=bytes) else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(text).into_owned();
    match outcome {
        Outcome::Ready => Ok(Some(Ready { text })),
        Outcome::Failed => Err(NotReady::Failed { text }),
    }
}

/// The outcome, and how long its text is.
fn decode_line(line: &str) -> Option<(Outcome, usize)> {
    let (word, bytes) = line.split_once(' ')?;
    let outcome = match word {
        READY => Outcome::Ready,
        FAILED => Outcome::Failed,
        _ => return None,
    };
    let bytes = bytes.parse().ok()?;
    (bytes <= MAX_TEXT_BYTES).then_some((outcome, bytes))
}

/// Where a text ends that is not to be longer than allowed.
fn cut(text: &str) -> usize {
    let end = text.len().min(MAX_TEXT_BYTES);
    (0..=end)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or_default()
}

#[cfg(unix)]
pub(crate) const PID: &str = "pid ";
const READY: &str = "ready";
const FAILED: &str = "failed";
const MAX_LINE_BYTES: usize = 32;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_understood_once_it_is_whole() {
        let bytes = encode(Outcome::Ready, "at\nhome");
        for end in 0..bytes.len() {
            assert_eq!(decode(&bytes[..end]).unwrap(), None, "{end}");
        }
        assert_eq!(decode(&bytes).unwrap().unwrap().text, "at\nhome");
        let error = decode(&encode(Outcome::Failed, "no room")).unwrap_err();
        assert_eq!(error.to_string(), "the daemon failed to start: no room");
        assert_eq!(
            decode(&encode(Outcome::Ready, "")).unwrap().unwrap().text,
            ""
        );
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        let text = "é".repeat(MAX_TEXT_BYTES);
        let bytes = encode(Outcome::Ready, &format!("x{text}"));
        let ready = decode(&bytes).unwrap().unwrap();
        assert_eq!(ready.text.len(), MAX_TEXT_BYTES - 1);
        assert!(ready.text.ends_with('é'));
    }

    #[test]
    fn noise_is_refused_early() {
        let cases: [&[u8]; 6] = [
            b"hello\n",
            b"hello 5\nworld",
            b"ready 0 0\n",
            b"ready 65537\n",
            b"ready -1\n",
            &[b'x'; MAX_LINE_BYTES],
        ];
        for case in cases {
            assert!(matches!(decode(case), Err(NotReady::Garbled)), "{case:?}");
        }
    }
}
