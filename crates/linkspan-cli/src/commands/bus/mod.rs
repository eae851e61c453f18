//! `linkspan bus`: a broker, and clients of one.

mod serve;

use clap::Subcommand;

use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// Run a broker, and publish, subscribe, send and call through it.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Options),
}

pub(crate) fn run(command: Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Serve(options) => serve::run(options, loaded, output),
    }
}
