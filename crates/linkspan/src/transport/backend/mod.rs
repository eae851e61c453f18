//! Local sockets in several ways: the seam behind which a backend accepts, reads and writes.
//!
//! ```text
//!                 ┌─ tokio ───────── readiness of the descriptor, no copy
//! descriptor ─────┼─ interprocess ── the streams of that crate
//!                 └─ legacy ──────── two blocking threads for each connection
//! ```
//!
//! A backend gets a bound or connected descriptor and gives [`ByteReader`]s and [`ByteWriter`]s; who
//! the peer is, where sockets stand and what goes over them is no concern of its.

#[cfg(feature = "ipc-interprocess")]
mod adapter;
#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::transport::bytes::{ByteReader, ByteWriter};

#[cfg(unix)]
use unix as system;
#[cfg(windows)]
use windows as system;

#[cfg(windows)]
pub(crate) use windows::Connected;

pub(crate) use system::{Accept, Local, tcp};

/// By what means local sockets are read and written. What goes over them is the same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Backend {
    /// The runtime's own readiness: the fastest.
    #[default]
    Tokio,
    /// The crate `interprocess`; behind the feature `ipc-interprocess`.
    Interprocess,
    /// Blocking calls on two threads for each connection; behind the feature `ipc-legacy`, on Unix.
    Legacy,
}

impl Backend {
    /// All backends, in this build or not.
    pub const ALL: [Self; 3] = [Self::Tokio, Self::Interprocess, Self::Legacy];

    /// Its name in configurations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokio => "tokio",
            Self::Interprocess => "interprocess",
            Self::Legacy => "legacy",
        }
    }

    /// Whether this build has it.
    ///
    /// # Errors
    ///
    /// [`BackendUnavailable`], which says what would bring it.
    pub fn check(self) -> Result<(), BackendUnavailable> {
        self.local().map(|_| ())
    }

    /// Its implementation on this system.
    pub(crate) fn local(self) -> Result<&'static dyn Local, BackendUnavailable> {
        let built = system::BUILT.iter().find(|local| local.backend() == self);
        built.copied().ok_or_else(|| BackendUnavailable {
            backend: self,
            remedy: system::remedy(self),
        })
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Backend {
    type Err = UnknownBackend;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_meant = |backend: &Self| backend.name().eq_ignore_ascii_case(text);
        let found = Self::ALL.into_iter().find(is_meant);
        found.ok_or_else(|| UnknownBackend { name: text.into() })
    }
}

/// A backend is not in this build.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the backend {backend} is not in this build: {remedy}")]
#[non_exhaustive]
pub struct BackendUnavailable {
    /// The backend.
    pub backend: Backend,
    /// What would bring it.
    pub remedy: &'static str,
}

/// A text is not the name of a backend.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is not a backend; there are tokio, interprocess and legacy")]
#[non_exhaustive]
pub struct UnknownBackend {
    /// The text.
    pub name: String,
}

/// How a connection came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    Accepted,
    Dialed,
}

/// A connected stream in its two halves.
pub(crate) type Halves = (Box<dyn ByteReader>, Box<dyn ByteWriter>);
