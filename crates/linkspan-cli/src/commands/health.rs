//! `linkspan transport status`.

use std::time::Duration;

use clap::Args;
use linkspan::Address;
use linkspan::rpc::Context;

use crate::commands::block_on;
use crate::commands::connect::node;
use crate::commands::status::{CLOSE_LIMIT, backend};
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::{ListenerStatus, NodeService, Times};
use crate::output::{Output, Table, latency, since};

/// Show how each listener of a node is doing: connections, rates, times, and the latest error.
///
/// Rates are those of the last ten seconds, times those since the node's start: from reading a request
/// to its answer.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The node, as unix:PATH or tcp:HOST:PORT; without it the one of the configuration.
    address: Option<Address>,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    block_on(async {
        let (client, node) = node(options.address, loaded).await?;
        let listeners = node.status(Context::new()).await?.listeners;
        client.close(CLOSE_LIMIT).await;
        if output.json {
            return Ok(output.json_line(&serde_json::json!({ "listeners": listeners }))?);
        }
        show(&listeners, output)
    })
}

fn show(listeners: &[ListenerStatus], output: &Output) -> Result {
    let heads = [
        "LISTENER",
        "BACKEND",
        "OPEN",
        "REQUESTS/S",
        "ERRORS/S",
        "MEAN",
        "P50",
        "P99",
    ];
    let mut table = Table::new(heads, output.style());
    for listener in listeners {
        let Times {
            mean_us,
            p50_us,
            p99_us,
            ..
        } = listener.latency;
        table.row([
            listener.address.clone(),
            backend(listener.backend.as_ref()),
            open(listener),
            format!("{:.1}", listener.message_rate),
            format!("{:.1}", listener.error_rate),
            micros(mean_us),
            micros(p50_us),
            micros(p99_us),
        ]);
    }
    output.line(table.right(&[2, 3, 4, 5, 6, 7]))?;
    for listener in listeners {
        if let Some(error) = &listener.last_error {
            let style = output.style();
            output.line(format_args!(
                "\n {} at {}, {} ago: {}",
                style.warning("last error"),
                style.name(&listener.address),
                since(Duration::from_millis(error.age_ms)),
                style.title(&error.message),
            ))?;
        }
    }
    Ok(())
}

/// Connections, and how many there may be.
pub(crate) fn open(listener: &ListenerStatus) -> String {
    match listener.max_connections {
        Some(limit) => format!("{}/{limit}", listener.open),
        None => listener.open.to_string(),
    }
}

/// A time in microseconds, as people read it; `-` for none at all.
pub(crate) fn micros(micros: f64) -> String {
    if micros <= 0.0 {
        return "-".to_owned();
    }
    // Others may send what is no time.
    let time = Duration::try_from_secs_f64(micros / 1e6).unwrap_or_default();
    latency(time)
}
