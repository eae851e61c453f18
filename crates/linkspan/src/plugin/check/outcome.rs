//! What became of a clause.

use crate::plugin::check::Clause;

/// What became of one clause.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Outcome {
    /// The clause.
    pub clause: &'static Clause,
    /// Whether the plugin keeps to it.
    pub verdict: Verdict,
    /// What the plugin's last process wrote to standard error, the last lines of it, if it broke the
    /// clause.
    pub said: Vec<String>,
}

/// Whether a plugin keeps to a clause.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// It does.
    Kept,
    /// It does not.
    Broken {
        /// What was to come.
        expected: String,
        /// What came instead.
        found: String,
    },
    /// It cannot be tried out with this plugin, or on this system.
    Skipped {
        /// Why not.
        why: String,
    },
}

/// What became of all clauses.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Report {
    /// One for each clause, in their order.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    /// Those that the plugin does not keep to.
    pub fn broken(&self) -> impl Iterator<Item = &Outcome> {
        let is_broken = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Broken { .. });
        self.outcomes.iter().filter(is_broken)
    }

    /// Those that could not be tried out.
    pub fn skipped(&self) -> impl Iterator<Item = &Outcome> {
        let is_skipped = |outcome: &&Outcome| matches!(outcome.verdict, Verdict::Skipped { .. });
        self.outcomes.iter().filter(is_skipped)
    }

    /// Whether the plugin keeps to all clauses that could be tried out.
    pub fn is_conformant(&self) -> bool {
        self.broken().next().is_none()
    }
}
