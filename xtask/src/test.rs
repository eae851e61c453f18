//! `cargo xtask test`: everything that has to hold, step by step.

use anyhow::Result;

use crate::steps::Steps;
use crate::{command, packages, python, shell};

/// Run all tests: what CI calls, and what runs before a change is handed in
///
/// Installs missing system packages by apt-get if it may; never compiles a tool. Uses cargo-nextest
/// where it is installed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Leave out the short runs of the fuzzer and the benchmarks
    #[arg(long)]
    quick: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::new();
    if !options.quick {
        let remedy = "install what is named above, or run with --quick";
        steps.step("System packages", remedy, packages::install_missing)?;
    }
    let remedy = "install python3 with its module venv; pip needs pypi.org or a mirror";
    steps.step("Python packages", remedy, python::install)?;
    let remedy = "run the test that is named above by `cargo test -p CRATE NAME`";
    steps.step("Tests", remedy, tests)?;
    let remedy = "run it alone by `python3 -m unittest tests.MODULE` in sdk/python";
    steps.step("Tests of the Python package", remedy, python::test)?;
    let remedy = "run it alone by `cargo test -p CRATE --doc`";
    steps.step("Examples in the documentation", remedy, doctests)?;
    if !options.quick {
        let remedy = "the command that repeats the finding is printed above";
        steps.step("Fuzz targets, a few seconds each", remedy, || {
            command(&["fuzz", "all", "--smoke"])
        })?;
        let remedy = "run it alone by `cargo xtask bench --smoke`";
        steps.step("Benchmarks, to see that they run", remedy, || {
            command(&["bench", "--smoke"])
        })?;
    }
    steps.report("all well");
    Ok(())
}

fn tests() -> Result<()> {
    let mut cargo = shell::cargo();
    if shell::has_nextest() {
        cargo.args(["nextest", "run", "--profile", "ci"]);
    } else {
        cargo.args([
            "test",
            "--lib",
            "--bins",
            "--tests",
            "--examples",
            "--no-fail-fast",
        ]);
    }
    shell::run(cargo.args(EVERYTHING))
}

/// Nextest does not run these.
fn doctests() -> Result<()> {
    shell::run(shell::cargo().args(["test", "--doc"]).args(EVERYTHING))
}

const EVERYTHING: [&str; 2] = ["--workspace", "--all-features"];
