//! What a server asks of its peers, and whom it believes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use proto::error::HandshakeError;
use proto::message::Proof;
use proto::session::Transcript;

use crate::auth::authenticator::Claim;
use crate::auth::lease::Lapse;
use crate::auth::slowdown::{Slowdown, Source};
use crate::auth::{Attempt, AuditRecord, Config, Decision, Denial, Grant, Method, Principal};
use crate::transport::Peer;

/// What a server asks of its peers, and whom it believes.
///
/// Clones share what was counted and who is slowed down; one can serve many listeners.
#[derive(Clone)]
pub struct Authentication {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    slowdown: Slowdown,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicU64,
    renewed: AtomicU64,
    denied: AtomicU64,
    expired: AtomicU64,
    slowed: AtomicU64,
    lapsed: AtomicU64,
}

/// What was counted by an [`Authentication`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationStats {
    /// Peers that were let in.
    pub accepted: u64,
    /// Renewals of sessions.
    pub renewed: u64,
    /// Attempts that failed, but those of the next two sorts.
    pub denied: u64,
    /// Attempts by a right credential that had expired.
    pub expired: u64,
    /// Attempts that were not looked at, because too many before had failed.
    pub slowed: u64,
    /// Sessions that ended because their time was up or their credential was revoked.
    pub lapsed: u64,
    /// Lines that could not be written to the audit log.
    pub audit_errors: u64,
}

/// What a peer is by the transport's knowledge, and what it may be asked for.
pub(crate) struct Standing {
    /// Methods that are taken from it, by their names in the handshake.
    pub(crate) methods: Vec<String>,
    pub(crate) grant: Result<Grant, Denial>,
}

/// A proof that was given.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) method: &'a str,
    pub(crate) proof: &'a Proof,
    pub(crate) transcript: &'a Transcript,
    pub(crate) round: u64,
}

/// What a peer is told that is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    /// All that is not one of the others.
    Denied,
    Expired,
    Slowed {
        retry_after: Duration,
    },
}

impl From<Refused> for HandshakeError {
    fn from(refused: Refused) -> Self {
        match refused {
            Refused::Denied => Self::Unauthenticated,
            Refused::Expired => Self::Expired,
            Refused::Slowed { retry_after } => Self::Slowed { retry_after },
        }
    }
}

impl Authentication {
    /// Authentication with these settings.
    pub fn new(config: Config) -> Self {
        let slowdown = Slowdown::new(config.slowdown.clone());
        Self {
            inner: Arc::new(Inner {
                config,
                slowdown,
                counts: Counts::default(),
            }),
        }
    }

    /// Its settings.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// What was counted so far.
    pub fn stats(&self) -> AuthenticationStats {
        let counts = &self.inner.counts;
        let load = |count: &AtomicU64| count.load(Ordering::Relaxed);
        AuthenticationStats {
            accepted: load(&counts.accepted),
            renewed: load(&counts.renewed),
            denied: load(&counts.denied),
            expired: load(&counts.expired),
            slowed: load(&counts.slowed),
            lapsed: load(&counts.lapsed),
            audit_errors: self
                .config()
                .audit
                .as_ref()
                .map_or(0, |audit| audit.errors()),
        }
    }

    /// What a peer is before it said anything.
    pub(crate) fn standing(&self, peer: &Peer) -> Standing {
        let authenticators = &self.config().authenticators;
        let methods = authenticators.iter().map(|one| one.method());
        let methods = methods.filter(|method| method.is_claimed());
        // A token on an open link would be everybody's.
        let methods = methods.filter(|method| *method != Method::Jwt || peer.is_private());
        Standing {
            methods: methods.map(|method| method.name().to_owned()).collect(),
            grant: self.by_transport(peer),
        }
    }

    /// Lets a peer in by what the transport knows, or does not.
    pub(crate) fn judge_standing(
        &self,
        peer: &Peer,
        grant: Result<Grant, Denial>,
    ) -> Result<Grant, Refused> {
        match grant {
            Ok(grant) => Ok(self.accepted(peer, OPEN, grant)),
            Err(denial) => Err(self.denied(peer, OPEN, "", &denial)),
        }
    }

    /// Lets a peer in by the proof that it gave, or does not.
    pub(crate) fn judge(&self, peer: &Peer, given: Presented<'_>) -> Result<Grant, Refused> {
        self.judge_proof(peer, OPEN, given, None)
    }

    /// Believes a peer for longer by a further proof, or does not.
    pub(crate) fn judge_renewal(
        &self,
        peer: &Peer,
        given: Presented<'_>,
        principal: &Principal,
    ) -> Result<Grant, Refused> {
        self.judge_proof(peer, RENEW, given, Some(principal))
    }

    fn judge_proof(
        &self,
        peer: &Peer,
        action: &'static str,
        given: Presented<'_>,
        renewed: Option<&Principal>,
    ) -> Result<Grant, Refused> {
        let (source, key) = (Source::of(peer), given.proof.id.as_str());
        if let Some(retry_after) = self.inner.slowdown.pause(&source, key) {
            return Err(self.slowed(peer, action, retry_after));
        }
        let denial = match self.examine(peer, given, renewed) {
            Ok(grant) => return Ok(self.accepted(peer, action, grant)),
            Err(denial) => denial,
        };
        // Keys that there are not are all one: there are always more of them.
        let key = match denial {
            Denial::UnknownKey(_) | Denial::Used => "",
            _ => key,
        };
        if let Some(retry_after) = self.inner.slowdown.pause(&source, key) {
            return Err(self.slowed(peer, action, retry_after));
        }
        if denial != Denial::Expired {
            self.inner.slowdown.note(source, key);
        }
        Err(self.denied(peer, action, &given.proof.id, &denial))
    }

    fn examine(
        &self,
        peer: &Peer,
        given: Presented<'_>,
        renewed: Option<&Principal>,
    ) -> Result<Grant, Denial> {
        let mut authenticators = self.config().authenticators.iter();
        let authenticator = authenticators
            .find(|one| one.method().is_claimed() && one.method().name() == given.method)
            .ok_or_else(|| Denial::Method(given.method.to_owned()))?;
        if authenticator.method() == Method::Jwt && !peer.is_private() {
            return Err(Denial::OpenLink);
        }
        if renewed.is_some() && given.round == 0 {
            return Err(Denial::Used);
        }
        let now = SystemTime::now();
        let grant = authenticator.authenticate(&Attempt {
            peer,
            claim: Some(Claim {
                proof: given.proof,
                transcript: given.transcript,
                round: given.round,
            }),
            now,
        })?;
        holds(&grant, now)?;
        match renewed {
            Some(principal) if *principal != grant.principal => {
                Err(Denial::OtherPrincipal(grant.principal.name))
            }
            _ => Ok(grant),
        }
    }

    /// Who a peer is by its certificate, or else by the kernel's word.
    fn by_transport(&self, peer: &Peer) -> Result<Grant, Denial> {
        let now = SystemTime::now();
        let attempt = Attempt {
            peer,
            claim: None,
            now,
        };
        let mut denial = Denial::NoCredential;
        let ways = [Method::Certificate, Method::Host, Method::PeerCredentials];
        let authenticators = ways.iter().flat_map(|way| {
            let all = self.config().authenticators.iter();
            all.filter(move |one| one.method() == *way)
        });
        for authenticator in authenticators {
            let grant = authenticator.authenticate(&attempt);
            match grant.and_then(|grant| holds(&grant, now).map(|()| grant)) {
                Ok(grant) => return Ok(grant),
                Err(Denial::NoCredential) => {}
                Err(other) => denial = other,
            }
        }
        match denial {
            Denial::NoCredential if self.config().anonymous => {
                Ok(Grant::new(Principal::anonymous()))
            }
            denial => Err(denial),
        }
    }

    fn accepted(&self, peer: &Peer, action: &'static str, grant: Grant) -> Grant {
        let counts = &self.inner.counts;
        let count = match action {
            RENEW => &counts.renewed,
            _ => &counts.accepted,
        };
        count.fetch_add(1, Ordering::Relaxed);
        self.write_down(peer, action, Decision::Allowed, |record| {
            record.principal = &grant.principal.name;
            record.method = grant.principal.method.name();
            record.credential = &grant.credential;
        });
        grant
    }

    fn slowed(&self, peer: &Peer, action: &'static str, retry_after: Duration) -> Refused {
        self.inner.counts.slowed.fetch_add(1, Ordering::Relaxed);
        self.write_down(peer, action, Decision::Denied, |record| {
            record.reason = "slowed";
        });
        Refused::Slowed { retry_after }
    }

    fn denied(&self, peer: &Peer, action: &'static str, key: &str, denial: &Denial) -> Refused {
        let counts = &self.inner.counts;
        let (count, refused) = match denial {
            Denial::Expired => (&counts.expired, Refused::Expired),
            _ => (&counts.denied, Refused::Denied),
        };
        count.fetch_add(1, Ordering::Relaxed);
        let detail = denial.to_string();
        self.write_down(peer, action, Decision::Denied, |record| {
            record.reason = denial.name();
            record.credential = key;
            record.detail = &detail;
        });
        refused
    }

    /// Takes note of an opening that failed before anybody could be judged.
    pub(crate) fn note_failure(&self, peer: &Peer, error: &dyn fmt::Display) {
        self.inner.counts.denied.fetch_add(1, Ordering::Relaxed);
        let detail = error.to_string();
        self.write_down(peer, OPEN, Decision::Denied, |record| {
            record.reason = "handshake";
            record.detail = &detail;
        });
    }

    /// Takes note that a session ends because its peer is believed no longer.
    pub(crate) fn note_lapse(&self, principal: &Principal, lapse: Lapse) {
        self.inner.counts.lapsed.fetch_add(1, Ordering::Relaxed);
        if let Some(audit) = &self.config().audit {
            let mut record = AuditRecord::new("session.end", Decision::Ended);
            record.principal = &principal.name;
            record.method = principal.method.name();
            record.reason = match lapse {
                Lapse::Expired => "expired",
                Lapse::Revoked => "revoked",
            };
            audit.record(&record);
        }
    }

    fn write_down<'a>(
        &self,
        peer: &'a Peer,
        action: &'static str,
        decision: Decision,
        complete: impl FnOnce(&mut AuditRecord<'a>),
    ) where
        Self: 'a,
    {
        let Some(audit) = &self.config().audit else {
            return;
        };
        let mut record = AuditRecord::new(action, decision);
        record.peer = Some(peer);
        complete(&mut record);
        audit.record(&record);
    }
}

/// Whether what was granted has neither expired nor been taken back.
fn holds(grant: &Grant, now: SystemTime) -> Result<(), Denial> {
    if grant
        .revocation
        .as_ref()
        .is_some_and(|revocation| revocation.is_revoked())
    {
        return Err(Denial::Revoked);
    }
    match grant.expires {
        Some(expires) if expires <= now => Err(Denial::Expired),
        _ => Ok(()),
    }
}

impl fmt::Debug for Authentication {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authentication")
            .field("config", &self.inner.config)
            .finish_non_exhaustive()
    }
}

const OPEN: &str = "session.open";
const RENEW: &str = "session.renew";
