//! What the tests need of the system besides the Rust toolchain.

use std::env;
use std::path::Path;
use std::process::Stdio;

use anyhow::{Result, bail};

use crate::shell;

/// A program, and the Debian package that has it.
struct Package {
    program: &'static str,
    name: &'static str,
    /// Who needs it.
    purpose: &'static str,
}

/// Everything, named here only.
const NEEDED: [Package; 1] = [Package {
    program: "c++",
    name: "g++",
    purpose: "libFuzzer is written in C++",
}];

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
    let Some(prefix) = privilege().filter(|_| is_installed("apt-get")) else {
        bail!(
            "cannot install without apt-get and root; install {}",
            names.join(" ")
        );
    };
    let apt = |arguments: &[&str]| {
        let words: Vec<_> = prefix.iter().chain(&["apt-get"]).chain(arguments).collect();
        let (first, rest) = words.split_first().expect("apt-get is one of the words");
        shell::run(
            shell::program(first)
                .args(rest)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )
    };
    apt(&["update", "--quiet"])?;
    let install = ["install", "--yes", "--quiet", "--no-install-recommends"];
    apt(&[&install[..], &names].concat())
}

/// What stands before a command that needs root; none if this user cannot become root unasked.
fn privilege() -> Option<&'static [&'static str]> {
    if answers("id", &["-u"]).is_some_and(|id| id.trim() == "0") {
        return Some(&[]);
    }
    answers("sudo", &["--non-interactive", "true"]).map(|_| &["sudo", "--non-interactive"][..])
}

/// What a program prints if it succeeds.
fn answers(name: &str, arguments: &[&str]) -> Option<String> {
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
