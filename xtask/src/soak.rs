//! `cargo xtask soak`: what the bus promises for large numbers.

use anyhow::Result;

use crate::shell;

/// Run the tests of the bus at their full numbers, with optimisations
///
/// All of them are, among others, 10,000,000 messages for eight fast subscribers and a slow one; 10,000
/// clients that come and go under the same names, over each transport, native and of BUS/RT; 10,000
/// subscribes among 100,000 masks in less than a second. The ordinary tests do a little of the same.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// How much of each
    #[arg(long, default_value_t = 100, value_name = "PERCENT")]
    percent: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut tests = shell::cargo();
    tests
        .args(["nextest", "run", "--profile", "soak", "--release"])
        .args(["-p", "linkspan", "--all-features", "--test", "it"])
        .args(["-E", "test(bus_soak)", "--success-output", "immediate"])
        .env("LINKSPAN_SOAK_PERCENT", options.percent.to_string());
    shell::run(&mut tests)
}
