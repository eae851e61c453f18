//! One command that runs: its way from the handler to its end.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::future::poll_fn;
use std::iter;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::daemon::cancellation::{CancelCause, Canceller};
use crate::daemon::command::{Command, Ends, Signals};
use crate::daemon::connection::Connection;
use crate::daemon::core::{Core, Slot};
use crate::daemon::handler::Handling;
use crate::daemon::outlet::Mark;
use crate::daemon::output::Window;
use crate::daemon::stdin::Inlet;
use crate::daemon::wire::{self, Accepted, CommandError, Exit, FromDaemon, Outcome, Size, Stream};
use crate::daemon::{Cancellation, ExitCode, Output, Stdin, Terminal};
use crate::transport::Peer;

/// A command that runs.
pub(super) struct Running {
    pub(super) number: u32,
    pub(super) stdin: Arc<Inlet>,
    core: Arc<Core>,
    connection: Arc<Connection>,
    stdout: Arc<Window>,
    stderr: Arc<Window>,
    size: watch::Sender<Option<Size>>,
    signals: mpsc::Sender<i32>,
    canceller: Canceller,
    task: Mutex<Option<AbortHandle>>,
    has_ended: AtomicBool,
    /// Whether nothing is left of its handler.
    is_gone: watch::Sender<bool>,
}

impl Running {
    /// Begins a command that has a place: says so, and has its handler run.
    pub(super) fn begin(
        core: &Arc<Core>,
        connection: &Arc<Connection>,
        client: &Client,
        command: wire::Command,
        slot: Slot,
    ) {
        let outlet = &connection.outlet;
        let number = command.command;
        let (size, terminal) = Terminal::new(command.terminal.clone());
        let (signals, receiver) = Signals::new();
        let (canceller, cancellation) = Cancellation::new();
        let window = core.config.stdin_window_bytes;
        let running = Arc::new(Self {
            number,
            stdin: Arc::new(Inlet::new(
                Arc::clone(outlet),
                number,
                window,
                command.has_stdin,
            )),
            core: Arc::clone(core),
            connection: Arc::clone(connection),
            stdout: Arc::new(Window::new(client.stream_credit)),
            stderr: Arc::new(Window::new(client.stream_credit)),
            size,
            signals,
            canceller,
            task: Mutex::default(),
            has_ended: AtomicBool::new(false),
            is_gone: watch::Sender::new(false),
        });
        // Whoever aborts it waits until there is something to abort.
        let mut task = running.task.lock().unwrap_or_else(PoisonError::into_inner);
        if !connection.add(&running) {
            return core.withdraw(command.request_id);
        }
        let ends = Ends {
            terminal,
            stdin: Stdin::new(Arc::clone(&running.stdin)),
            stdout: running.output(Stream::Stdout, &running.stdout),
            stderr: running.output(Stream::Stderr, &running.stderr),
            signals: receiver,
            cancellation,
        };
        let peer = Arc::clone(&client.peer);
        let command = Command::new(command, ends, peer, core.facts.startup.clone());
        let accepted = outlet.send([FromDaemon::Accepted(Accepted::new(number))]);
        let run = Guard(Arc::clone(&running)).run(command, accepted, slot);
        *task = Some(core.handlers.spawn(run).abort_handle());
    }

    fn output(&self, stream: Stream, window: &Arc<Window>) -> Output {
        let outlet = Arc::clone(&self.connection.outlet);
        Output::new(outlet, Arc::clone(window), stream, self.number)
    }

    /// The client takes more of a stream; false if that is more than can be counted.
    pub(super) fn grant(&self, stream: Stream, bytes: u64) -> bool {
        match stream {
            Stream::Stdout => self.stdout.grant(bytes),
            Stream::Stderr => self.stderr.grant(bytes),
            // No client sends such a credit: the message does not decode.
            _ => true,
        }
    }

    pub(super) fn resize(&self, size: Size) {
        self.size
            .send_if_modified(|known| known.replace(size) != Some(size));
    }

    pub(super) fn signal(&self, signal: i32) {
        if self.signals.try_send(signal).is_err() {
            debug!(command = self.number, signal, "a signal was dropped");
        }
    }

    /// Tells the handler to end, and sees to it; false if it was told before.
    pub(super) fn cancel(self: &Arc<Self>, cause: CancelCause) -> bool {
        let is_first = self.canceller.fire(cause);
        if is_first {
            self.core.counters.cancelled.increment();
            self.core.supervise(Arc::clone(self));
        }
        is_first
    }

    /// The client is gone.
    pub(super) fn lose(self: &Arc<Self>) {
        self.close_streams();
        self.cancel(CancelCause::Disconnected);
    }

    /// Sees to it that a cancelled command ends: by itself within its time, or by being cut off.
    pub(super) fn supervise(self: Arc<Self>) -> impl Future<Output = ()> + Send {
        // Also if nobody polls it: a daemon that ends at once leaves nothing behind.
        let abort = AbortOnDrop(self);
        async move { abort.0.see_off().await }
    }

    async fn see_off(&self) {
        if self.is_gone_within(self.core.config.cancel_grace).await {
            return;
        }
        self.abort();
        if self.is_gone_within(ABORT_TIME).await {
            return;
        }
        warn!(
            command = self.number,
            "a handler blocks its thread, and cannot be cut off"
        );
        self.finish(self.cut_off(), None);
        self.core.set_stuck(true);
        self.gone().await;
        self.core.set_stuck(false);
    }

    /// Has the handler dropped at its next await.
    fn abort(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = &*task {
            task.abort();
        }
    }

    async fn is_gone_within(&self, limit: Duration) -> bool {
        tokio::time::timeout(limit, self.gone()).await.is_ok()
    }

    /// Waits until nothing is left of the handler.
    async fn gone(&self) {
        let mut is_gone = self.is_gone.subscribe();
        // The sender lives as long as we do.
        is_gone.wait_for(|is_gone| *is_gone).await.ok();
    }

    /// Ends the command, once, and tells the client how.
    fn finish(&self, outcome: Outcome, error: Option<CommandError>) {
        if self.has_ended.swap(true, Ordering::AcqRel) {
            return;
        }
        self.close_streams();
        self.connection.remove(self.number);
        let error = error.map(FromDaemon::CommandError);
        let exit = FromDaemon::Exit(Exit::new(self.number, outcome));
        self.connection.outlet.send(error.into_iter().chain([exit]));
        self.canceller.fire(CancelCause::Ended);
        self.core.ended();
    }

    fn close_streams(&self) {
        self.stdin.lose();
        self.stdout.close();
        self.stderr.close();
    }

    /// How a command ends whose handler is cut off.
    fn cut_off(&self) -> Outcome {
        self.core.counters.aborted.increment();
        warn!(command = self.number, "a command was cut off");
        let message = match self.canceller.has_fired() {
            true => {
                let grace = self.core.config.cancel_grace;
                format!("the command did not end within {grace:?} after it was cancelled")
            }
            false => "the daemon ended".to_owned(),
        };
        Outcome::Aborted { message }
    }
}

/// Has a handler dropped that nobody supervises any more.
struct AbortOnDrop(Arc<Running>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What a connection's commands know of their client.
#[derive(Debug)]
pub(super) struct Client {
    pub(super) peer: Arc<Peer>,
    /// What it takes of each stream of output before it gives credit.
    pub(super) stream_credit: u64,
}

/// The handler's part: however it goes, the command has ended then.
struct Guard(Arc<Running>);

impl Guard {
    async fn run(self, command: Command, accepted: Mark, slot: Slot) {
        let running = &*self.0;
        // Work that the client does not know of must not begin.
        if !running.connection.outlet.flushed(accepted).await {
            return running.finish(Outcome::Cancelled, None);
        }
        let mut handling = (running.core.handler)(command);
        let result = poll_fn(|cx| poll_safely(&mut handling, cx)).await;
        drop(handling);
        // Who has seen the end may send another command at once.
        drop(slot);
        match result {
            Ok(Ok(code)) => running.finish(code.into(), None),
            Ok(Err(error)) => running.fail(&*error),
            Err(message) => running.panicked(&message),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.has_ended.load(Ordering::Acquire) {
            self.0.finish(self.0.cut_off(), None);
        }
        self.0.is_gone.send_replace(true);
    }
}

impl Running {
    fn fail(&self, error: &(dyn Error + 'static)) {
        if self.canceller.has_fired() {
            debug!(command = self.number, %error, "a cancelled command failed");
            return self.finish(Outcome::Cancelled, None);
        }
        let causes = iter::successors(error.source(), |&cause| cause.source());
        let chain = causes.map(ToString::to_string);
        let error = CommandError::new(self.number, error.to_string(), chain);
        self.finish(ExitCode::FAILURE.into(), Some(error));
    }

    fn panicked(&self, message: &str) {
        self.core.counters.panics.increment();
        warn!(command = self.number, "a handler panicked");
        let beginning: String = message.chars().take(MAX_PANIC_CHARS).collect();
        let message = format!("the handler panicked: {beginning}");
        self.finish(Outcome::Aborted { message }, None);
    }
}

type Failure = Box<dyn Error + Send + Sync>;

fn poll_safely(
    handling: &mut Handling,
    cx: &mut Context<'_>,
) -> Poll<Result<Result<ExitCode, Failure>, String>> {
    match catch_unwind(AssertUnwindSafe(|| handling.as_mut().poll(cx))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(text(&*panic))),
    }
}

fn text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("without a message").to_owned()
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}

/// Time for a handler that is dropped at its next await to come to it.
const ABORT_TIME: Duration = Duration::from_millis(500);
/// The part of a panic's message that is told.
const MAX_PANIC_CHARS: usize = 1024;
