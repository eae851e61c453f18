//! What clients may do: the one place of daemons where rights are asked for.

use std::sync::Arc;
use std::time::Duration;

use crate::auth::policy::{Access, Action, Guard, Refused};
use crate::auth::quota::Place;
use crate::daemon::wire::Verb;
use crate::transport::Peer;

/// A guard, if there is one, and for which daemon it is asked.
#[derive(Debug)]
pub(super) struct Rights {
    pub(super) guard: Option<Guard>,
    pub(super) daemon_id: Arc<str>,
}

/// Why a client is not let do something.
#[derive(Debug)]
pub(super) enum Barred {
    /// It may not; with what it is told.
    Denied(String),
    /// It is too much.
    TooMuch {
        message: String,
        retry_after: Duration,
    },
}

impl Rights {
    /// Lets a command begin, which has its place as long as it runs.
    pub(super) fn command(&self, peer: &Peer) -> Result<Place, Barred> {
        self.admit(peer, Access::new(Action::DaemonCommand, &self.daemon_id))
    }

    /// Lets the daemon be asked for something.
    pub(super) fn control(&self, peer: &Peer, verb: Verb) -> Result<(), Barred> {
        let verb = match verb {
            // Whoever opens a connection is told it unasked.
            Verb::Identify => return Ok(()),
            Verb::Status => "status",
            Verb::Stop => "stop",
            Verb::Drain => "drain",
            Verb::Restart => "restart",
            Verb::Logs => "logs",
            Verb::Unknown => "unknown",
        };
        let admitted = self.admit(peer, Access::new(Action::DaemonControl, verb));
        // It is answered at once.
        admitted.map(drop)
    }

    fn admit(&self, peer: &Peer, access: Access<'_>) -> Result<Place, Barred> {
        let Some(guard) = &self.guard else {
            return Ok(Place::default());
        };
        let principal = peer.principal();
        guard.admit(&principal, &[access]).map_err(|refused| {
            let message = refused.to_failure(&principal).message;
            match refused {
                Refused::Denied(_) => Barred::Denied(message),
                Refused::TooMuch(_, retry_after) => Barred::TooMuch {
                    message,
                    retry_after,
                },
            }
        })
    }
}

impl Barred {
    /// What a client is told, in words.
    pub(super) fn into_message(self) -> String {
        match self {
            Self::Denied(message) | Self::TooMuch { message, .. } => message,
        }
    }
}
