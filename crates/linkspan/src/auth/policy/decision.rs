//! What was decided, and by what.

use std::fmt;
use std::sync::Arc;

/// Whether something may be done, and the rule that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "nothing is held back by deciding"]
pub struct Decision {
    /// Whether it may be done.
    pub permitted: bool,
    /// What decided.
    pub rule: Rule,
}

/// What decided.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// The user whose process this is may do everything.
    Owner,
    /// A role permits it.
    Role {
        /// Its name.
        role: Arc<str>,
        /// Its right that covers it.
        capability: Arc<str>,
    },
    /// A condition permits or forbids it.
    Condition {
        /// Its name: the annotation `@id`, or its file and place there.
        id: String,
    },
    /// A condition that forbids something could not be judged.
    Unjudged {
        /// Its name.
        id: String,
        /// Why it could not be.
        reason: String,
    },
    /// Nothing permits it.
    Nothing,
    /// Whoever is asked to do it never does, whatever the policy permits.
    Fixed {
        /// What sort of rule it is, in a name that stays the same for ever.
        name: &'static str,
        /// The same for people.
        text: &'static str,
    },
}

impl Decision {
    pub(super) fn permit(rule: Rule) -> Self {
        Self {
            permitted: true,
            rule,
        }
    }

    pub(super) fn deny(rule: Rule) -> Self {
        Self {
            permitted: false,
            rule,
        }
    }
}

impl Rule {
    /// What sort of rule it is, in a name that stays the same for ever.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Role { .. } => "role",
            Self::Condition { .. } => "condition",
            Self::Unjudged { .. } => "unjudged",
            Self::Nothing => "no_right",
            Self::Fixed { name, .. } => name,
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("the owner may do everything"),
            Self::Role { role, capability } => write!(f, "role {role}: {capability}"),
            Self::Condition { id } => write!(f, "condition {id}"),
            Self::Unjudged { id, reason } => {
                write!(f, "condition {id} cannot be judged: {reason}")
            }
            Self::Nothing => f.write_str("nothing permits it"),
            Self::Fixed { text, .. } => f.write_str(text),
        }
    }
}
