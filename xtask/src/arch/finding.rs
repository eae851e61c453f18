//! What a check found.

use std::fmt::Write;

use crate::arch::Check;

/// A place that breaks a rule, and what to do about it.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) problem: String,
    pub(crate) remedy: String,
    pub(crate) weight: Weight,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    Violation,
    /// Worth a look; nothing fails.
    Advice,
}

impl Finding {
    pub(crate) fn new(
        path: impl Into<String>,
        line: usize,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            path: path.into(),
            line,
            problem: problem.into(),
            remedy: remedy.into(),
            weight: Weight::Violation,
        }
    }

    pub(crate) fn advice(mut self) -> Self {
        self.weight = Weight::Advice;
        self
    }

    /// One line for people and editors.
    pub(crate) fn line_for(&self, check: &Check) -> String {
        let mut line = format!("{}:{}: ", self.path, self.line.max(1));
        if self.weight == Weight::Advice {
            line.push_str("advice, ");
        }
        if let Some(number) = check.invariant {
            let _ = write!(line, "invariant {number} ");
        }
        let _ = write!(line, "({}): {}; {}", check.name, self.problem, self.remedy);
        line
    }
}
