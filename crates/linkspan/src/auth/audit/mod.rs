//! Who was let in, who did what, and why not: one line of JSON for each decision.

mod file;
mod wire;

pub use file::AuditFile;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use tracing::warn;

use crate::auth::audit::file::Writing;
use crate::counter::Counter;
use crate::transport::Peer;

/// A log of decisions about security.
///
/// Clones write to the same. A line that cannot be written is [counted](Self::errors), and does not
/// change the decision.
#[derive(Debug, Clone)]
pub struct Audit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    writing: Writing,
    lines: Counter,
    errors: Counter,
}

/// One decision.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// When it was made.
    pub time: SystemTime,
    /// What was to be done: `session.open`, `session.renew`, `session.inflate`, `session.end`, or the name of
    /// an [`Action`](crate::auth::policy::Action) such as `rpc.call`.
    pub action: &'a str,
    /// On what: the name of a method, a topic. Empty if there is only one.
    pub resource: &'a str,
    /// What was decided.
    pub decision: Decision,
    /// By whom, as far as that was proved; empty if it was not.
    pub principal: &'a str,
    /// How that was proved.
    pub method: &'a str,
    /// By which key or token: its id, and never the secret.
    pub credential: &'a str,
    /// From where.
    pub peer: Option<&'a Peer>,
    /// By which rule it was decided, or why it was denied: a name that stays the same for ever.
    pub reason: &'a str,
    /// The same for people.
    pub detail: &'a str,
}

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// It is done.
    Allowed,
    /// It is not.
    Denied,
    /// What was allowed is so no longer.
    Ended,
}

impl Decision {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::Denied => "denied",
            Self::Ended => "ended",
        }
    }
}

impl<'a> AuditRecord<'a> {
    /// A decision that is made now.
    pub fn new(action: &'a str, decision: Decision) -> Self {
        Self {
            time: SystemTime::now(),
            action,
            resource: "",
            decision,
            principal: "",
            method: "",
            credential: "",
            peer: None,
            reason: "",
            detail: "",
        }
    }

    /// The line of JSON that says so, without its end.
    pub fn to_json(&self) -> String {
        wire::line(self)
    }
}

impl Audit {
    /// A log in a file, which nobody but its owner can read.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or is open to others.
    pub fn open(path: impl AsRef<Path>, settings: AuditFile) -> io::Result<Self> {
        Ok(Self::new(Writing::open(path.as_ref(), settings)?))
    }

    /// A log that is handed on, line by line without its end. The closure must not block.
    pub fn to(sink: impl Fn(&str) -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self::new(Writing::To(Box::new(sink)))
    }

    fn new(writing: Writing) -> Self {
        Self(Arc::new(Inner {
            writing,
            lines: Counter::default(),
            errors: Counter::default(),
        }))
    }

    /// Writes a decision down.
    pub fn record(&self, record: &AuditRecord<'_>) {
        let Err(error) = self.0.writing.write(&record.to_json()) else {
            self.0.lines.increment();
            return;
        };
        // The first one says it; a full disk would fill the log of the program, too.
        if self.errors() == 0 {
            warn!(%error, "the audit log cannot be written");
        }
        self.0.errors.increment();
    }

    /// Lines that were written.
    pub fn lines(&self) -> u64 {
        self.0.lines.total()
    }

    /// Lines that could not be written.
    pub fn errors(&self) -> u64 {
        self.0.errors.total()
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
