//! `linkspan transport`.

use clap::Subcommand;

use crate::commands::{analyze, health, measure, monitor, recommend, switch};
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// See how transports are doing, measure them, find the right one, and switch backends.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Status(health::Options),
    Monitor(monitor::Options),
    Analyze(analyze::Options),
    Test(measure::Options),
    Switch(switch::Options),
    Recommend(recommend::Options),
}

pub(crate) fn run(command: Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Status(options) => health::run(options, loaded, output),
        Command::Monitor(options) => monitor::run(options, loaded, output),
        Command::Analyze(options) => analyze::run(options, loaded, output),
        Command::Test(options) => measure::run(&options, loaded, output),
        Command::Switch(options) => switch::run(options, loaded, output),
        Command::Recommend(options) => recommend::run(&options, output),
    }
}
