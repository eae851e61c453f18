//! A command on this process's own stdin, stdout and stderr, with its signals.

use std::io;

use bytes::Bytes;

use crate::clock;
use crate::daemon::client::connection::{Connection, Running};
use crate::daemon::client::invocation::terminal_size;
use crate::daemon::client::printer::{News, Printer};
use crate::daemon::client::reader::StdinReader;
use crate::daemon::client::slot::{End, Event};
use crate::daemon::client::{ClientError, Finished};
use crate::daemon::wire::{
    Cancel, CancelReason, Chunk, Command, CommandError, FromClient, Resize, Stream,
};
use crate::signals::{Caught, Signals};

/// Where a command gets its input and leaves its output.
pub(super) struct Session<'a> {
    running: Running<'a>,
    printer: Printer,
    stdin: StdinReader,
    stdin_credit: u64,
    stdin_is_over: bool,
    progress: Progress,
    /// The signal by which the user wants it to end.
    wanted_end: Option<Caught>,
    error: Option<CommandError>,
}

/// How far a command has come.
#[expect(clippy::struct_excessive_bools, reason = "three independent facts")]
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Progress {
    pub(super) is_accepted: bool,
    pub(super) has_output: bool,
    pub(super) has_input: bool,
}

/// How a session came to its end.
pub(super) struct Ended {
    pub(super) end: End,
    pub(super) error: Option<CommandError>,
    pub(super) progress: Progress,
    pub(super) wanted_end: Option<Caught>,
}

impl<'a> Session<'a> {
    pub(super) async fn begin(
        connection: &'a Connection,
        command: Command,
        printer: Printer,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            running: connection.start(command).await?,
            printer,
            stdin: StdinReader::default(),
            stdin_credit: 0,
            stdin_is_over: false,
            progress: Progress::default(),
            wanted_end: None,
            error: None,
        })
    }

    /// Goes on until the command has ended and all its output is printed.
    ///
    /// A second signal to end, and a reader of stdout that is gone, end this process at once; the
    /// daemon then cancels the command.
    pub(super) async fn run(mut self, signals: &mut Signals) -> Ended {
        let end = loop {
            tokio::select! {
                event = self.running.next() => if let Some(end) = self.on_event(event) {
                    break end;
                },
                caught = signals.next() => self.on_signal(caught).await,
                news = self.printer.news() => self.on_news(news).await,
                piece = self.stdin.next() => self.on_stdin(piece).await,
            }
            self.read_on();
        };
        self.printer.close();
        self.print_rest(signals).await;
        Ended {
            end,
            error: self.error,
            progress: self.progress,
            wanted_end: self.wanted_end,
        }
    }

    async fn cancel(&self, reason: CancelReason) {
        let cancel = Cancel::new(self.running.number, reason);
        self.running.send(FromClient::Cancel(cancel)).await;
    }

    fn on_event(&mut self, event: Event) -> Option<End> {
        match event {
            Event::Accepted => self.progress.is_accepted = true,
            Event::Output(stream, data) => self.print(stream, data.freeze()),
            Event::Shared(stream, data) => self.print(stream, data),
            Event::StdinCredit(bytes) => {
                self.stdin_credit = self.stdin_credit.saturating_add(bytes);
            }
            Event::Error(error) => self.error = Some(error),
            Event::End(end) => return Some(end),
        }
        None
    }

    fn print(&mut self, stream: Stream, data: Bytes) {
        if !data.is_empty() {
            self.progress.has_output = true;
            self.printer.push(stream, data);
        }
    }

    /// Reads on if the handler wants it, and only then.
    fn read_on(&mut self) {
        if !self.stdin_is_over && self.stdin.want(self.stdin_credit).is_err() {
            self.stdin_is_over = true;
        }
    }

    async fn on_stdin(&mut self, piece: io::Result<Bytes>) {
        // What cannot be read is as good as over, as for most programs.
        let piece = piece.unwrap_or_default();
        self.stdin_is_over = piece.is_empty();
        self.progress.has_input = true;
        self.stdin_credit = self.stdin_credit.saturating_sub(piece.len() as u64);
        let chunk = Chunk::new(self.running.number, piece);
        self.running.send(FromClient::Stdin(chunk)).await;
    }

    async fn on_signal(&mut self, caught: Caught) {
        if caught == Caught::Resize {
            if let Some(size) = terminal_size() {
                let resize = Resize::new(self.running.number, size);
                self.running.send(FromClient::Resize(resize)).await;
            }
            return;
        }
        if self.wanted_end.replace(caught).is_some() {
            os::die_by_signal(caught.number());
        }
        self.cancel(match caught {
            Caught::Interrupt => CancelReason::Interrupt,
            Caught::Hangup => CancelReason::Hangup,
            Caught::Terminate | Caught::Resize => CancelReason::Terminate,
        })
        .await;
    }

    async fn on_news(&mut self, news: News) {
        if news.reader_is_gone {
            os::die_by_signal(SIGPIPE);
        }
        let streams = [(Stream::Stdout, news.stdout), (Stream::Stderr, news.stderr)];
        for (stream, printed) in streams {
            if printed > 0 {
                self.running.grant(stream, printed).await;
            }
        }
    }

    /// Prints what is left; a signal ends the waiting, as a reader may never read.
    async fn print_rest(&mut self, signals: &mut Signals) {
        loop {
            tokio::select! {
                news = self.printer.news() => {
                    if news.reader_is_gone {
                        os::die_by_signal(SIGPIPE);
                    }
                    if news.is_done {
                        return;
                    }
                }
                caught = signals.next() => if caught != Caught::Resize {
                    os::die_by_signal(caught.number());
                },
            }
        }
    }
}

/// What prints the output of one command.
pub(super) fn printer() -> Result<Printer, ClientError> {
    Printer::start().map_err(|source| ClientError::Io {
        action: "start a thread for output",
        source,
    })
}

/// Runs a command on this process's streams, not longer than its deadline.
pub(super) async fn run(
    connection: &Connection,
    command: Command,
    printer: Printer,
    deadline: Option<std::time::Duration>,
    signals: &mut Signals,
) -> Result<Ended, ClientError> {
    let session = Session::begin(connection, command, printer).await?;
    let Some(limit) = deadline else {
        return Ok(session.run(signals).await);
    };
    let until = clock::after(clock::now(), limit);
    match tokio::time::timeout_at(until.into(), session.run(signals)).await {
        Ok(ended) => Ok(ended),
        // Closing the connection cancels the command.
        Err(_) => Err(ClientError::Deadline { limit }),
    }
}

impl Ended {
    /// What the caller is told.
    pub(super) fn finish(self) -> Result<Finished, ClientError> {
        Finished::new(self.end, self.error, self.wanted_end)
    }
}

/// The number is the same on all systems that have it.
const SIGPIPE: i32 = 13;
/// Output that is done with before more is granted: a quarter of what a daemon begins with.
pub(super) const GRANT_BYTES: u64 = 256 * 1024;
