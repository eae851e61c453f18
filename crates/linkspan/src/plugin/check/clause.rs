//! Clauses of the protocol.

use std::fmt;
use std::pin::Pin;

use crate::plugin::check::bench::Bench;
use crate::plugin::check::clauses;
use crate::plugin::check::stop::Stop;

/// A clause of the protocol, and how it is tried out.
pub struct Clause {
    name: &'static str,
    section: &'static str,
    rule: &'static str,
    pub(super) trial: for<'a> fn(&'a mut Bench) -> Trial<'a>,
}

/// A clause that is being tried out.
pub(super) type Trial<'a> = Pin<Box<dyn Future<Output = Result<(), Stop>> + Send + 'a>>;

impl Clause {
    pub(super) const fn new(
        name: &'static str,
        section: &'static str,
        rule: &'static str,
        trial: for<'a> fn(&'a mut Bench) -> Trial<'a>,
    ) -> Self {
        Self {
            name,
            section,
            rule,
            trial,
        }
    }

    /// All clauses, in the order in which they are tried out.
    pub fn all() -> impl Iterator<Item = &'static Self> {
        clauses::all()
    }

    /// The clause of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::all().find(|clause| clause.name == name)
    }

    /// Its name, which stays what it is.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The section of docs/protocol.md that it is from.
    pub fn section(&self) -> &'static str {
        self.section
    }

    /// What it says, in a sentence.
    pub fn rule(&self) -> &'static str {
        self.rule
    }
}

impl fmt::Debug for Clause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            section,
            rule,
            trial: _,
        } = self;
        let mut debug = f.debug_struct("Clause");
        debug.field("name", name).field("section", section);
        debug.field("rule", rule).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn clauses_have_names_of_their_own_and_sections_that_exist() {
        let specification = include_str!("../../../../../docs/protocol.md");
        let mut names = BTreeSet::new();
        for clause in Clause::all() {
            assert!(names.insert(clause.name()), "{clause:?} is there twice");
            let heads = [
                format!("\n## {}. ", clause.section()),
                format!("\n### {} ", clause.section()),
            ];
            let is_there = heads.iter().any(|head| specification.contains(head));
            assert!(is_there, "{clause:?} is from no section");
        }
    }
}
