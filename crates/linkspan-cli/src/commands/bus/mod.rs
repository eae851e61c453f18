//! `linkspan bus`: a broker, and clients of one.

mod bench;
mod body;
mod call;
mod client;
mod clients;
mod dlq;
mod line;
mod publish;
mod record;
mod replay;
mod send;
mod serve;
mod shown;
mod stages;
mod stats;
mod subscribe;
mod tap;
mod topics;
mod wire;

use clap::Subcommand;

use crate::commands::block_on;
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// Run a broker, and publish, subscribe, send and call through one.
///
/// Without --address, clients use the node of the configuration, which is a broker, too.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::Options),
    Pub(publish::Options),
    Sub(subscribe::Options),
    Send(send::SendOptions),
    Notify(send::NotifyOptions),
    Call(call::Options),
    Clients(clients::Options),
    Topics(topics::Options),
    Stats(stats::Options),
    Dlq(dlq::Options),
    Tap(tap::Options),
    Bench(bench::Options),
}

pub(crate) fn run(command: Command, loaded: &Loaded, output: &Output) -> Result {
    match command {
        Command::Serve(options) => serve::run(options, loaded, output),
        Command::Pub(options) => block_on(publish::run(&options, loaded, output)),
        Command::Sub(options) => block_on(subscribe::run(options, loaded, output)),
        Command::Send(options) => block_on(send::send(&options, loaded, output)),
        Command::Notify(options) => block_on(send::notify(&options, loaded, output)),
        Command::Call(options) => block_on(call::run(&options, loaded, output)),
        Command::Clients(options) => block_on(clients::run(&options, loaded, output)),
        Command::Topics(options) => block_on(topics::run(options, loaded, output)),
        Command::Stats(options) => block_on(stats::run(&options, loaded, output)),
        Command::Dlq(options) => block_on(dlq::run(&options, loaded, output)),
        Command::Tap(options) => block_on(tap::run(options, loaded, output)),
        Command::Bench(options) => bench::run(&options, loaded, output),
    }
}
