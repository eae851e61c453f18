//! `linkspan transport test | recommend`.

use clap::Subcommand;

use crate::commands::{measure, recommend};
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// Measure transports, and find the right one.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Test(measure::Options),
    Recommend(recommend::Options),
}

pub(crate) fn run(command: Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Test(options) => measure::run(&options, loaded, output),
        Command::Recommend(options) => recommend::run(&options, output),
    }
}
