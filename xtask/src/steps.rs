//! Work in steps: a heading for each, the time that it took, and a summary.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// Steps that were done.
#[derive(Debug)]
pub(crate) struct Steps {
    done: Vec<(&'static str, Duration)>,
    began: Instant,
}

impl Steps {
    pub(crate) fn new() -> Self {
        Self {
            done: Vec::new(),
            began: Instant::now(),
        }
    }

    /// Does one step; `remedy` says what to do if it fails.
    ///
    /// # Errors
    ///
    /// Those of the step, after a summary of all steps so far.
    pub(crate) fn step<T>(
        &mut self,
        name: &'static str,
        remedy: &str,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        eprintln!("\n== {name}");
        let began = Instant::now();
        let result = work();
        self.done.push((name, began.elapsed()));
        if result.is_err() {
            self.report("failed at the last one");
        }
        result.with_context(|| format!("{name} failed; {remedy}"))
    }

    /// Shows what was done, and how long it took.
    pub(crate) fn report(&self, outcome: &str) {
        eprintln!("\n== Steps, {outcome}");
        for (name, time) in &self.done {
            eprintln!("{:>8.1} s  {name}", time.as_secs_f64());
        }
        eprintln!("{:>8.1} s  in all", self.began.elapsed().as_secs_f64());
    }
}
