//! What a server asks of its peers, and whom it believes.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use proto::error::{HandshakeError, InflateError};
use proto::message::Proof;
use proto::session::Transcript;

use crate::auth::authenticator::Claim;
use crate::auth::counts::{AuthenticationStats, Counts};
use crate::auth::fault::Fault;
use crate::auth::lease::Lapse;
use crate::auth::slowdown::{Slowdown, Source};
use crate::auth::{Attempt, AuditRecord, Config, Decision, Denial, Grant, Method, Principal};
use crate::transport::Peer;

/// What a server asks of its peers, and whom it believes.
///
/// Clones share settings, what was counted and who is slowed down; one can serve many listeners, and
/// its settings can be [replaced](Self::replace) while it does.
#[derive(Clone)]
pub struct Authentication {
    inner: Arc<Inner>,
}

struct Inner {
    config: ArcSwap<Config>,
    slowdown: Slowdown,
    counts: Counts,
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
                config: ArcSwap::from_pointee(config),
                slowdown,
                counts: Counts::default(),
            }),
        }
    }

    /// Takes other settings, for peers that come and renewals that are asked for from now on. What was
    /// counted and who is slowed down is kept; sessions that are open keep their time.
    pub fn replace(&self, config: Config) {
        self.inner.slowdown.replace(config.slowdown.clone());
        self.inner.config.store(Arc::new(config));
    }

    /// Its settings.
    pub fn config(&self) -> Arc<Config> {
        self.inner.config.load_full()
    }

    /// What was counted so far.
    pub fn stats(&self) -> AuthenticationStats {
        let mut stats = self.inner.counts.stats();
        if let Some(audit) = &self.config().audit {
            stats.audit_lines = audit.lines();
            stats.audit_errors = audit.errors();
        }
        stats
    }

    /// What a peer is before it said anything.
    pub(crate) fn standing(&self, peer: &Peer) -> Standing {
        let config = self.config();
        let methods = config.authenticators.iter().map(|one| one.method());
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
        let config = self.config();
        let mut authenticators = config.authenticators.iter();
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
        let config = self.config();
        let mut denial = Denial::NoCredential;
        let ways = [Method::Certificate, Method::Host, Method::PeerCredentials];
        let authenticators = ways.iter().flat_map(|way| {
            let all = config.authenticators.iter();
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
            Denial::NoCredential if config.anonymous => Ok(Grant::new(peer.principal())),
            denial => Err(denial),
        }
    }

    fn accepted(&self, peer: &Peer, action: &'static str, grant: Grant) -> Grant {
        let counts = &self.inner.counts;
        match action {
            RENEW => counts.renewed.increment(),
            _ => counts.accepted.increment(),
        }
        self.write_down(peer, action, Decision::Allowed, |record| {
            record.principal = &grant.principal.name;
            record.method = grant.principal.method.name();
            record.credential = &grant.credential;
        });
        grant
    }

    fn slowed(&self, peer: &Peer, action: &'static str, retry_after: Duration) -> Refused {
        self.inner.counts.slowed.increment();
        self.write_down(peer, action, Decision::Denied, |record| {
            record.reason = "slowed";
        });
        Refused::Slowed { retry_after }
    }

    fn denied(&self, peer: &Peer, action: &'static str, key: &str, denial: &Denial) -> Refused {
        self.inner.counts.denied(denial);
        let detail = denial.to_string();
        self.write_down(peer, action, Decision::Denied, |record| {
            record.reason = denial.name();
            record.credential = key;
            record.detail = &detail;
        });
        match denial {
            Denial::Expired => Refused::Expired,
            _ => Refused::Denied,
        }
    }

    /// Takes note of an opening that failed before anybody could be judged.
    pub(crate) fn note_failure(&self, peer: &Peer, error: &dyn fmt::Display) {
        self.note_turned_away(peer, "handshake", error);
    }

    /// Takes note of a peer with whom no session was even begun, and why.
    pub(crate) fn note_turned_away(
        &self,
        peer: &Peer,
        reason: &'static str,
        detail: &dyn fmt::Display,
    ) {
        self.inner.counts.unopened.increment();
        let detail = detail.to_string();
        self.write_down(peer, OPEN, Decision::Denied, |record| {
            record.reason = reason;
            record.detail = &detail;
        });
    }

    /// Takes note that a session ends because its peer is believed no longer.
    pub(crate) fn note_lapse(&self, principal: &Principal, lapse: Lapse) {
        self.inner.counts.lapsed.increment();
        if let Some(audit) = &self.config().audit {
            let mut record = AuditRecord::new(END, Decision::Ended);
            record.principal = &principal.name;
            record.method = principal.method.name();
            record.reason = match lapse {
                Lapse::Expired => "expired",
                Lapse::Revoked => "revoked",
            };
            audit.record(&record);
        }
    }

    /// Takes note that a session ends because of what came from its peer.
    pub(crate) fn note_fault(&self, peer: &Peer, fault: Fault, detail: &dyn fmt::Display) {
        let (principal, detail) = (peer.principal(), detail.to_string());
        self.write_down(peer, END, Decision::Ended, |record| {
            record.principal = &principal.name;
            record.method = principal.method.name();
            record.reason = fault.name();
            record.detail = &detail;
        });
    }

    /// Takes note of a body that is not what it says and costs its peer no more than a stream.
    pub(crate) fn note_bad_body(&self, peer: &Peer, error: &InflateError) {
        let (principal, detail) = (peer.principal(), error.to_string());
        self.write_down(peer, INFLATE, Decision::Denied, |record| {
            record.principal = &principal.name;
            record.method = principal.method.name();
            record.reason = "bad_compression";
            record.detail = &detail;
        });
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
        let config = self.config();
        let Some(audit) = &config.audit else {
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
            .field("config", &self.config())
            .finish_non_exhaustive()
    }
}

const OPEN: &str = "session.open";
const RENEW: &str = "session.renew";
const INFLATE: &str = "session.inflate";
const END: &str = "session.end";
