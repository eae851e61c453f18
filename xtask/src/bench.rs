//! `cargo xtask bench`.

use anyhow::Result;

/// Not there yet.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    anyhow::bail!("not there yet")
}
