//! What is counted of those who want to be believed.

use crate::auth::Denial;
use crate::counter::Counter;

/// What was counted by an [`Authentication`](crate::auth::Authentication).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthenticationStats {
    /// Peers that wanted to be let in, or to be believed for longer: the sum of `accepted`, `renewed`,
    /// `denied`, `expired` and `slowed`.
    pub attempts: u64,
    /// Peers that were let in.
    pub accepted: u64,
    /// Renewals of sessions.
    pub renewed: u64,
    /// Attempts that failed, but those of the next two sorts.
    pub denied: u64,
    /// The same by their reasons.
    pub reasons: DenialStats,
    /// Attempts by a right credential that had expired.
    pub expired: u64,
    /// Attempts that were not looked at, because too many before had failed.
    pub slowed: u64,
    /// Sessions that ended because their time was up or their credential was revoked.
    pub lapsed: u64,
    /// Lines that were written to the present audit log.
    pub audit_lines: u64,
    /// Lines that could not be written to it.
    pub audit_errors: u64,
}

/// Why peers were not believed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DenialStats {
    /// They had nothing that is taken here, or named a key that there is not.
    pub unknown: u64,
    /// What they proved is wrong: forged, or of another key or algorithm, or malformed.
    pub wrong: u64,
    /// It is meant for somebody else, is by somebody else, or came over a link that others may read.
    pub misplaced: u64,
    /// It does not hold yet, was revoked, or holds once and was used.
    pub invalid: u64,
    /// Nobody could be judged: the session, or the transport below it, did not come about.
    pub unopened: u64,
}

/// Where an authentication counts.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) accepted: Counter,
    pub(super) renewed: Counter,
    pub(super) expired: Counter,
    pub(super) slowed: Counter,
    pub(super) lapsed: Counter,
    pub(super) unopened: Counter,
    unknown: Counter,
    wrong: Counter,
    misplaced: Counter,
    invalid: Counter,
}

impl Counts {
    /// Counts somebody who was not believed.
    pub(super) fn denied(&self, denial: &Denial) {
        let count = match denial {
            Denial::Expired => &self.expired,
            Denial::NoCredential | Denial::Method(_) | Denial::UnknownKey(_) => &self.unknown,
            Denial::WrongProof
            | Denial::Signature
            | Denial::Algorithm(_)
            | Denial::Malformed(_) => &self.wrong,
            Denial::Audience | Denial::Issuer | Denial::OtherPrincipal(_) | Denial::OpenLink => {
                &self.misplaced
            }
            Denial::NotYetValid | Denial::Revoked | Denial::Used => &self.invalid,
        };
        count.increment();
    }

    /// All but what is written down.
    pub(super) fn stats(&self) -> AuthenticationStats {
        let reasons = DenialStats {
            unknown: self.unknown.total(),
            wrong: self.wrong.total(),
            misplaced: self.misplaced.total(),
            invalid: self.invalid.total(),
            unopened: self.unopened.total(),
        };
        let denied = reasons.total();
        let (accepted, renewed) = (self.accepted.total(), self.renewed.total());
        let (expired, slowed) = (self.expired.total(), self.slowed.total());
        AuthenticationStats {
            attempts: accepted + renewed + denied + expired + slowed,
            accepted,
            renewed,
            denied,
            reasons,
            expired,
            slowed,
            lapsed: self.lapsed.total(),
            ..AuthenticationStats::default()
        }
    }
}

impl DenialStats {
    fn total(&self) -> u64 {
        self.unknown + self.wrong + self.misplaced + self.invalid + self.unopened
    }
}
