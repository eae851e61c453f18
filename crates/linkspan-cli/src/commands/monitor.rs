//! `linkspan transport monitor`.

use std::time::{Duration, Instant};

use clap::Args;
use linkspan::Address;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use crate::commands::block_on;
use crate::commands::connect::node;
use crate::commands::health::{micros, open};
use crate::commands::status::{CLOSE_LIMIT, backend};
use crate::commands::window::{Look, Window};
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::node::NodeClient;
use crate::output::{Output, plain};
use crate::signals::{Signals, Wish};

/// Watch how each listener of a node is doing, line by line.
///
/// Each line is about the time since the one before. The question that it takes counts as a request of
/// its own. ^C ends it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The node, as unix:PATH or tcp:HOST:PORT; without it the one of the configuration.
    address: Option<Address>,

    /// How long to watch, as 500ms, 60s or 5m.
    #[arg(long, value_name = "TIME", default_value = "60s")]
    duration: Span,

    /// Time between two lines, at least 100ms.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    interval: Span,
}

pub(crate) fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let interval = options.interval.0;
    if interval < LEAST_INTERVAL || interval > options.duration.0 {
        let message = format!(
            "--interval {} is not between 100ms and --duration {}",
            options.interval, options.duration
        );
        return Err(Failure::message(Kind::Usage, message));
    }
    block_on(async {
        let mut signals = Signals::listen()?;
        let (client, node) = node(options.address, loaded).await?;
        let watched = tokio::select! {
            watched = watch(&node, options.duration.0, interval, output) => watched,
            () = stop(&mut signals) => Ok(()),
        };
        client.close(CLOSE_LIMIT).await;
        watched
    })
}

async fn watch(
    node: &NodeClient,
    duration: Duration,
    interval: Duration,
    output: &Output,
) -> Result {
    let began = Instant::now();
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks.tick().await;
    let mut before = Look::at(node).await?;
    let lines = Lines::new(&before, output);
    lines.heads()?;
    for _ in 0..duration.as_nanos() / interval.as_nanos() {
        ticks.tick().await;
        let now = Look::at(node).await?;
        lines.print(&now, &before, began.elapsed())?;
        before = now;
    }
    Ok(())
}

/// Waits for ^C.
pub(crate) async fn stop(signals: &mut Signals) {
    while signals.next().await == Wish::Reload {}
}

/// Lines whose columns line up, though they come one by one.
struct Lines<'a> {
    output: &'a Output,
    /// The longest address.
    width: usize,
}

impl<'a> Lines<'a> {
    fn new(look: &Look, output: &'a Output) -> Self {
        let addresses = look.status.listeners.iter();
        let widths = addresses.map(|listener| plain(&listener.address).chars().count());
        let width = widths.max().unwrap_or_default().max(8);
        Self { output, width }
    }

    fn heads(&self) -> Result {
        if self.output.json {
            return Ok(());
        }
        let heads = [
            "TIME", "LISTENER", "BACKEND", "OPEN", "REQ/S", "ERR/S", "BUSY", "MEAN", "WAITING",
            "HANDLER", "STALLED",
        ];
        let line = self.line(heads.map(str::to_owned));
        Ok(self.output.line(self.output.style().title(line))?)
    }

    fn print(&self, now: &Look, before: &Look, elapsed: Duration) -> Result {
        if self.output.json {
            let listeners: Vec<_> = now.since(before).map(|window| sample(&window)).collect();
            let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX);
            let line = json!({ "elapsed_ms": millis, "listeners": listeners });
            return Ok(self.output.json_line(&line)?);
        }
        for window in now.since(before) {
            let time = format!("{:.1}s", elapsed.as_secs_f64());
            self.output.line(self.line(cells(time, &window)))?;
        }
        Ok(())
    }

    fn line(&self, cells: [String; 11]) -> String {
        let [time, listener, backend, numbers @ ..] = cells;
        let width = self.width;
        let mut line = format!("{time:>7}  {:<width$}  {backend:<12}", plain(&listener));
        for number in numbers {
            line.push_str(&format!("  {number:>8}"));
        }
        line
    }
}

fn cells(time: String, window: &Window<'_>) -> [String; 11] {
    let listener = window.after;
    [
        time,
        listener.address.clone(),
        plain(&backend(listener.backend.as_ref())).into_owned(),
        open(listener),
        format!("{:.1}", window.per_second(|listener| listener.messages)),
        format!("{:.1}", window.per_second(|listener| listener.errors)),
        window.count(|listener| listener.refused_busy).to_string(),
        micros(window.mean_us(|listener| listener.latency)),
        micros(window.mean_us(|listener| listener.waiting)),
        micros(window.mean_us(|listener| listener.handling)),
        micros(window.sum_us(|listener| listener.write_stalls)),
    ]
}

/// What a line says, for programs.
fn sample(window: &Window<'_>) -> Value {
    let listener = window.after;
    json!({
        "address": listener.address,
        "backend": listener.backend,
        "connections": listener.open,
        "messages": window.count(|listener| listener.messages),
        "message_rate": window.per_second(|listener| listener.messages),
        "errors": window.count(|listener| listener.errors),
        "error_rate": window.per_second(|listener| listener.errors),
        "refused_busy": window.count(|listener| listener.refused_busy),
        "mean_us": window.mean_us(|listener| listener.latency),
        "waiting_us": window.mean_us(|listener| listener.waiting),
        "handling_us": window.mean_us(|listener| listener.handling),
        "stalled_us": window.sum_us(|listener| listener.write_stalls),
    })
}

const LEAST_INTERVAL: Duration = Duration::from_millis(100);
