//! The project's own commands, run as `cargo xtask COMMAND`.

use anyhow::Result;
use clap::{Parser, Subcommand};

mod bench;
mod fuzz;
mod shell;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Bench(bench::Options),
    Fuzz(fuzz::Options),
}

fn main() -> Result<()> {
    match Arguments::parse().command {
        Command::Bench(options) => bench::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
    }
}
