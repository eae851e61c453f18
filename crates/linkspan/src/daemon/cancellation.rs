//! The end of commands before their time.

use std::fmt;

use tokio::sync::watch;

use crate::daemon::wire::CancelReason;

/// Says that nobody waits for a command any more.
///
/// It fires within 50 ms of a wish to cancel, and of the client's death, also while the handler
/// neither reads nor writes. Clones are for tasks and threads that work for the handler; they learn
/// the end of the command by it, too.
#[derive(Clone)]
pub struct Cancellation(watch::Receiver<Option<CancelCause>>);

/// Why a command is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelCause {
    /// The client wants it.
    Client(CancelReason),
    /// The client is gone.
    Disconnected,
    /// The daemon has to end.
    Stopping,
    /// The handler has returned: the command has ended.
    Ended,
}

impl Cancellation {
    /// Makes a token, and what fires it.
    pub(super) fn new() -> (Canceller, Self) {
        let (sender, receiver) = watch::channel(None);
        (Canceller(sender), Self(receiver))
    }

    /// Whether it has fired.
    pub fn is_cancelled(&self) -> bool {
        self.cause().is_some()
    }

    /// Why it has fired, if it has.
    pub fn cause(&self) -> Option<CancelCause> {
        *self.0.borrow()
    }

    /// Waits until it fires.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn cancelled(&self) -> CancelCause {
        let mut receiver = self.0.clone();
        let fired = receiver.wait_for(Option::is_some).await;
        // What could fire it goes with the command.
        fired
            .ok()
            .and_then(|cause| *cause)
            .unwrap_or(CancelCause::Ended)
    }
}

/// Fires a [`Cancellation`], once.
#[derive(Debug)]
pub(super) struct Canceller(watch::Sender<Option<CancelCause>>);

impl Canceller {
    /// Fires; false if it has fired before.
    pub(super) fn fire(&self, cause: CancelCause) -> bool {
        self.0.send_if_modified(|fired| {
            let is_first = fired.is_none();
            fired.get_or_insert(cause);
            is_first
        })
    }

    pub(super) fn has_fired(&self) -> bool {
        self.0.borrow().is_some()
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.cause()).finish()
    }
}
