//! What a daemon does: handlers of commands, and how commands end.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use crate::daemon::Command;
use crate::daemon::wire::Outcome;

/// Runs commands.
///
/// Async functions and closures of a [`Command`] are handlers. A type of its own writes
/// `async fn run(&self, command: Command) -> Result<ExitCode, Self::Error>`.
///
/// Many commands run at once, each as a task of its own on the runtime that the server was started
/// on. A handler that panics harms no other. When its command is cancelled, the token
/// [`Command::cancellation`] fires; a handler that has not ended within
/// [`Config::cancel_grace`](crate::daemon::Config::cancel_grace) is dropped at its next await.
///
/// # Examples
///
/// ```
/// use linkspan::daemon::{Command, CommandHandler, ExitCode};
///
/// struct Spell;
///
/// impl CommandHandler for Spell {
///     type Error = std::io::Error;
///
///     async fn run(&self, mut command: Command) -> Result<ExitCode, Self::Error> {
///         while let Some(chunk) = command.stdin.next_chunk().await? {
///             command.stdout.write_chunk(&chunk).await?;
///         }
///         Ok(ExitCode::SUCCESS)
///     }
/// }
/// ```
pub trait CommandHandler: Send + Sync + 'static {
    /// Why a command fails: an error, a text, or a boxed error.
    ///
    /// The client prints its text and those of its [sources](Error::source), and ends with code 1.
    type Error: Into<Box<dyn Error + Send + Sync>> + Send;

    /// Runs a command to its end.
    ///
    /// # Errors
    ///
    /// Whatever the command fails with. After it was cancelled an error counts as the consequence:
    /// the command ends as cancelled, and the error is only logged.
    fn run(&self, command: Command) -> impl Future<Output = Result<ExitCode, Self::Error>> + Send;
}

impl<F, Done, E> CommandHandler for F
where
    F: Fn(Command) -> Done + Send + Sync + 'static,
    Done: Future<Output = Result<ExitCode, E>> + Send,
    E: Into<Box<dyn Error + Send + Sync>> + Send,
{
    type Error = E;

    fn run(&self, command: Command) -> impl Future<Output = Result<ExitCode, E>> + Send {
        self(command)
    }
}

/// How a command ends by itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ExitCode(End);

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum End {
    Code(u8),
    Signal(i32),
    Cancelled,
}

impl ExitCode {
    /// 0.
    pub const SUCCESS: Self = Self::new(0);
    /// 1, as for errors.
    pub const FAILURE: Self = Self::new(1);
    /// It ended because it was cancelled: the client ends as if it had done the work itself.
    pub const CANCELLED: Self = Self(End::Cancelled);

    /// The code with which the client ends.
    pub const fn new(code: u8) -> Self {
        Self(End::Code(code))
    }

    /// The client ends by this signal, as a command does whose own child was ended by one.
    pub const fn signal(signal: i32) -> Self {
        Self(End::Signal(signal))
    }
}

impl From<u8> for ExitCode {
    fn from(code: u8) -> Self {
        Self::new(code)
    }
}

impl From<ExitCode> for Outcome {
    fn from(code: ExitCode) -> Self {
        match code.0 {
            End::Code(code) => Self::Code { code: code.into() },
            End::Signal(signal) => Self::Signal { signal },
            End::Cancelled => Self::Cancelled,
        }
    }
}

impl fmt::Debug for ExitCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            End::Code(code) => write!(f, "ExitCode({code})"),
            End::Signal(signal) => write!(f, "ExitCode(signal {signal})"),
            End::Cancelled => f.write_str("ExitCode(cancelled)"),
        }
    }
}

/// A handler of any sort.
pub(super) type Handler = Arc<dyn Fn(Command) -> Handling + Send + Sync>;

/// A command at work.
pub(super) type Handling =
    Pin<Box<dyn Future<Output = Result<ExitCode, Box<dyn Error + Send + Sync>>> + Send>>;

pub(super) fn erase<H: CommandHandler>(handler: H) -> Handler {
    let handler = Arc::new(handler);
    Arc::new(move |command| {
        let handler = Arc::clone(&handler);
        Box::pin(async move { handler.run(command).await.map_err(Into::into) })
    })
}
