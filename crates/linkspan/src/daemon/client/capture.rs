//! A command whose input is given and whose output is kept.

use bytes::{Bytes, BytesMut};

use crate::daemon::client::ClientError;
use crate::daemon::client::connection::{Connection, Running};
use crate::daemon::client::session::{Ended, GRANT_BYTES, Progress};
use crate::daemon::client::slot::Event;
use crate::daemon::wire::{Chunk, Command, CommandError, FromClient, Stream};

/// Input and output of a command in memory.
pub(super) struct Capture<'a> {
    running: Running<'a>,
    stdin: Bytes,
    stdin_credit: u64,
    stdin_is_over: bool,
    output: Captured,
    /// Output that was kept and not granted anew.
    stdout_kept: u64,
    stderr_kept: u64,
    progress: Progress,
    error: Option<CommandError>,
}

/// What a command has written.
#[derive(Debug, Default)]
pub(super) struct Captured {
    pub(super) stdout: BytesMut,
    pub(super) stderr: BytesMut,
}

impl<'a> Capture<'a> {
    pub(super) async fn begin(
        connection: &'a Connection,
        command: Command,
        stdin: Bytes,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            running: connection.start(command).await?,
            stdin,
            stdin_credit: 0,
            stdin_is_over: false,
            output: Captured::default(),
            stdout_kept: 0,
            stderr_kept: 0,
            progress: Progress::default(),
            error: None,
        })
    }

    pub(super) async fn run(mut self) -> (Ended, Captured) {
        let end = loop {
            match self.running.next().await {
                Event::Accepted => self.progress.is_accepted = true,
                Event::Output(stream, data) => self.keep(stream, &data).await,
                Event::Shared(stream, data) => self.keep(stream, &data).await,
                Event::StdinCredit(bytes) => {
                    self.stdin_credit = self.stdin_credit.saturating_add(bytes);
                    self.feed().await;
                }
                Event::Error(error) => self.error = Some(error),
                Event::End(end) => break end,
            }
        };
        let ended = Ended {
            end,
            error: self.error,
            progress: self.progress,
            wanted_end: None,
        };
        (ended, self.output)
    }

    async fn keep(&mut self, stream: Stream, data: &[u8]) {
        let (output, kept) = match stream {
            Stream::Stderr => (&mut self.output.stderr, &mut self.stderr_kept),
            _ => (&mut self.output.stdout, &mut self.stdout_kept),
        };
        output.extend_from_slice(data);
        *kept += data.len() as u64;
        self.progress.has_output |= !data.is_empty();
        if *kept >= GRANT_BYTES {
            self.running.grant(stream, std::mem::take(kept)).await;
        }
    }

    /// Sends as much input as the handler wants.
    async fn feed(&mut self) {
        while !self.stdin_is_over && self.stdin_credit > 0 {
            let most = usize::try_from(self.stdin_credit).unwrap_or(usize::MAX);
            let length = self.stdin.len().min(most).min(PIECE_BYTES);
            let piece = self.stdin.split_to(length);
            self.stdin_is_over = piece.is_empty();
            self.stdin_credit -= piece.len() as u64;
            self.progress.has_input = true;
            let chunk = Chunk::new(self.running.number, piece);
            self.running.send(FromClient::Stdin(chunk)).await;
        }
    }
}

const PIECE_BYTES: usize = 64 * 1024;
