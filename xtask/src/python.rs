//! `cargo xtask python`: the Python packages whose programs the tests run; the tests of our own.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::{packages, shell};

/// Install the Python packages that tests run, in target/python-venv
///
/// Does nothing if they are there. `cargo xtask test` calls it.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_: &Options) -> Result<()> {
    install()
}

/// Makes the environment, unless it has what is wanted.
///
/// # Errors
///
/// When Python is missing and cannot be installed, or a package cannot be had.
pub(crate) fn install() -> Result<()> {
    let wanted = fs::read_to_string(requirements()).context(REQUIREMENTS)?;
    if fs::read_to_string(installed()).is_ok_and(|installed| installed == wanted) {
        eprintln!("nothing is missing");
        return Ok(());
    }
    // Debian has the modules in a package of their own.
    if packages::answers("python3", &["-c", "import venv, ensurepip"]).is_none() {
        packages::install(&["python3-venv"])?;
    }
    let environment = environment();
    shell::run(
        shell::program("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&environment),
    )?;
    let python = environment.join("bin/python");
    shell::run(
        shell::program(&python.to_string_lossy())
            .args([
                "-m",
                "pip",
                "install",
                "--quiet",
                "--disable-pip-version-check",
            ])
            .args(["--no-deps", "--require-hashes", "--requirement"])
            .arg(requirements()),
    )?;
    fs::write(installed(), wanted).context("cannot note what is installed")
}

/// Runs the tests of the package for plugins, which need nothing but Python.
///
/// # Errors
///
/// When one of them fails.
pub(crate) fn test() -> Result<()> {
    shell::run(
        shell::program("python3")
            .args(["-W", "error::ResourceWarning", "-m", "unittest", "discover"])
            .args(["--top-level-directory", SDK, "--start-directory"])
            .arg(format!("{SDK}/tests")),
    )
}

fn environment() -> PathBuf {
    shell::root().join("target/python-venv")
}

/// What was installed last: written when all of it was.
fn installed() -> PathBuf {
    environment().join("installed.txt")
}

fn requirements() -> PathBuf {
    shell::root().join(REQUIREMENTS)
}

/// The package for plugins in Python.
const SDK: &str = "sdk/python";
/// The packages, with versions and sums.
const REQUIREMENTS: &str = "crates/linkspan/tests/it/bus_python/requirements.txt";
