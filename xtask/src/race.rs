//! `cargo xtask race`: what daemons and sandboxes promise, over and over, in real processes.

use anyhow::Result;

use crate::shell;

/// Run the tests of daemons, and of programs that outlive nobody, at their full numbers
///
/// A thousand rounds are, among others, 1,000 races of twenty clients for one daemon, at its start,
/// while it stops and while it is killed; 200 daemons killed while they work; 100 changes of the
/// build with a command running; 10,000 commands that leave nothing behind; 1 GiB, byte by byte. And
/// 200 hosts of sandboxed programs killed, and 200 of plugins, at each level and as each kind of user;
/// and a GiB on the stdout of a plugin.
/// Fewer rounds are as much less of each. The ordinary tests do a little of the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds of each race
    #[arg(long, default_value_t = 1000)]
    rounds: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    // Nextest builds the tests, and not the programs that they run.
    shell::run(shell::cargo().arg("build").args(LIBRARY).arg("--examples"))?;
    let mut tests = shell::cargo();
    tests
        .args(["nextest", "run", "--profile", "race"])
        .args(LIBRARY)
        .args(["-p", "linkspan-os", "--test", "it"])
        .args([
            "-E",
            "test(daemon_lifecycle) + test(outlives_a_killed_host) + test(plugin_hostile::attacks)",
        ])
        .env("LINKSPAN_RACE_ROUNDS", options.rounds.to_string());
    shell::run(&mut tests)
}

const LIBRARY: [&str; 3] = ["-p", "linkspan", "--all-features"];
