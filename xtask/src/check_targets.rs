//! `cargo xtask check-targets`: whether the code compiles for systems that are not this one.

use anyhow::Result;

use crate::cross::{self, Cross, Standard, WINDOWS};
use crate::shell;
use crate::steps::Steps;

/// Check all crates for macOS, FreeBSD and Windows, by clippy
///
/// Nothing is linked or run. The first time, a second compiler is fetched and std built for each
/// target: some minutes. Needs Debian on amd64, and root where a package is missing.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    #[command(flatten)]
    directory: cross::Directory,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::new();
    let cross = steps.step("Toolchain", cross::REMEDY, || {
        Cross::set_up(&options.directory, &TARGETS)
    })?;
    for (target, _) in TARGETS {
        let remedy = "what does not compile there is named above";
        steps.step(target, remedy, || check(&cross, target))?;
    }
    steps.report("all well");
    Ok(())
}

fn check(cross: &Cross, target: &str) -> Result<()> {
    let mut clippy = cross.checking_cargo(target);
    clippy
        .args(["clippy", "--target", target])
        .args(["--workspace", "--exclude", "xtask"])
        .args(["--all-targets", "--all-features"]);
    shell::run(clippy.args(["--", "-D", "warnings"]))
}

/// The lane `windows` links, so it needs more; a std of both kinds would be built twice.
const TARGETS: [(&str, Standard); 3] = [
    ("aarch64-apple-darwin", Standard::Metadata),
    ("x86_64-unknown-freebsd", Standard::Metadata),
    (WINDOWS, Standard::Complete),
];
