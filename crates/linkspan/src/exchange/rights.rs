//! Who may ask: the one place of exchange where rights are asked for.

use std::sync::Arc;

use crate::auth::policy::{Access, Action, Guard, Refused};
use crate::auth::quota::Place;
use crate::exchange::error::ServeError;
use crate::transport::Peer;

/// A guard, and by which name it is asked.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    pub(super) guard: Guard,
    pub(super) name: Arc<str>,
}

impl Rights {
    /// Lets a question of a peer be answered, until its place is dropped.
    pub(super) fn admit(&self, peer: &Peer) -> Result<Place, ServeError> {
        let access = Access::new(Action::ExchangeSend, &self.name);
        let admitted = self.guard.admit(&peer.principal(), &[access]);
        admitted.map_err(|refused| match refused {
            Refused::Denied(_) => ServeError::Denied {
                name: Arc::clone(&self.name),
            },
            Refused::TooMuch(_, retry_after) => ServeError::TooMuch { retry_after },
        })
    }
}
