//! What a handler knows of its command, and has to do with it.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::auth::Principal;
use crate::codec::{Codec, CodecError, Decode, Payload};
use crate::daemon::wire::{self, RequestId};
use crate::daemon::{Cancellation, Output, StartupReason, Stdin, Terminal};
use crate::transport::Peer;

/// A command that is to be run: all that the client was called with, and its streams.
///
/// Its `Debug` shows no value of a variable, no argument but the first, and no payload.
#[non_exhaustive]
pub struct Command {
    /// Arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// Where the client was called. The daemon's own directory is another.
    pub cwd: PathBuf,
    /// Variables of the client, those that it chose to send.
    pub environment: Vec<(OsString, OsString)>,
    /// What the application collected on the client; see [`decode_payload`](Self::decode_payload).
    pub payload: Bytes,
    /// The client's terminal.
    pub terminal: Terminal,
    /// Its input.
    pub stdin: Stdin,
    /// Its output.
    pub stdout: Output,
    /// Its output for errors.
    pub stderr: Output,
    /// Signals that the client got and hands on.
    pub signals: Signals,
    /// Says when nobody waits for the command any more.
    pub cancellation: Cancellation,
    /// The client's process, as far as the transport knows it.
    pub peer: Arc<Peer>,
    /// Names the intention: a repetition of the command has the same.
    pub request_id: RequestId,
    /// Whether the client said that it does no harm to run the command twice.
    pub is_idempotent: bool,
    /// Why this daemon was started.
    pub startup: StartupReason,
}

/// What connects a [`Command`] with its client.
pub(super) struct Ends {
    pub(super) terminal: Terminal,
    pub(super) stdin: Stdin,
    pub(super) stdout: Output,
    pub(super) stderr: Output,
    pub(super) signals: Signals,
    pub(super) cancellation: Cancellation,
}

impl Command {
    pub(super) fn new(
        command: wire::Command,
        ends: Ends,
        peer: Arc<Peer>,
        startup: StartupReason,
    ) -> Self {
        let text = |bytes: &Bytes| os::os_string(bytes);
        let environment = command.environment.iter();
        Self {
            arguments: command.arguments.iter().map(text).collect(),
            cwd: PathBuf::from(text(&command.cwd)),
            environment: environment
                .map(|(name, value)| (text(name), text(value)))
                .collect(),
            payload: command.payload,
            terminal: ends.terminal,
            stdin: ends.stdin,
            stdout: ends.stdout,
            stderr: ends.stderr,
            signals: ends.signals,
            cancellation: ends.cancellation,
            peer,
            request_id: command.request_id,
            is_idempotent: command.idempotent,
            startup,
        }
    }

    /// The client's variable of this name, if it sent it.
    pub fn variable(&self, name: impl AsRef<OsStr>) -> Option<&OsStr> {
        let mut variables = self.environment.iter().rev();
        let found = variables.find(|(other, _)| other == name.as_ref());
        found.map(|(_, value)| value.as_os_str())
    }

    /// Reads the payload, which the client encoded by `codec`.
    ///
    /// # Errors
    ///
    /// [`CodecError`] if it is something else.
    pub fn decode_payload<T: Decode>(&self, codec: Codec) -> Result<T, CodecError> {
        T::decode(&Payload::new(codec, self.payload.clone()))
    }

    /// Who asks, by name.
    pub fn principal(&self) -> Principal {
        self.peer.principal()
    }
}

/// Signals for a command. Up to 16 wait to be read; further ones are dropped, as systems do.
#[derive(Debug)]
pub struct Signals(mpsc::Receiver<i32>);

impl Signals {
    pub(super) fn new() -> (mpsc::Sender<i32>, Self) {
        let (sender, receiver) = mpsc::channel(WAITING_SIGNALS);
        (sender, Self(receiver))
    }

    /// Waits for the next signal; gives its number on this machine. When the command has ended it
    /// waits for ever.
    ///
    /// # Cancel safety
    ///
    /// No signal is lost when the future is dropped.
    pub async fn recv(&mut self) -> i32 {
        match self.0.recv().await {
            Some(signal) => signal,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let variables: Vec<_> = self.environment.iter().map(|(name, _)| name).collect();
        f.debug_struct("Command")
            .field("program", &self.arguments.first())
            .field("arguments", &self.arguments.len())
            .field("cwd", &self.cwd)
            .field("variables", &variables)
            .field("payload_bytes", &self.payload.len())
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

const WAITING_SIGNALS: usize = 16;
