//! One way to prove who a peer is.

use std::fmt;
use std::time::SystemTime;

use proto::message::Proof;
use proto::session::Transcript;
use thiserror::Error;

use crate::auth::{Method, Principal, Revocation};
use crate::transport::Peer;

/// Judges who peers are, by one [`Method`].
///
/// It is asked while a session opens, and again for each renewal. It must not block: it looks at
/// what it has in memory.
pub trait Authenticator: fmt::Debug + Send + Sync {
    /// How peers prove to it who they are.
    fn method(&self) -> Method;

    /// Says who a peer is.
    ///
    /// # Errors
    ///
    /// Why it is nobody. The peer is not told, but that a right credential has
    /// [expired](Denial::Expired).
    fn authenticate(&self, attempt: &Attempt<'_>) -> Result<Grant, Denial>;
}

/// What a peer shows to prove who it is.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a> {
    pub(crate) peer: &'a Peer,
    pub(crate) claim: Option<Claim<'a>>,
    pub(crate) now: SystemTime,
}

/// What it says itself.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Claim<'a> {
    pub(crate) proof: &'a Proof,
    pub(crate) transcript: &'a Transcript,
    /// 0 while the session opens, then the number of the renewal.
    pub(crate) round: u64,
}

impl<'a> Attempt<'a> {
    /// What the transport knows about the peer.
    pub fn peer(&self) -> &'a Peer {
        self.peer
    }

    /// The time by which it is to be judged.
    pub fn now(&self) -> SystemTime {
        self.now
    }

    /// The name of its key or launch token; a mere claim.
    pub fn key_id(&self) -> Option<&'a str> {
        self.claim.map(|claim| claim.proof.id.as_str())
    }

    /// Its JWT.
    pub fn token(&self) -> Option<&'a str> {
        self.claim?.proof.token.as_deref()
    }
}

/// Who a peer is, and for how long.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Grant {
    /// Who it is.
    pub principal: Principal,
    /// Which credential showed it, for audit logs: the name of a key, the id of a JWT. Empty if it
    /// has none.
    pub credential: String,
    /// When the credential ends to hold.
    pub expires: Option<SystemTime>,
    /// Says when the credential was taken back.
    pub revocation: Option<Revocation>,
    /// That the server knows the key, too.
    pub(crate) answer: Option<[u8; 32]>,
}

impl Grant {
    /// A grant without an end.
    pub fn new(principal: Principal) -> Self {
        Self {
            principal,
            credential: String::new(),
            expires: None,
            revocation: None,
            answer: None,
        }
    }
}

/// Why a peer is not believed; for audit logs, and not for the peer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Denial {
    /// Nothing that the transport knows is enough, and the peer has nothing else that is taken here.
    #[error("the peer has nothing to prove who it is that is taken here")]
    NoCredential,
    /// The way is not one of this server.
    #[error("authentication by {0:?} is not taken here")]
    Method(String),
    /// A part that the method needs is missing, or has not its form.
    #[error("the proof is malformed: {0}")]
    Malformed(&'static str),
    /// There is no key of that name.
    #[error("there is no key {0:?}")]
    UnknownKey(String),
    /// The proof is wrong: another key, another session, or a message was changed on the way.
    #[error("the proof does not fit key and session")]
    WrongProof,
    /// The signature is wrong, or there is none.
    #[error("the signature is wrong")]
    Signature,
    /// The algorithm is not that of the key.
    #[error("the algorithm {0:?} is not that of the key")]
    Algorithm(String),
    /// It is for somebody else.
    #[error("the audience is another")]
    Audience,
    /// It is from somebody else.
    #[error("the issuer is another")]
    Issuer,
    /// It does not hold yet.
    #[error("it does not hold yet")]
    NotYetValid,
    /// It holds no more.
    #[error("it has expired")]
    Expired,
    /// It was taken back.
    #[error("it was revoked")]
    Revoked,
    /// It holds once, and was used.
    #[error("it was used before")]
    Used,
    /// It proves somebody else than the session belongs to.
    #[error("the renewal is by {0:?}")]
    OtherPrincipal(String),
    /// It came over a link that others may read.
    #[error("the link is open to others")]
    OpenLink,
}

impl Denial {
    /// A name that stays the same for ever.
    pub fn name(&self) -> &'static str {
        match self {
            Self::NoCredential => "no_credential",
            Self::Method(_) => "method",
            Self::Malformed(_) => "malformed",
            Self::UnknownKey(_) => "unknown_key",
            Self::WrongProof => "wrong_proof",
            Self::Signature => "signature",
            Self::Algorithm(_) => "algorithm",
            Self::Audience => "audience",
            Self::Issuer => "issuer",
            Self::NotYetValid => "not_yet_valid",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
            Self::Used => "used",
            Self::OtherPrincipal(_) => "other_principal",
            Self::OpenLink => "open_link",
        }
    }
}
