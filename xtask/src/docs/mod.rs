//! `cargo xtask docs`: the reference builds without a warning, and documents link to what exists.

mod links;

use anyhow::{Result, ensure};

use crate::shell;

/// Build the reference, and check the links of all documents
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Check the links only
    #[arg(long)]
    links: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let broken = links::broken(&shell::root())?;
    for link in &broken {
        println!("{link}");
    }
    ensure!(broken.is_empty(), "{} links lead nowhere", broken.len());
    if options.links {
        return Ok(());
    }
    shell::run(
        shell::cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-Dwarnings"),
    )
}
