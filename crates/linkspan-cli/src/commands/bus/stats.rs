//! `linkspan bus stats`.

use std::time::Duration;

use clap::Args;
use linkspan::bus::ClientInfo;
use linkspan::codec::Raw;
use serde_json::{Map, Value, json};

use crate::commands::bus::client::{At, CLOSE_LIMIT};
use crate::commands::bus::wire::{Done, More, Program};
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count, since};

/// Show what a broker has done: traffic, what waits, and what was dropped or refused, in all and for
/// each client.
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
    let client_name = client.name().to_owned();
    client.close(CLOSE_LIMIT).await;

    let is_other = |name: &str| name != client_name && name != BROKER;
    let others = clients.iter().filter(|other| is_other(&other.name)).count();
    let waiting: usize = clients.iter().map(|client| client.queue).sum();
    let more = done.more.as_ref();
    if output.json {
        let mut line = json!({
            "broker": program, "clients": others, "waiting": waiting, "uptime_s": done.uptime_s,
            "frames_received": done.frames_received, "bytes_received": done.bytes_received,
            "frames_sent": done.frames_sent, "bytes_sent": done.bytes_sent,
            "by_client": clients,
        });
        for (name, value) in more.map(fields).into_iter().flatten() {
            crate::output::json::add(&mut line, &name, value);
        }
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
    if let Some(more) = more {
        add(more, &mut facts);
    }
    output.line(facts)?;
    let clients: Vec<_> = clients
        .into_iter()
        .filter(|other| other.name != client_name)
        .collect();
    output.line("")?;
    Ok(output.line(losses(&clients, output))?)
}

/// What only our broker says.
fn add(more: &More, facts: &mut Table) {
    let (used, limit) = (bytes(more.queued_bytes), bytes(more.memory_limit));
    facts.fact(
        "memory of queues",
        format_args!("{used} of at most {limit}"),
    );
    facts.fact("masks", count(more.masks));
    facts.fact("dropped", count(more.dropped));
    facts.fact("gaps told", count(more.gaps));
    facts.fact("denied", count(more.denied));
    facts.fact("too fast", count(more.rate_limited));
    facts.fact("against a schema", count(more.invalid));
    facts.fact("dead letters", count(more.dead_letters));
    facts.fact("taps", count(more.taps));
    facts.fact("dropped for taps", count(more.tap_dropped));
}

/// The same for programs.
fn fields(more: &More) -> Map<String, Value> {
    match serde_json::to_value(more) {
        Ok(Value::Object(fields)) => fields,
        _ => Map::new(),
    }
}

/// What waits for each client, and what each missed or was refused.
fn losses(clients: &[ClientInfo], output: &Output) -> Table {
    let heads = ["CLIENT", "WAITING", "DROPPED", "GAPS", "DENIED", "REFUSED"];
    let mut table = Table::new(heads, output.style());
    for client in clients {
        let size = u64::try_from(client.queue_bytes).unwrap_or(u64::MAX);
        table.row([
            client.name.clone(),
            format!("{} of {}", client.queue, bytes(size)),
            count(client.dropped),
            count(client.gaps),
            count(client.denied),
            count(client.refused),
        ]);
    }
    table.right(&[1, 2, 3, 4, 5])
}

/// The client that is the broker itself.
const BROKER: &str = ".broker";
