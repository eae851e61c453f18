//! For how long the peer of a session is believed.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use proto::error::{Category, Code, HandshakeError};
use proto::message::{Accepted, Failure, Proof};
use proto::session::Transcript;
use tokio::sync::Notify;

use crate::auth::authentication::{Presented, Refused};
use crate::auth::{Authentication, Fault, Grant, Principal, Revocation};
use crate::clock;
use crate::transport::Peer;

/// What a server granted to the peer of a session; a renewal makes it longer.
#[derive(Debug)]
pub(crate) struct Lease {
    authentication: Authentication,
    principal: Arc<Principal>,
    /// What was said before the proof; none if the peer had nothing to say.
    transcript: Option<Transcript>,
    terms: Mutex<Terms>,
    renewed: Notify,
}

#[derive(Debug)]
struct Terms {
    round: u64,
    /// When the session's time is up.
    until: Option<Instant>,
    /// When the credential's is.
    expires: Option<SystemTime>,
    revocation: Option<Revocation>,
}

/// Why a peer is believed no longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lapse {
    Expired,
    Revoked,
}

impl Lapse {
    /// What the peer is told.
    pub(crate) fn to_failure(self) -> Failure {
        let (code, error) = match self {
            Self::Expired => (Code::EXPIRED, HandshakeError::Expired),
            Self::Revoked => (Code::DENIED, HandshakeError::Unauthenticated),
        };
        Failure::new(Category::Authentication, code, error.to_string())
    }
}

impl Lease {
    /// That of a peer whom the transport knows.
    pub(crate) fn of_peer(authentication: &Authentication, grant: Grant) -> Self {
        Self::new(authentication, grant, None)
    }

    /// That of a peer that proved who it is.
    pub(crate) fn of_claim(
        authentication: &Authentication,
        grant: Grant,
        transcript: Transcript,
    ) -> Self {
        Self::new(authentication, grant, Some(transcript))
    }

    fn new(authentication: &Authentication, grant: Grant, transcript: Option<Transcript>) -> Self {
        // The kernel's word and a certificate are not taken back by time alone.
        let limit = authentication.config().session_timeout;
        let limit = limit.filter(|_| transcript.is_some());
        let terms = Terms::new(0, &grant, limit);
        Self {
            authentication: authentication.clone(),
            principal: Arc::new(grant.principal),
            transcript,
            terms: Mutex::new(terms),
            renewed: Notify::new(),
        }
    }

    /// Whom it is about.
    pub(crate) fn principal(&self) -> &Arc<Principal> {
        &self.principal
    }

    /// What the peer is told.
    pub(crate) fn accepted(&self, answer: Option<[u8; 32]>) -> Accepted {
        let mut accepted = Accepted::new(self.principal.name.as_str());
        let left = self.lock().left();
        accepted.expires_in_ms =
            left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX));
        accepted.renewable = self.authentication.config().renewal;
        accepted.proof = answer;
        accepted
    }

    /// Whether it can come to its end while the session is open.
    pub(crate) fn can_lapse(&self) -> bool {
        let terms = self.lock();
        terms.left().is_some() || terms.revocation.is_some()
    }

    /// Whether the peer may renew it.
    pub(crate) fn is_renewable(&self) -> bool {
        self.transcript.is_some() && self.authentication.config().renewal
    }

    /// Makes it longer by a new proof of the same principal.
    pub(crate) fn renew(
        &self,
        peer: &Peer,
        method: &str,
        proof: &Proof,
        round: u64,
    ) -> Result<Accepted, Refused> {
        let Some(transcript) = self.transcript.as_ref().filter(|_| self.is_renewable()) else {
            return Err(Refused::Denied);
        };
        // Each round once: what was said in an earlier one proves nothing.
        let mut terms = self.lock();
        let round = if round > terms.round { round } else { 0 };
        let presented = Presented {
            method,
            proof,
            transcript,
            round,
        };
        let grant = self
            .authentication
            .judge_renewal(peer, presented, &self.principal)?;
        *terms = Terms::new(round, &grant, self.authentication.config().session_timeout);
        drop(terms);
        self.renewed.notify_waiters();
        Ok(self.accepted(grant.answer))
    }

    /// Waits until the peer is believed no longer.
    pub(crate) async fn lapse(&self) -> Lapse {
        loop {
            let renewed = self.renewed.notified();
            let (left, revocation) = {
                let terms = self.lock();
                (terms.left(), terms.revocation.clone())
            };
            let expired = async {
                match left {
                    Some(left) => tokio::time::sleep(left.min(LONGEST_SLEEP)).await,
                    None => std::future::pending().await,
                }
            };
            let revoked = async {
                match revocation {
                    Some(mut revocation) => revocation.revoked().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = revoked => return self.noted(Lapse::Revoked),
                () = renewed => {}
                () = expired => {
                    if self.lock().left().is_some_and(|left| left.is_zero()) {
                        return self.noted(Lapse::Expired);
                    }
                }
            }
        }
    }

    /// Takes note that the session ends because of what came from its peer.
    pub(crate) fn note_fault(&self, peer: &Peer, fault: Fault, detail: &dyn fmt::Display) {
        self.authentication.note_fault(peer, fault, detail);
    }

    fn noted(&self, lapse: Lapse) -> Lapse {
        self.authentication.note_lapse(&self.principal, lapse);
        lapse
    }

    fn lock(&self) -> MutexGuard<'_, Terms> {
        self.terms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Terms {
    fn new(round: u64, grant: &Grant, limit: Option<Duration>) -> Self {
        Self {
            round,
            until: limit.map(|limit| clock::after(clock::now(), limit)),
            expires: grant.expires,
            revocation: grant.revocation.clone(),
        }
    }

    /// The time that is left.
    fn left(&self) -> Option<Duration> {
        let until = self
            .until
            .map(|until| until.saturating_duration_since(clock::now()));
        let now = SystemTime::now();
        let expires = self
            .expires
            .map(|expires| expires.duration_since(now).unwrap_or_default());
        until.into_iter().chain(expires).min()
    }
}

/// The system's time may jump, and goes on while the system sleeps; this often it is looked at.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
