//! Sealed bodies, as commands use them.

use std::path::PathBuf;

use clap::Args;
use linkspan::auth::seal::{KeyRing, RingError};

use crate::failure::{Failure, Kind, Result};

/// Whether bodies are sealed, and with what.
#[derive(Debug, Args)]
pub(crate) struct Seal {
    /// Seal what is sent with the keys of this file, and take only what is sealed; `linkspan key new`
    /// makes one. Who passes it on cannot read it.
    #[arg(long, value_name = "FILE")]
    key_ring: Option<PathBuf>,
}

impl Seal {
    /// The keys, if bodies are sealed.
    pub(crate) fn ring(&self) -> Result<Option<KeyRing>> {
        Ok(self.key_ring.as_ref().map(KeyRing::open).transpose()?)
    }
}

impl From<RingError> for Failure {
    fn from(error: RingError) -> Self {
        let (kind, hint) = match &error {
            RingError::Missing { .. } => (Kind::Usage, None),
            RingError::Exists { .. } => (
                Kind::Usage,
                Some("`linkspan key rotate` adds a key to a ring that exists"),
            ),
            RingError::Malformed { .. } => (Kind::Config, None),
            RingError::File(_) => (
                Kind::Refused,
                Some("a key ring has to be readable by its owner alone: `chmod 600 FILE`"),
            ),
            _ => (Kind::Other, None),
        };
        let failure = Self::new(kind, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}
