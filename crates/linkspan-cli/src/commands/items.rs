//! Items that are sent as a stream: the lines of a file, one JSON value each.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use bytes::Bytes;
use futures_core::Stream;
use linkspan::rpc::{CallError, StreamSender, Streaming};
use serde::de::IgnoredAny;

use crate::failure::{Failure, Kind, Result};

/// What was wrong with the items, once it is known.
///
/// It is found while the call is under way, and then is the reason why the call fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fault(Arc<Mutex<Option<Failure>>>);

impl Fault {
    /// What was wrong, if anything.
    pub(crate) fn take(&self) -> Option<Failure> {
        self.slot().take()
    }

    fn slot(&self) -> std::sync::MutexGuard<'_, Option<Failure>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The lines of a file, or of standard input if it is `-`, read as fast as they are taken.
pub(crate) fn items(
    source: &str,
    fault: Fault,
) -> Result<impl Stream<Item = std::result::Result<Bytes, CallError>> + Send + 'static> {
    let (name, lines): (_, Box<dyn BufRead + Send>) = match source {
        "-" => ("standard input", Box::new(BufReader::new(io::stdin()))),
        file => {
            let opened = File::open(file).with_context(|| format!("cannot read {file}"))?;
            (file, Box::new(BufReader::new(opened)))
        }
    };
    let (name, (sender, items)) = (name.to_owned(), Streaming::channel(LINES_WAITING));
    // Standard input blocks; a thread of its own waits for it and ends with the process.
    std::thread::spawn(move || {
        if let Err(failure) = send(lines, &name, &sender) {
            *fault.slot() = Some(failure);
            // It ends the call; its reader takes the fault for the reason.
            sender.blocking_send(Err(CallError::Cancelled)).ok();
        }
    });
    Ok(items)
}

/// Sends each line, until nobody takes them any more.
fn send(mut lines: impl BufRead, name: &str, sender: &StreamSender<Bytes>) -> Result {
    for number in 1_u64.. {
        let mut line = Vec::new();
        let bytes = lines
            .read_until(b'\n', &mut line)
            .with_context(|| format!("cannot read line {number} of {name}"))?;
        if bytes == 0 {
            break;
        }
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        check(line).map_err(|problem| {
            Failure::message(
                Kind::Usage,
                format!("line {number} of {name} is not {problem}"),
            )
            .hint("each line has to be one JSON value")
        })?;
        if sender
            .blocking_send(Ok(Bytes::copy_from_slice(line)))
            .is_err()
        {
            break;
        }
    }
    Ok(())
}

/// Says what a line is not.
fn check(line: &[u8]) -> std::result::Result<(), String> {
    let text = std::str::from_utf8(line).map_err(|_| "UTF-8".to_owned())?;
    serde_json::from_str::<IgnoredAny>(text)
        .map(drop)
        .map_err(|error| {
            let (full, column) = (error.to_string(), error.column());
            let place = format!(" at line {} column {column}", error.line());
            let problem = full.strip_suffix(&place).unwrap_or(&full);
            format!("JSON: {problem} at column {column}")
        })
}

/// Lines that are read before they are sent.
const LINES_WAITING: usize = 64;
