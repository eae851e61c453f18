//! What came of a run of the tests: how many, and what Wine could not do.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// What came of a run of the tests.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    ran: usize,
    passed: usize,
    /// What tests could not check, and how many said so.
    gaps: BTreeMap<String, usize>,
}

impl Outcome {
    /// Runs nextest, which writes a report (junit.xml).
    pub(super) fn of_nextest(nextest: &mut Command, report: &Path) -> Result<Self> {
        if report.exists() {
            fs::remove_file(report)?;
        }
        let result = shell::run(nextest);
        let text = fs::read_to_string(report);
        if text.is_err() {
            result?;
        }
        Self::of_junit(&text.with_context(|| format!("no report in {}", report.display()))?)
    }

    /// Runs `cargo test` and reads what it prints.
    pub(super) fn of_cargo(cargo: &mut Command) -> Result<Self> {
        let mut child = cargo
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo")?;
        let stdout = child.stdout.take().context("it is piped")?;
        let mut outcome = Self::default();
        for line in BufReader::new(stdout).lines() {
            let line = line?;
            println!("{line}");
            outcome.note_summary(&line);
            outcome.note_gap(&line);
        }
        child.wait()?;
        Ok(outcome)
    }

    /// Shows it.
    ///
    /// # Errors
    ///
    /// When a test has failed, or none has run.
    pub(super) fn conclude(&self) -> Result<()> {
        for (gap, tests) in &self.gaps {
            eprintln!("gap: {gap} ({tests} tests)");
        }
        eprintln!(
            "{} tests ran under Wine: {} passed, {} failed; {} met a gap of Wine",
            self.ran,
            self.passed,
            self.ran - self.passed,
            self.gaps.values().sum::<usize>(),
        );
        ensure!(self.ran > 0, "no test has run");
        ensure!(self.passed == self.ran, "not all tests have passed");
        Ok(())
    }

    fn of_junit(text: &str) -> Result<Self> {
        let number = |name: &str| -> Result<usize> {
            let value = text
                .split_once(&format!(" {name}=\""))
                .and_then(|(_, rest)| rest.split('"').next());
            let value = value.with_context(|| format!("the report names no {name}"))?;
            value
                .parse()
                .with_context(|| format!("{name} is no number"))
        };
        let ran = number("tests")?;
        let mut outcome = Self {
            ran,
            passed: ran.saturating_sub(number("failures")? + number("errors")?),
            gaps: BTreeMap::new(),
        };
        for line in text.lines() {
            outcome.note_gap(&without_entities(line));
        }
        Ok(outcome)
    }

    /// Reads one of cargo's summaries: `test result: ok. 3 passed; 0 failed; ...`.
    fn note_summary(&mut self, line: &str) {
        let Some(counts) = line.strip_prefix("test result: ") else {
            return;
        };
        let words: Vec<_> = counts.split([' ', ';']).collect();
        let number = |what| {
            let place = words.iter().position(|word| *word == what)?;
            words.get(place.checked_sub(1)?)?.parse::<usize>().ok()
        };
        let passed = number("passed").unwrap_or_default();
        self.passed += passed;
        self.ran += passed + number("failed").unwrap_or_default();
    }

    /// Reads what a test says about itself; the test harness may have printed its name before.
    fn note_gap(&mut self, line: &str) {
        if let Some((before, gap)) = line.split_once("gap: ")
            && (before.is_empty() || before.ends_with("... ") || before.ends_with('>'))
        {
            *self.gaps.entry(gap.trim_end().to_owned()).or_default() += 1;
        }
    }
}

fn without_entities(text: &str) -> String {
    // The ampersand comes last, or it would make new entities.
    [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&quot;", "\""),
        ("&apos;", "'"),
        ("&amp;", "&"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (entity, sign)| {
        text.replace(entity, sign)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_of_nextest_is_counted() {
        let report = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nextest-run" tests="3" failures="1" errors="0" uuid="1" time="0.1">
    <testsuite name="a::it" tests="3" disabled="0" errors="0" failures="1">
        <testcase name="b"><system-out>
running 1 test
test b ... gap: Wine has no &lt;access&gt; control
test b ... ok
gap: Wine has no &lt;access&gt; control
</system-out><system-err>what is a gap: this is not</system-err></testcase>"#;
        let outcome = Outcome::of_junit(report).unwrap();
        assert_eq!((outcome.ran, outcome.passed), (3, 2));
        let gaps = [("Wine has no <access> control".to_owned(), 2)];
        assert_eq!(outcome.gaps, BTreeMap::from(gaps));
        assert!(outcome.conclude().is_err(), "one has failed");
    }

    #[test]
    fn summaries_of_cargo_are_added() {
        let mut outcome = Outcome::default();
        for line in [
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 7 filtered out",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out",
            "test other ... ok",
        ] {
            outcome.note_summary(line);
        }
        assert_eq!((outcome.ran, outcome.passed), (9, 7));
    }

    #[test]
    fn a_run_of_nothing_is_a_failure() {
        assert!(Outcome::default().conclude().is_err());
    }
}
