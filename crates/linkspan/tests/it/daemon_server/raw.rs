//! A client that speaks the frames by hand, and waits by blocking.

use std::collections::HashMap;
use std::io::{ErrorKind, Read, Write};

use bytes::{Buf, Bytes, BytesMut};
use linkspan::Address;
use linkspan::daemon::wire::{
    Cancel, CancelReason, Chunk, Command, CommandError, ControlReply, ControlRequest, Credit,
    Decoder, Encoder, FromClient, FromDaemon, Limits, Outcome, RequestId, Role, Stream, Verb,
    VersionCheck,
};
use proto::frame::Segments;

use super::stream::{self, Stream as Connection};

/// A connection to a daemon.
pub(super) struct Raw {
    pub(super) stream: Connection,
    decoder: Decoder,
    encoder: Encoder,
    input: BytesMut,
}

impl Raw {
    /// Connects, and says nothing.
    pub(super) fn silent(address: &Address) -> Self {
        let limits = Limits::default();
        Self {
            stream: stream::connect(address),
            decoder: Decoder::new(limits),
            encoder: Encoder::new(limits),
            input: BytesMut::new(),
        }
    }

    /// Connects, and goes through the opening.
    pub(super) fn connect(address: &Address) -> Self {
        Self::connect_as(address, VersionCheck::new(Role::Client, "", "b1"))
    }

    pub(super) fn connect_as(address: &Address, check: VersionCheck) -> Self {
        let mut raw = Self::silent(address);
        raw.send(FromClient::VersionCheck(Box::new(check)));
        let first = raw.next().unwrap();
        let FromDaemon::VersionCheck(check) = first else {
            panic!("{first:?}");
        };
        assert_eq!(check.role, Role::Daemon);
        raw.decoder.open();
        raw
    }

    #[expect(clippy::needless_pass_by_value, reason = "it reads better")]
    pub(super) fn send(&mut self, message: FromClient) {
        self.try_send(&message).unwrap();
    }

    pub(super) fn try_send(&mut self, message: &FromClient) -> std::io::Result<()> {
        let mut out = Segments::new();
        message.encode(&self.encoder, &mut out).unwrap();
        let bytes = out.copy_to_bytes(out.remaining());
        self.stream.write_all(&bytes)
    }

    /// Asks for a command of this number to be run.
    pub(super) fn run(&mut self, number: u32, arguments: &[&str]) {
        self.send(FromClient::Command(Box::new(command(number, arguments))));
    }

    pub(super) fn stdin(&mut self, number: u32, data: &[u8]) {
        let chunk = Chunk::new(number, Bytes::copy_from_slice(data));
        self.send(FromClient::Stdin(chunk));
    }

    pub(super) fn credit(&mut self, number: u32, stream: Stream, bytes: usize) {
        let credit = Credit::new(number, stream, bytes as u64);
        self.send(FromClient::Credit(credit));
    }

    pub(super) fn cancel(&mut self, number: u32) {
        let cancel = Cancel::new(number, CancelReason::Interrupt);
        self.send(FromClient::Cancel(cancel));
    }

    pub(super) fn control(&mut self, verb: Verb) -> ControlReply {
        self.ask(ControlRequest::new(verb))
    }

    /// Asks about the daemon; whatever comes before the answer is skipped.
    pub(super) fn ask(&mut self, request: ControlRequest) -> ControlReply {
        self.send(FromClient::Control(request));
        loop {
            match self.next().expect("an answer") {
                FromDaemon::Control(reply) => return *reply,
                _ => continue,
            }
        }
    }

    /// The next message; nothing when the daemon has closed.
    pub(super) fn next(&mut self) -> Option<FromDaemon> {
        loop {
            if let Some(frame) = self.decoder.decode(&mut self.input).unwrap() {
                return FromDaemon::decode(frame).unwrap();
            }
            let mut part = [0; 64 * 1024];
            match self.stream.read(&mut part) {
                Ok(0) => return None,
                Ok(count) => self.input.extend_from_slice(part.get(..count).unwrap()),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("{error}"),
            }
        }
    }

    /// Reads until a command has ended; gives credit for output as it comes.
    pub(super) fn end(&mut self, number: u32) -> Ended {
        let mut all = HashMap::new();
        self.ends(&[number], &mut all);
        all.remove(&number).unwrap()
    }

    /// Reads until all these commands have ended.
    pub(super) fn ends(&mut self, numbers: &[u32], all: &mut HashMap<u32, Ended>) {
        let is_over = |all: &HashMap<u32, Ended>| {
            let has_ended = |number| {
                all.get(number)
                    .is_some_and(|ended: &Ended| ended.outcome.is_some())
            };
            numbers.iter().all(has_ended)
        };
        while !is_over(all) {
            let message = self.next().expect("the end of a command");
            let number = number(&message);
            let ended = all.entry(number).or_default();
            assert!(ended.outcome.is_none(), "{message:?} after the end");
            match message {
                FromDaemon::Accepted(_) => ended.is_accepted = true,
                FromDaemon::Stdout(chunk) => {
                    ended.stdout.extend_from_slice(&chunk.data);
                    self.grant(number, Stream::Stdout, &chunk.data);
                }
                FromDaemon::Stderr(chunk) => {
                    ended.stderr.extend_from_slice(&chunk.data);
                    self.grant(number, Stream::Stderr, &chunk.data);
                }
                FromDaemon::CommandError(error) => ended.error = Some(error),
                FromDaemon::Exit(exit) => ended.outcome = Some(exit.outcome),
                FromDaemon::Busy(busy) => {
                    ended.outcome = Some(Outcome::Aborted {
                        message: busy.reason,
                    });
                }
                _ => {}
            }
        }
    }

    fn grant(&mut self, number: u32, stream: Stream, data: &Bytes) {
        if !data.is_empty() {
            self.credit(number, stream, data.len());
        }
    }

    /// Waits until a command is accepted.
    pub(super) fn accepted(&mut self, number: u32) {
        match self.next() {
            Some(FromDaemon::Accepted(accepted)) if accepted.command == number => {}
            other => panic!("{other:?}"),
        }
    }

    /// Waits until the daemon closes, whatever it says before.
    pub(super) fn closed(&mut self) {
        while self.next().is_some() {}
    }
}

/// What came of a command.
#[derive(Debug, Default)]
pub(super) struct Ended {
    pub(super) is_accepted: bool,
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: Vec<u8>,
    pub(super) error: Option<CommandError>,
    pub(super) outcome: Option<Outcome>,
}

impl Ended {
    pub(super) fn code(&self) -> u32 {
        match self.outcome {
            Some(Outcome::Code { code }) => code,
            _ => panic!("{self:?}"),
        }
    }
}

/// A command with a request id of its own.
pub(super) fn command(number: u32, arguments: &[&str]) -> Command {
    let id = RequestId(os::random_bytes().unwrap());
    let mut command = Command::new(number, id);
    let all = ["trial"].iter().chain(arguments);
    command.arguments = all
        .map(|text| Bytes::copy_from_slice(text.as_bytes()))
        .collect();
    command.has_stdin = true;
    command
}

fn number(message: &FromDaemon) -> u32 {
    match message {
        FromDaemon::Accepted(accepted) => accepted.command,
        FromDaemon::Stdout(chunk) | FromDaemon::Stderr(chunk) => chunk.command,
        FromDaemon::Credit(credit) => credit.command,
        FromDaemon::CommandError(error) => error.command,
        FromDaemon::Exit(exit) => exit.command,
        FromDaemon::Busy(busy) => busy.command.unwrap_or_default(),
        other => panic!("{other:?}"),
    }
}
