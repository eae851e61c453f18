//! What can be typed.

use clap::{Args, Parser, Subcommand, ValueEnum};
use procwatch::wire::Rule;

/// Watch the processes of this machine
#[derive(Debug, Parser)]
#[command(name = "procwatch", version, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Verb,
    /// Print JSON, an object on each line
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Show which processes start and end, or those that fit rules, until ^C
    Watch(Watch),
    /// List the processes that use most
    Top(Top),
    /// List the rules that are watched now
    Rules,
    /// Say how the daemon and its collector are doing
    Status,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Alert of processes that fit: name=PART, cpu>PERCENT, memory>MIB, or several of these with
    /// commas between them
    #[arg(long = "rule", short, value_name = "RULE")]
    pub(crate) rules: Vec<Rule>,
    /// End after so many lines
    #[arg(long, short = 'n', value_name = "LINES")]
    pub(crate) count: Option<u64>,
}

#[derive(Debug, Args)]
pub(crate) struct Top {
    /// Which come first
    #[arg(long, short, value_enum, default_value_t = Sort::Cpu)]
    pub(crate) sort: Sort,
    /// How many
    #[arg(long, short = 'n', value_name = "PROCESSES", default_value_t = 20)]
    pub(crate) count: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Sort {
    Cpu,
    Memory,
}

const AFTER_HELP: &str = "\
The first command starts a daemon, which goes on; `procwatch --daemon help` says how to stop it.

Exit codes: 0; 1 if it failed; 2 for wrong usage; 125 and 126 for troubles with the daemon.";
