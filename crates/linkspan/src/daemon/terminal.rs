//! The client's terminal, as it is now.

use std::ffi::OsString;

use tokio::sync::watch;

use crate::daemon::wire::{self, Colours, Size};

/// What is known about the client's terminal. Nothing of it was asked of the terminal itself.
#[derive(Debug, Clone)]
pub struct Terminal {
    facts: wire::Terminal,
    size: watch::Receiver<Option<Size>>,
}

impl Terminal {
    pub(super) fn new(facts: wire::Terminal) -> (watch::Sender<Option<Size>>, Self) {
        let (sender, size) = watch::channel(facts.size);
        (sender, Self { facts, size })
    }

    /// Its size now, if there is a terminal and it told.
    pub fn size(&self) -> Option<Size> {
        *self.size.borrow()
    }

    /// Waits until its size changes; gives the latest if it has changed several times. When the
    /// command has ended it waits for ever.
    ///
    /// # Cancel safety
    ///
    /// No change is lost when the future is dropped.
    pub async fn resized(&mut self) -> Option<Size> {
        if self.size.changed().await.is_err() {
            return std::future::pending().await;
        }
        *self.size.borrow_and_update()
    }

    /// Colours that it shows and its user wants.
    pub fn colours(&self) -> Colours {
        self.facts.colours
    }

    /// What the client's variable `TERM` says; empty if it is not set.
    pub fn term(&self) -> OsString {
        os::os_string(&self.facts.term)
    }

    /// Whether the client's stdin is a terminal.
    pub fn is_stdin(&self) -> bool {
        self.facts.is_stdin
    }

    /// Whether its stdout is.
    pub fn is_stdout(&self) -> bool {
        self.facts.is_stdout
    }

    /// Whether its stderr is.
    pub fn is_stderr(&self) -> bool {
        self.facts.is_stderr
    }
}
