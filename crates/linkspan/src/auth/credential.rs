//! What a client proves who it is by.

use std::fmt;
use std::sync::Arc;

use proto::message::{Accepted, Proof};
use proto::session::Transcript;
use thiserror::Error;

use crate::transport::{ChannelBinding, Peer};

/// What a client proves who it is by, to servers that ask.
///
/// A key or launch token never leaves the process: the client proves that it has it, and has the
/// server prove that it knows it, too. A JWT is sent, and only where nobody else can read it: over
/// TLS, and to servers on local sockets, whose user the kernel names.
///
/// Over TCP without TLS the client refuses a server that asks for no proof.
#[derive(Clone)]
pub struct Credential(Arc<dyn Prover>);

/// One sort of credential.
pub(crate) trait Prover: Send + Sync {
    /// By which methods it can prove something, by their names in the handshake.
    fn methods(&self) -> Vec<String>;

    /// Whether the credential itself is sent.
    fn is_sent(&self) -> bool;

    /// Proves it.
    fn prove(&self, asked: &Asked<'_>) -> Result<Proved, CredentialError>;
}

/// What a proof has to be about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    pub(crate) transcript: &'a Transcript,
    pub(crate) channel: Option<&'a ChannelBinding>,
    /// 0 while the session opens, then the number of the renewal.
    pub(crate) round: u64,
}

/// A proof, and what the server has to answer.
pub(crate) struct Proved {
    pub(crate) proof: Proof,
    pub(crate) expected: Option<[u8; 32]>,
}

impl Credential {
    /// One of this sort.
    #[cfg(feature = "auth")]
    pub(crate) fn of(prover: impl Prover + 'static) -> Self {
        Self(Arc::new(prover))
    }

    /// The methods that are offered to a peer.
    pub(crate) fn methods(&self, peer: &Peer) -> Vec<String> {
        if self.0.is_sent() && !peer.is_private() {
            return Vec::new();
        }
        self.0.methods()
    }

    pub(crate) fn prove(&self, asked: &Asked<'_>) -> Result<Proved, CredentialError> {
        self.0.prove(asked)
    }
}

impl Proved {
    /// Whether the server knows the key, too.
    pub(crate) fn is_confirmed_by(&self, accepted: &Accepted) -> bool {
        let Some(expected) = &self.expected else {
            return true;
        };
        let difference = |answer: &[u8; 32]| {
            let pairs = answer.iter().zip(expected);
            pairs.fold(0, |difference, (one, other)| difference | (one ^ other))
        };
        accepted.proof.as_ref().map(difference) == Some(0)
    }
}

/// Does not show it.
impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// A credential cannot be used.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// It has not the form of what it should be.
    #[error("this is no {0}")]
    Malformed(&'static str),
    /// Its file cannot be read, or others can.
    #[error("cannot read the credential")]
    File(#[source] os::FileError),
    /// There is no such file, or its directory is not safe.
    #[error("cannot read the credential: {0}")]
    Place(String),
}
