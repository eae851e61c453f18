//! What every program of the comparison does whose commands are measured by starting it.

use std::io::Read;
use std::process::{self, Child, Stdio};

use anyhow::{Context, Result, bail, ensure};
use linkspan_bench_command::{GREETING, PIECE_BYTES, piece};

use crate::peer::Place;

/// A program that does what it is told by its arguments, itself or by its daemon.
///
/// When it is dropped, its daemon has ended.
pub(crate) trait Program: Sized + 'static {
    /// Its name, in tables and on the command line.
    const NAME: &'static str;
    /// The environment variable that names its file, if whoever runs the bench has to bring it.
    const BROUGHT_BY: Option<&'static str> = None;

    /// Gets ready. All files are made in `place`.
    fn prepare(place: &Place) -> Result<Self>;

    /// What one that was brought along says it is.
    fn version(&self) -> Result<String> {
        bail!("{} is built in", Self::NAME)
    }

    /// Starts a command.
    fn start(&self, task: Task) -> Result<Started>;

    /// The process of its daemon, if it has one, which is started if it does not run.
    fn daemon(&self) -> Result<Option<u32>> {
        Ok(None)
    }

    /// Ends its daemon, if it has one that starts itself, and is sure of it.
    fn stop_daemon(&self) -> Result<()> {
        Ok(())
    }
}

/// What a command has to do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Task {
    /// Writes a short greeting.
    Greet,
    /// Writes so many bytes.
    Stream(u64),
}

/// A command that runs.
pub(crate) struct Started {
    pub(crate) output: Box<dyn Read + Send>,
    /// Its process; none for one that is only a connection.
    child: Option<Child>,
}

impl Started {
    /// A connection whose other end does the work.
    pub(crate) fn connection(output: impl Read + Send + 'static) -> Self {
        Self {
            output: Box::new(output),
            child: None,
        }
    }

    /// Starts a process, without a shell, without input, and with a pipe for its output.
    pub(crate) fn process(command: &mut process::Command) -> Result<Self> {
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = started.with_context(|| format!("cannot start {command:?}"))?;
        let output = child.stdout.take().context("no output of the command")?;
        Ok(Self {
            output: Box::new(output),
            child: Some(child),
        })
    }

    /// Whether its process has not ended.
    pub(crate) fn runs(&mut self) -> Result<bool> {
        let child = self.child.as_mut().context("it has no process")?;
        Ok(child.try_wait()?.is_none())
    }

    /// Reads the whole greeting after its first bytes, and waits for the end.
    pub(crate) fn finish_greeting(mut self, first: &[u8]) -> Result<()> {
        let mut greeting = first.to_vec();
        self.output.read_to_end(&mut greeting)?;
        ensure!(
            greeting == GREETING.as_bytes(),
            "the greeting is {:?}",
            String::from_utf8_lossy(&greeting)
        );
        self.finish()
    }

    /// Reads a stream from `position` to its end at `bytes`, compares every byte, and waits for the
    /// end.
    pub(crate) fn finish_stream(mut self, mut position: u64, bytes: u64) -> Result<()> {
        let mut buffer = vec![0; PIECE_BYTES];
        loop {
            let read = self.output.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            verify(buffer.get(..read).unwrap_or_default(), position)?;
            position += read as u64;
        }
        ensure!(
            position == bytes,
            "a stream of {bytes} bytes had {position} bytes"
        );
        self.finish()
    }

    /// Waits for the end.
    pub(crate) fn finish(self) -> Result<()> {
        let Some(mut child) = self.child else {
            return Ok(());
        };
        let status = child.wait()?;
        ensure!(status.success(), "the command failed: {status}");
        Ok(())
    }
}

/// Compares bytes with those that a stream has at `position`.
pub(crate) fn verify(bytes: &[u8], position: u64) -> Result<()> {
    ensure!(
        bytes == piece(position, bytes.len() as u64),
        "a stream has wrong bytes after {position} bytes"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BYTES: u64 = 3 * PIECE_BYTES as u64 + 7;

    fn stream() -> Vec<u8> {
        let pieces = linkspan_bench_command::pieces(BYTES);
        pieces.flatten().copied().collect()
    }

    fn finish(stream: Vec<u8>) -> Result<()> {
        Started::connection(std::io::Cursor::new(stream)).finish_stream(0, BYTES)
    }

    #[test]
    fn a_whole_stream_is_accepted() {
        finish(stream()).unwrap();
    }

    #[test]
    fn a_stream_that_is_too_short_fails() {
        let mut short = stream();
        short.pop();
        let error = finish(short).unwrap_err();
        assert_eq!(
            error.to_string(),
            "a stream of 196615 bytes had 196614 bytes"
        );
    }

    #[test]
    fn a_changed_byte_and_swapped_pieces_are_noticed() {
        let mut changed = stream();
        changed[100_000] ^= 1;
        finish(changed).unwrap_err();
        let mut swapped = stream();
        swapped.rotate_left(PIECE_BYTES);
        finish(swapped).unwrap_err();
    }

    #[test]
    fn a_command_that_fails_is_noticed() {
        let failing = Started::process(&mut process::Command::new("/bin/false")).unwrap();
        let error = failing.finish_stream(0, 0).unwrap_err();
        assert!(error.to_string().contains("failed"), "{error}");
    }
}
