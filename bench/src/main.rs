//! Linkspan against its peers and against the raw socket.
//!
//! ```text
//!   main ──► run ──► process ══ this program again, as `server` and as `client` (child)
//!             │                                            │
//!             ▼                                            ▼
//!          results ──► report (tables, plots)     scenarios x peers ──► one Sample
//! ```
//!
//! Peers are servers with clients, programs that the client starts (program), or processes that it starts
//! and calls (starter). The bench starts a fresh server and a fresh client for each sample; peers alternate,
//! and what is compared are ratios within one run. It needs Linux, for `/proc`.

mod bus;
mod child;
mod figures;
mod instructions;
mod keeper;
mod machine;
mod peer;
mod peers;
mod process;
mod program;
mod report;
mod results;
mod run;
mod scenarios;
mod starter;
#[cfg(feature = "peers")]
mod tool;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(about = "Linkspan against its peers and against the raw socket")]
struct Arguments {
    #[command(subcommand)]
    role: Option<Role>,
    #[command(flatten)]
    options: run::Options,
}

#[derive(Debug, Subcommand)]
enum Role {
    /// Counts instructions per call under valgrind.
    Instructions,
    /// Has the program busrt measure its own broker and ours.
    #[cfg(feature = "peers")]
    Tool(tool::Options),
    /// Answers until standard input ends.
    #[command(hide = true)]
    Server { order: String },
    /// Takes one sample and prints it.
    #[command(hide = true)]
    Client { order: String },
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.role {
        None => run::run(&arguments.options),
        Some(Role::Instructions) => instructions::run(),
        #[cfg(feature = "peers")]
        Some(Role::Tool(options)) => tool::run(&options),
        Some(Role::Server { order }) => child::serve(&serde_json::from_str(&order)?),
        Some(Role::Client { order }) => child::measure(serde_json::from_str(&order)?),
    }
}
