//! `linkspan exchange serve`.

use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use linkspan::Address;
use linkspan::exchange::{Context, ExchangeStats, IpcConfig, Server, Serving};
use linkspan::transport::Backend;
use serde_json::{Value, json};

use crate::commands::block_on;
use crate::commands::exchange::Format;
use crate::commands::monitor::stop;
use crate::config::{Loaded, Size, VERSION};
use crate::failure::{Failure, Kind, Result};
use crate::logging::Logging;
use crate::node::ExchangeCounts;
use crate::output::{Output, bytes, count};
use crate::signals::Signals;

/// Answer exchanges, until ^C.
///
/// Frames that are wrong close their connection; why is logged on standard error.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Where to listen: unix:PATH or tcp:HOST:PORT, where port 0 lets the system choose.
    address: Address,

    /// Answer each message with itself.
    #[arg(long)]
    echo: bool,

    #[command(flatten)]
    format: Format,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    if !options.echo {
        return Err(Failure::message(Kind::Usage, "there is nothing to answer with")
            .hint("--echo answers each message with itself; other answers are programs: see linkspan::exchange"));
    }
    let (ipc, transport) = options.format.settings(loaded)?;
    block_on(async {
        let mut signals = Signals::listen()?;
        let color = output.notice_style().is_colored();
        Logging::start_detailed(&loaded.config.environment, color, "linkspan::exchange")?;
        let echo = async |question: Bytes, _: Context| Ok::<_, Bytes>(question);
        let server = Server::new().config(ipc.clone()).transport(transport);
        let serving = server.handler(echo).listen(options.address.clone()).await?;
        match greet(&serving, &ipc, output) {
            // Whoever started it may have read enough, and is served nevertheless.
            Err(failure) if !failure.is_closed_pipe() => return Err(failure),
            _ => {}
        }
        stop(&mut signals).await;
        end(serving, output).await
    })
}

fn greet(serving: &Serving, ipc: &IpcConfig, output: &Output) -> Result {
    let address = serving.address();
    let (variant, limit) = (ipc.crc32_variant.name(), Size(ipc.max_frame_bytes.into()));
    let health = serving.health().next();
    let backend = health.and_then(|(_, health)| health.backend);
    if output.json {
        return Ok(output.json_line(&json!({
            "event": "ready", "pid": std::process::id(), "address": address.to_string(),
            "crc32": variant, "max_frame_bytes": ipc.max_frame_bytes, "backend": backend.map(Backend::name),
        }))?);
    }
    let style = output.style();
    let backend = backend.map_or_else(String::new, |backend| format!(", {backend}"));
    output.line(format_args!(
        "{} answers at {}\n\n  messages of up to {limit}, CRC-32 {variant}{backend}\n",
        style.title(format_args!("linkspan {VERSION}")),
        style.name(address)
    ))?;
    let send = format!("linkspan exchange send {address} --text hello --crc32 {variant}");
    output.line(format_args!(
        "Try in another terminal:\n\n  {}",
        style.name(send)
    ))?;
    Ok(output.line("\n^C stops it.")?)
}

/// Ends in order, and says what was done.
async fn end(serving: Serving, output: &Output) -> Result {
    // What is answered while it stops counts, too, but is not known any more.
    let stats = serving
        .stats()
        .next()
        .map(|(_, stats)| stats)
        .unwrap_or_default();
    let report = serving.stop(STOP_LIMIT).await;
    if output.json {
        let counts = ExchangeCounts::from(&stats);
        let line = json!({ "event": "stopped", "cut": report.cut, "exchange": counts });
        return Ok(output.json_line(&line)?);
    }
    output.notice(format_args!(
        "exchanges served: {}, {} in and {} out{}",
        count(stats.answered),
        bytes(stats.bytes_received),
        bytes(stats.bytes_sent),
        failures(&stats)
    ));
    Ok(())
}

/// What went wrong, as the end of a sentence.
fn failures(stats: &ExchangeStats) -> String {
    let counts = json!(ExchangeCounts::from(stats));
    let counts = counts.as_object().into_iter().flatten();
    let is_failure = |(name, count): &(&String, &Value)| {
        !GOOD.contains(&name.as_str()) && count.as_u64() > Some(0)
    };
    let failed = counts.filter(is_failure);
    failed
        .map(|(name, count)| format!("; {}: {count}", name.replace('_', " ")))
        .collect()
}

/// What is no failure.
const GOOD: [&str; 4] = ["frames", "answered", "bytes_received", "bytes_sent"];
/// Time for what is under way.
const STOP_LIMIT: Duration = Duration::from_secs(10);
const EXAMPLES: &str = "Examples:
  linkspan exchange serve unix:/tmp/echo.sock --echo
  linkspan exchange serve tcp:127.0.0.1:9100 --echo --crc32 castagnoli --max-frame 16MiB";
