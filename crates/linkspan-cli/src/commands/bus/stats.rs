//! `linkspan bus stats`.

use std::time::Duration;

use clap::Args;
use serde_json::{Value, json};

use crate::commands::bus::client::{At, CLOSE_LIMIT};
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
    let info: Value = broker
        .send_request("info", &linkspan::codec::Raw::default())
        .await?;
    let stats: Value = broker
        .send_request("stats", &linkspan::codec::Raw::default())
        .await?;
    let clients = client.clients().await?;
    client.close(CLOSE_LIMIT).await;

    let is_other = |name: &str| name != client.name() && name != ".broker";
    let others = clients.iter().filter(|other| is_other(&other.name)).count();
    let waiting: usize = clients.iter().map(|client| client.queue).sum();
    if output.json {
        let line = json!({
            "broker": info, "uptime_s": stats["uptime"], "clients": others, "waiting": waiting,
            "frames_received": stats["r_frames"], "bytes_received": stats["r_bytes"],
            "frames_sent": stats["w_frames"], "bytes_sent": stats["w_bytes"],
        });
        return Ok(output.json_line(&line)?);
    }
    let number = |key: &str| stats[key].as_u64().unwrap_or_default();
    let of = |frames, size| format!("{} of {}", count(number(frames)), bytes(number(size)));
    let word = |key: &str| info[key].as_str().unwrap_or("-").to_owned();
    let mut facts = Table::of_facts();
    facts.fact(
        "broker",
        format_args!("{} {}", word("author"), word("version")),
    );
    facts.fact("up for", since(Duration::from_secs(number("uptime"))));
    facts.fact("clients", others);
    facts.fact("received", of("r_frames", "r_bytes"));
    facts.fact("sent", of("w_frames", "w_bytes"));
    facts.fact("waiting", waiting);
    Ok(output.line(facts)?)
}
