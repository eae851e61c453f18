//! Who may do what on a bus.

use std::fmt;
use std::sync::Arc;

use proto::topic::Mask;

use crate::auth::Principal;
use crate::bus::broker::Member;

/// What a client wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action<'a> {
    /// Publish under a topic.
    Publish(&'a str),
    /// Subscribe to all topics of a mask. A right to masks covers it if it
    /// [is a subset](Mask::is_subset_of) of one of them.
    Subscribe(&'a Mask),
    /// Send to the client of a name, or, in a broadcast, to all whose names a mask stands for.
    Send(&'a str),
    /// Watch what others send, whoever they are. Whoever may, sees everything.
    Tap,
    /// See messages that could not be delivered, whoever sent them, have them delivered or forgotten.
    DeadLetters,
}

/// Decides who may do what; asked at each operation of each client.
#[derive(Clone, Default)]
pub(crate) struct Authorize(Option<Rule>);

type Rule = Arc<dyn Fn(&Principal, Action<'_>) -> bool + Send + Sync>;

impl Authorize {
    pub(crate) fn new(
        rule: impl Fn(&Principal, Action<'_>) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self(Some(Arc::new(rule)))
    }

    /// Whether a client may do it.
    pub(crate) fn permits(&self, member: &Member, action: Action<'_>) -> bool {
        let permits = |rule: &Rule| rule(member.principal(), action);
        self.0.as_ref().is_none_or(permits)
    }
}

impl fmt::Debug for Authorize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Some(_) => "a rule",
            None => "everybody may do everything",
        })
    }
}
