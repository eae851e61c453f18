//! Signals of the operating system, as things to wait for.

use std::fs;
use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What somebody outside wants of this process.
#[cfg_attr(not(unix), expect(dead_code, reason = "only ^C exists"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caught {
    /// ^C on the terminal.
    Interrupt,
    /// To end.
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
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen, but not to what this process was started to ignore, as by `nohup`.
    pub(crate) fn listen() -> io::Result<Self> {
        let ignored = ignored();
        let listen = |caught: Caught, kind| match ignored & bit(caught) {
            0 => signal(kind).map(Some),
            _ => Ok(None),
        };
        Ok(Self {
            interrupt: listen(Caught::Interrupt, SignalKind::interrupt())?,
            terminate: listen(Caught::Terminate, SignalKind::terminate())?,
            hangup: listen(Caught::Hangup, SignalKind::hangup())?,
            resize: listen(Caught::Resize, SignalKind::window_change())?,
        })
    }

    /// The next signal. Nothing is lost when the future is dropped.
    pub(crate) async fn next(&mut self) -> Caught {
        tokio::select! {
            () = recv(&mut self.interrupt) => Caught::Interrupt,
            () = recv(&mut self.terminate) => Caught::Terminate,
            () = recv(&mut self.hangup) => Caught::Hangup,
            () = recv(&mut self.resize) => Caught::Resize,
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

#[cfg(not(unix))]
impl Signals {
    /// Begins to listen.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next signal.
    pub(crate) async fn next(&mut self) -> Caught {
        match tokio::signal::ctrl_c().await {
            Ok(()) => Caught::Interrupt,
            Err(_) => std::future::pending().await,
        }
    }
}

/// Signals that this process was started to ignore, a bit for each, where the system tells.
#[cfg_attr(not(unix), expect(dead_code, reason = "there are none"))]
fn ignored() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mut lines = status.lines();
    let mask = lines.find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.unwrap_or_default()
}

#[cfg_attr(not(unix), expect(dead_code, reason = "there are none"))]
fn bit(caught: Caught) -> u64 {
    1 << (caught.number() - 1)
}
