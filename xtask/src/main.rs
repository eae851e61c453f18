//! The project's own commands, run as `cargo xtask COMMAND`.
#![expect(
    clippy::print_stderr,
    clippy::print_stdout,
    reason = "these are programs for people"
)]

use anyhow::Result;
use clap::{Parser, Subcommand};

mod arch;
mod bench;
mod busrt;
mod check_targets;
mod cross;
mod docs;
mod fuzz;
mod packages;
mod programs;
mod python;
mod race;
mod schema;
mod shape;
mod shell;
mod soak;
mod steps;
mod test;
mod windows;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Arch(arch::Options),
    Bench(bench::Options),
    Busrt(busrt::Options),
    CheckTargets(check_targets::Options),
    Docs(docs::Options),
    Fuzz(fuzz::Options),
    Python(python::Options),
    Race(race::Options),
    Schema(schema::Options),
    Shape(shape::Options),
    Soak(soak::Options),
    Test(test::Options),
    Windows(windows::Options),
}

fn main() -> Result<()> {
    run(Arguments::parse())
}

/// Runs another command, as if it had been typed.
fn command(words: &[&str]) -> Result<()> {
    run(Arguments::try_parse_from([&["xtask"], words].concat())?)
}

fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Arch(options) => arch::run(&options),
        Command::Bench(options) => bench::run(&options),
        Command::Busrt(options) => busrt::run(&options),
        Command::CheckTargets(options) => check_targets::run(&options),
        Command::Docs(options) => docs::run(&options),
        Command::Fuzz(options) => fuzz::run(&options),
        Command::Python(options) => python::run(&options),
        Command::Race(options) => race::run(&options),
        Command::Schema(options) => schema::run(&options),
        Command::Shape(options) => shape::run(&options),
        Command::Soak(options) => soak::run(&options),
        Command::Test(options) => test::run(&options),
        Command::Windows(options) => windows::run(&options),
    }
}
