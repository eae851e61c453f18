//! Signals of the operating system, as things to wait for.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{CtrlBreak, CtrlC, CtrlClose, ctrl_break, ctrl_c, ctrl_close};

/// Waits for requests to stop, and to read the configuration again.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: Signal,
    #[cfg(unix)]
    terminate: Signal,
    #[cfg(unix)]
    hang_up: Signal,
    #[cfg(windows)]
    interrupt: CtrlC,
    #[cfg(windows)]
    break_key: CtrlBreak,
    #[cfg(windows)]
    close: CtrlClose,
}

/// What somebody outside wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To stop; ^C on the terminal, or SIGTERM.
    Stop(&'static str),
    /// To read the configuration again; SIGHUP.
    Reload,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen; from now on signals no longer end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// The next wish. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop("^C"),
            _ = self.terminate.recv() => Wish::Stop("SIGTERM"),
            _ = self.hang_up.recv() => Wish::Reload,
        }
    }
}

#[cfg(windows)]
impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_key: ctrl_break()?,
            close: ctrl_close()?,
        })
    }

    /// The next wish. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Wish {
        tokio::select! {
            _ = self.interrupt.recv() => Wish::Stop("^C"),
            _ = self.break_key.recv() => Wish::Stop("^Break"),
            _ = self.close.recv() => Wish::Stop("the closing of the console"),
        }
    }
}
