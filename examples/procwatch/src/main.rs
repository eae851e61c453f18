//! `procwatch`: shows what happens to the processes of this machine.
//!
//! The command line is a client of its daemon, which is this program, too. README.md walks through it.

mod cli;
mod house;
mod show;
mod tasks;
mod watch;

use std::process;
use std::sync::Arc;

use clap::Parser;
use linkspan::daemon::{Command, CommandHandler, ExitCode, Program};
use tokio::sync::Mutex;

use cli::{Cli, Verb};
use house::House;

fn main() -> process::ExitCode {
    Program::new("procwatch", Daemon::default())
        .prepare(|invocation| {
            // Help and mistakes need no daemon.
            if let Err(error) = Cli::try_parse_from(&invocation.arguments) {
                error.exit();
            }
        })
        .main()
}

/// The daemon: it runs what the command line was called with.
#[derive(Debug, Default)]
struct Daemon {
    /// Made for the first command.
    house: Mutex<Option<Arc<House>>>,
}

impl CommandHandler for Daemon {
    type Error = Failure;

    async fn run(&self, mut command: Command) -> Result<ExitCode, Failure> {
        let Cli { verb, json } = Cli::try_parse_from(&command.arguments)?;
        let house = self.house().await?;
        let text = match verb {
            Verb::Watch(options) => return watch::run(&house, options, json, command).await,
            Verb::Top(options) => show::top(&house, &options, json).await?,
            Verb::Rules => show::rules(&house, json),
            Verb::Status => show::status(&house, json).await?,
        };
        command.stdout.write_chunk(text).await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Daemon {
    /// The house, built anew if its collector has failed for good.
    async fn house(&self) -> Result<Arc<House>, Failure> {
        let mut house = self.house.lock().await;
        if let Some(house) = house.as_ref().filter(|house| house.has_collector()) {
            return Ok(Arc::clone(house));
        }
        let built = Arc::new(House::build().await?);
        Ok(Arc::clone(house.insert(built)))
    }
}

/// Why a command fails; its client prints that, with its causes.
type Failure = Box<dyn std::error::Error + Send + Sync>;
