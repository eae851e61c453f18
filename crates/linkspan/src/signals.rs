//! Signals of the operating system, as things to wait for.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};
#[cfg(windows)]
use tokio::signal::windows::{
    CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown, ctrl_break, ctrl_c, ctrl_close,
    ctrl_logoff, ctrl_shutdown,
};

/// What somebody outside wants of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caught {
    /// ^C on the terminal; on Windows also ^Break.
    Interrupt,
    /// To end; on Windows because the user leaves or the system stops.
    Terminate,
    /// To end, because the terminal is gone.
    Hangup,
    /// To look at the terminal's size.
    Resize,
}

impl Caught {
    /// The signal's number, the same on all systems that have it.
    pub(crate) fn number(self) -> i32 {
        match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Terminate => 15,
            Self::Resize => 28,
        }
    }
}

/// Waits for signals; from the first one on they no longer end the process by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    #[cfg(unix)]
    interrupt: Option<Signal>,
    #[cfg(unix)]
    terminate: Option<Signal>,
    #[cfg(unix)]
    hangup: Option<Signal>,
    #[cfg(unix)]
    resize: Option<Signal>,
    #[cfg(unix)]
    resume: Option<Signal>,
    #[cfg(windows)]
    interrupt: CtrlC,
    #[cfg(windows)]
    break_key: CtrlBreak,
    #[cfg(windows)]
    close: CtrlClose,
    #[cfg(windows)]
    logoff: CtrlLogoff,
    #[cfg(windows)]
    shutdown: CtrlShutdown,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen, but not to what this process was started to ignore, as by `nohup`.
    pub(crate) fn listen() -> io::Result<Self> {
        let listen = |caught: Caught, kind| match os::is_ignored(caught.number()) {
            false => signal(kind).map(Some),
            true => Ok(None),
        };
        Ok(Self {
            interrupt: listen(Caught::Interrupt, SignalKind::interrupt())?,
            terminate: listen(Caught::Terminate, SignalKind::terminate())?,
            hangup: listen(Caught::Hangup, SignalKind::hangup())?,
            resize: listen(Caught::Resize, SignalKind::window_change())?,
            resume: signal(SignalKind::from_raw(os::SIGCONT)).map(Some)?,
        })
    }

    /// The next signal. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Caught {
        tokio::select! {
            () = recv(&mut self.interrupt) => Caught::Interrupt,
            () = recv(&mut self.terminate) => Caught::Terminate,
            () = recv(&mut self.hangup) => Caught::Hangup,
            () = recv(&mut self.resize) => Caught::Resize,
            // The terminal tells its size only to those in the foreground.
            () = recv(&mut self.resume) => Caught::Resize,
        }
    }
}

#[cfg(unix)]
async fn recv(signal: &mut Option<Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(windows)]
impl Signals {
    /// Begins to listen. What this process was started to ignore the system does not tell it.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            interrupt: ctrl_c()?,
            break_key: ctrl_break()?,
            close: ctrl_close()?,
            logoff: ctrl_logoff()?,
            shutdown: ctrl_shutdown()?,
        })
    }

    /// The next signal. Nothing is lost when the future is dropped.
    ///
    /// From the closing of the console on the system leaves some seconds, whatever is done.
    pub(crate) async fn next(&mut self) -> Caught {
        tokio::select! {
            _ = self.interrupt.recv() => Caught::Interrupt,
            _ = self.break_key.recv() => Caught::Interrupt,
            _ = self.close.recv() => Caught::Hangup,
            _ = self.logoff.recv() => Caught::Terminate,
            _ = self.shutdown.recv() => Caught::Terminate,
        }
    }
}
