//! `cargo xtask busrt`: the commands of the program busrt, with `linkspan bus serve` in place of its
//! own broker.

mod broker;
mod commands;
mod tool;

use anyhow::{Context, Result};

use crate::busrt::broker::Broker;
use crate::busrt::tool::Tool;
use crate::programs;
use crate::shell;

/// Run every command of the program busrt against our broker, over a Unix socket, TCP and WebSocket
///
/// The program is that of crates.io, unmodified; the first time it is compiled, into a directory of its
/// version in bench/target/peers. `cargo xtask bench tool` does the same before it measures.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Operations of each stage of the tool's benchmark, by 8 workers together
    #[arg(long, default_value_t = 8000, value_name = "N")]
    iterations: u32,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let (_, directory) = programs::BUSRT.place()?;
    shell::run(shell::cargo().args(["build", "--quiet", "--package", "linkspan-cli"]))?;
    for address in 0..broker::ADDRESSES {
        let broker = Broker::start()?;
        let place = broker.place(address)?;
        let tool = Tool::new(directory.join("busrt"), place.to_owned());
        let did = commands::all(&tool, broker, options.iterations);
        did.with_context(|| format!("at {}", tool.place()))?;
        eprintln!("every command of busrt works at {}", tool.place());
    }
    Ok(())
}
