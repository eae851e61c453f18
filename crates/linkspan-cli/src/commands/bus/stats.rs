//! `linkspan bus stats`.

use std::time::Duration;

use clap::Args;
use linkspan::codec::Raw;
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT};
use crate::commands::bus::wire::{Done, Program};
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count, since};

/// Show what a broker has done.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let client = options.at.connect(loaded).await?;
    let broker = client.remote(".broker");
    let program: Program = broker.send_request("info", &Raw::default()).await?;
    let done: Done = broker.send_request("stats", &Raw::default()).await?;
    let clients = client.clients().await?;
    client.close(CLOSE_LIMIT).await;

    let is_other = |name: &str| name != client.name() && name != BROKER;
    let others = clients.iter().filter(|other| is_other(&other.name)).count();
    let waiting: usize = clients.iter().map(|client| client.queue).sum();
    if output.json {
        let line = json!({
            "broker": program, "clients": others, "waiting": waiting, "uptime_s": done.uptime_s,
            "frames_received": done.frames_received, "bytes_received": done.bytes_received,
            "frames_sent": done.frames_sent, "bytes_sent": done.bytes_sent,
        });
        return Ok(output.json_line(&line)?);
    }
    let of = |frames, size| format!("{} of {}", count(frames), bytes(size));
    let mut facts = Table::of_facts();
    facts.fact(
        "broker",
        format_args!("{} {}", program.author, program.version),
    );
    facts.fact("up for", since(Duration::from_secs(done.uptime_s)));
    facts.fact("clients", others);
    facts.fact("received", of(done.frames_received, done.bytes_received));
    facts.fact("sent", of(done.frames_sent, done.bytes_sent));
    facts.fact("waiting", waiting);
    Ok(output.line(facts)?)
}

/// The client that is the broker itself.
const BROKER: &str = ".broker";
