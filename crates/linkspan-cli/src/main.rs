//! The command line of Linkspan: runs a node, and lets a person see, test and drive it.

mod cli;
mod commands;
mod config;
mod failure;
mod logging;
mod node;
mod output;
mod signals;

use std::process::ExitCode;

use clap::Parser;

use crate::cli::Arguments;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = output::Output::new(arguments.json, arguments.color);
    match commands::run(arguments, &output) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever reads has seen enough, as `head` has.
        Err(failure) if failure.is_closed_pipe() => ExitCode::SUCCESS,
        Err(failure) => {
            output.failure(&failure);
            failure.exit_code()
        }
    }
}
