//! `linkspan bus clients`.

use clap::Args;
use linkspan::bus::{Client, ClientInfo, PresenceEvent};
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT, off_the_bus};
use crate::commands::monitor::stop;
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count};
use crate::signals::Signals;

/// Show who is on the bus.
///
/// This command itself is left out; secondary clients are counted with their primary one.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Go on with who comes and goes, until ^C.
    #[arg(long, short)]
    follow: bool,

    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let client = options.at.connect(loaded).await?;
    let shown = tokio::select! {
        shown = show(&client, options.follow, output) => shown,
        () = stop(&mut signals) => Ok(()),
    };
    client.close(CLOSE_LIMIT).await;
    shown
}

async fn show(client: &Client, follow: bool, output: &Output) -> Result {
    // Before the list, so that nobody is missed.
    let presence = match follow {
        true => Some(client.presence().await?),
        false => None,
    };
    list(client, output).await?;
    let Some(mut presence) = presence else {
        return Ok(());
    };
    while let Some(event) = presence.next().await {
        let (event, name) = match event? {
            PresenceEvent::Came(name) => ("came", name),
            PresenceEvent::Went(name) => ("went", name),
            // Nobody knows who came and went meanwhile.
            _ => {
                list(client, output).await?;
                continue;
            }
        };
        if output.json {
            output.json_line(&json!({ "event": event, "name": name }))?;
        } else {
            let style = output.style();
            output.line(format_args!("{}  {}", style.dim(event), style.name(name)))?;
        }
    }
    Err(off_the_bus(client).await)
}

async fn list(client: &Client, output: &Output) -> Result {
    let mut clients = client.clients().await?;
    clients.retain(|other| other.name != client.name());
    if output.json {
        return Ok(output.json_line(&clients)?);
    }
    let heads = [
        "CLIENT", "BY", "FROM", "WITH", "RECEIVED", "SENT", "WAITING",
    ];
    let mut table = Table::new(heads, output.style());
    for ClientInfo {
        name,
        port,
        kind,
        source,
        frames_received,
        bytes_received,
        frames_sent,
        bytes_sent,
        queue,
        instances,
        ..
    } in &clients
    {
        let of = |frames: u64, size: u64| format!("{} of {}", count(frames), bytes(size));
        table.row([
            name.clone(),
            port.as_ref().unwrap_or(kind).clone(),
            source.as_deref().unwrap_or("-").to_owned(),
            instances.to_string(),
            of(*frames_received, *bytes_received),
            of(*frames_sent, *bytes_sent),
            queue.to_string(),
        ]);
    }
    Ok(output.line(table.right(&[3, 4, 5, 6]))?)
}
