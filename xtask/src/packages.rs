//! What the project's commands need of the system besides the Rust toolchain.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Context, Result, bail};

use crate::shell;

/// A program, and the Debian package that has it.
struct Package {
    program: &'static str,
    name: &'static str,
    /// Who needs it.
    purpose: &'static str,
}

/// What the tests need.
const NEEDED: [Package; 2] = [
    Package {
        program: "c++",
        name: "g++",
        purpose: "libFuzzer is written in C++",
    },
    Package {
        program: "openssl",
        name: "openssl",
        purpose: "tests connect by a TLS of another make",
    },
];

/// Installs what is missing, if this user may.
///
/// # Errors
///
/// When something is missing and cannot be installed; the error names it.
pub(crate) fn install_missing() -> Result<()> {
    let missing: Vec<_> = NEEDED
        .iter()
        .filter(|package| !is_installed(package.program))
        .collect();
    for package in &missing {
        eprintln!("{} is missing: {}", package.program, package.purpose);
    }
    if missing.is_empty() {
        eprintln!("nothing is missing");
        return Ok(());
    }
    let names: Vec<_> = missing.iter().map(|package| package.name).collect();
    install(&names)
}

/// Installs Debian packages.
///
/// # Errors
///
/// When this user may not, or there is no such package.
pub(crate) fn install(names: &[&str]) -> Result<()> {
    update()?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&install[..], names].concat())
        .with_context(|| format!("cannot install {}", names.join(" ")))
}

/// Brings the list of Debian packages up to date.
///
/// # Errors
///
/// When this user may not, or no archive answers.
pub(crate) fn update() -> Result<()> {
    apt(&["update", "--quiet"])
}

fn apt(arguments: &[&str]) -> Result<()> {
    let Some(prefix) = privilege().filter(|_| is_installed("apt-get")) else {
        bail!(
            "cannot run without apt-get and root: apt-get {}",
            arguments.join(" ")
        );
    };
    let words: Vec<_> = prefix.iter().chain(&["apt-get"]).chain(arguments).collect();
    let (first, rest) = words.split_first().expect("apt-get is one of the words");
    shell::run(
        shell::program(first)
            .args(rest)
            .env("DEBIAN_FRONTEND", "noninteractive"),
    )
}

/// What stands before a command that needs root; none if this user cannot become root unasked.
fn privilege() -> Option<&'static [&'static str]> {
    if answers("id", &["-u"]).is_some_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    answers("sudo", &["--non-interactive", "true"]).map(|_| &["sudo", "--non-interactive"][..])
}

/// What a program prints if it succeeds.
pub(crate) fn answers(name: &str, arguments: &[&str]) -> Option<String> {
    let mut program = shell::program(name);
    let output = program
        .args(arguments)
        .stderr(Stdio::null())
        .output()
        .ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    output.status.success().then_some(text)
}

fn is_installed(program: &str) -> bool {
    let directories = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&directories).any(|directory| is_file(&directory.join(program)))
}

fn is_file(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.is_file())
}
