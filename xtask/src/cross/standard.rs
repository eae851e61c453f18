//! The standard library for a target, built from the compiler's own sources.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cross::toolchain::Toolchain;
use crate::shell;

/// How much of a standard library a target gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standard {
    /// Enough to link programs.
    Complete,
    /// Enough to check types; half the work.
    Metadata,
}

impl Standard {
    /// What cargo does for it, and the files that come of it.
    fn command(self) -> (&'static str, &'static str) {
        match self {
            Self::Complete => ("build", "rlib"),
            Self::Metadata => ("check", "rmeta"),
        }
    }
}

/// Builds it, unless it is there.
pub(super) fn set_up(
    directory: &Path,
    toolchain: &Toolchain,
    target: &str,
    standard: Standard,
) -> Result<()> {
    let libraries = toolchain.libraries(target);
    let mark = libraries.join(".std");
    let (command, extension) = standard.command();
    if fs::read_to_string(&mark).is_ok_and(|built| built.trim() == command) {
        return Ok(());
    }
    let scratch = directory.join("std-build");
    let mut cargo = shell::cargo();
    toolchain.choose(&mut cargo);
    cargo
        .current_dir(toolchain.sources().join("sysroot"))
        .args([command, "--release", "--locked", "--target", target])
        .args(["--features", "panic-unwind backtrace", "--target-dir"])
        .arg(&scratch)
        .env("CARGO_INCREMENTAL", "0")
        .env("RUSTC_BOOTSTRAP", "1")
        .env(
            "RUSTFLAGS",
            "-Zforce-unstable-if-unmarked -Cembed-bitcode=yes",
        );
    shell::run(&mut cargo).with_context(|| format!("no std for {target}"))?;

    if libraries.exists() {
        fs::remove_dir_all(&libraries)?;
    }
    fs::create_dir_all(&libraries)?;
    let built = scratch.join(target).join("release/deps");
    copy(&built, extension, &libraries)?;
    fs::remove_dir_all(scratch)?;
    // Cargo does not notice a new std of the same release; what was built with the old one must go.
    let stale = directory.join("target").join(target);
    if stale.exists() {
        fs::remove_dir_all(stale)?;
    }
    Ok(fs::write(mark, command)?)
}

fn copy(from: &Path, extension: &str, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        if entry.path().extension().is_some_and(|it| it == extension) {
            fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}
