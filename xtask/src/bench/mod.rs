//! `cargo xtask bench`: Linkspan against its peers and against the raw socket.

use std::process::Command;
use std::{env, path};

use anyhow::Result;

use crate::{command, programs, shell};

/// Measures Linkspan, its peers and raw sockets, and writes docs/benchmarks.md.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only sees whether everything works: raw sockets and ours, one short round, no documents
    #[arg(long)]
    smoke: bool,
    /// Counts instructions per call under valgrind instead
    #[arg(long, conflicts_with_all = ["smoke", "arguments"])]
    instructions: bool,
    /// Goes to the bench: --peer NAME..., --scenario NAME..., --rounds N, --seconds S, --no-docs,
    /// --json FILE; or `tool`, which does what `cargo xtask busrt` does and then has the benchmark of
    /// the program busrt measure its broker and ours, with --runs N, --finishes N, --iterations N. The
    /// peer daemon-cli takes part if `LINKSPAN_BENCH_DAEMON_CLI` names a program
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    if options.arguments.first().is_some_and(|word| word == "tool") {
        command(&["busrt"])?;
    }
    // Each by itself: what is built together gets all features together, and is larger for it.
    for package in ["linkspan-bench-command", "linkspan-bench-plugin"] {
        shell::run(cargo("build").args(["--package", package]))?;
    }
    let mut bench = cargo("run");
    // What needs no peers shall not wait until they are compiled.
    if !options.smoke && !options.instructions {
        bench.args(["--features", "peers"]);
        bring_programs(&mut bench);
    }
    bench.arg("--");
    if options.instructions {
        bench.arg("instructions");
    }
    if options.smoke {
        bench.arg("--smoke");
    }
    // The bench has another current directory.
    if let Some(program) = env::var_os(DAEMON_CLI).filter(|path| !path.is_empty()) {
        bench.env(DAEMON_CLI, path::absolute(program)?);
    }
    shell::run(bench.args(&options.arguments))
}

/// Tells the bench of peers that are programs; it says itself which it has to do without.
fn bring_programs(command: &mut Command) {
    for program in programs::ALL {
        match program.place() {
            Ok((variable, place)) => {
                command.env(variable, place);
            }
            Err(error) => eprintln!("{} cannot be had: {error:#}", program.shown()),
        }
    }
}

fn cargo(verb: &str) -> Command {
    let mut command = shell::cargo();
    let release = [
        "--release",
        "--quiet",
        "--manifest-path",
        "bench/Cargo.toml",
    ];
    command.arg(verb).args(release);
    command
}

/// Names the program of a peer; see `bench/src/peers/daemon_cli.rs`.
const DAEMON_CLI: &str = "LINKSPAN_BENCH_DAEMON_CLI";
