//! `cargo xtask race`: many clients that start at once find one daemon, over and over.

use anyhow::Result;

use crate::shell;

/// Race twenty clients for one daemon: at its start, while it stops, and while it is killed
///
/// The ordinary tests do twenty rounds of the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds of each race
    #[arg(long, default_value_t = 1000)]
    rounds: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut tests = shell::cargo();
    tests
        .args(["nextest", "run", "--profile", "race"])
        .args(["-p", "linkspan", "--all-features", "--test", "it"])
        .args(["-E", "test(daemon_lifecycle::races)"])
        .env("LINKSPAN_RACE_ROUNDS", options.rounds.to_string());
    shell::run(&mut tests)
}
