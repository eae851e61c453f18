//! `linkspan bus bench`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;
use serde_json::{Map, Value, json};

use crate::commands::bus::client::At;
use crate::commands::bus::stages::{self, Load};
use crate::commands::measured::QUANTILES;
use crate::config::{Loaded, Size};
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, Table, bytes, count, latency};

/// Measure a broker: publishing, fan-out and calls, with percentiles.
///
/// All clients are in this one process, each with a connection of its own.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// What to measure, instead of all; may be repeated.
    #[arg(long, value_name = "STAGE", value_enum)]
    only: Vec<Stage>,

    /// Messages, and calls of all callers together.
    #[arg(long, value_name = "COUNT", default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    count: u64,

    /// Bytes of each payload, as 64 or 16KiB; at least 8.
    #[arg(long, value_name = "SIZE", default_value = "64")]
    size: Size,

    /// Subscribers of the fan-out, at most 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    subscribers: u32,

    /// Callers, each with one call after the other, at most 1000.
    #[arg(long, value_name = "COUNT", default_value_t = 8,
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    callers: u32,

    #[command(flatten)]
    at: At,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Stage {
    /// From publishing to the acknowledgement, one after the other, to one subscriber.
    Publish,
    /// From publishing to each subscriber, as fast as the broker takes it.
    Fanout,
    /// From a call to its answer.
    Call,
}

/// What was measured.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) latencies: Histogram<u64>,
    pub(super) time: Duration,
    /// Messages that did not arrive for want of room.
    pub(super) lost: u64,
}

pub(super) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let Size(size) = options.size;
    if !(LEAST_BYTES..=MOST_BYTES).contains(&size) {
        let message = format!("--size {size} is not between {LEAST_BYTES} and {MOST_BYTES} bytes");
        return Err(Failure::message(Kind::Usage, message));
    }
    let load = Load {
        count: options.count,
        bytes: usize::try_from(size).unwrap_or(usize::MAX),
        subscribers: options.subscribers,
        callers: options.callers,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let stages = match options.only.as_slice() {
        [] => &[Stage::Publish, Stage::Fanout, Stage::Call],
        stages => stages,
    };
    let mut rows = Vec::new();
    for stage in stages {
        let measured = runtime.block_on(stages::measure(*stage, load, &options.at, loaded))?;
        let row = Row {
            stage: *stage,
            load,
            measured,
        };
        if output.json {
            output.json_line(&row.to_json())?;
        }
        rows.push(row);
    }
    match output.json {
        true => Ok(()),
        false => show(&rows, output),
    }
}

struct Row {
    stage: Stage,
    load: Load,
    measured: Measured,
}

impl Row {
    /// What it is called, and with how many.
    fn name(&self) -> (&'static str, u32) {
        match self.stage {
            Stage::Publish => ("publish", 1),
            Stage::Fanout => ("fanout", self.load.subscribers),
            Stage::Call => ("call", self.load.callers),
        }
    }

    /// Messages or calls in a second.
    fn rate(&self) -> u64 {
        let nanos = self.measured.time.as_nanos().max(1);
        let many = u128::from(self.measured.latencies.len());
        u64::try_from(many * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
    }

    fn at(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.measured.latencies.value_at_quantile(quantile))
    }

    fn to_json(&self) -> Value {
        let micros = QUANTILES.map(|(name, quantile)| {
            let micros = self.at(quantile).as_secs_f64() * 1e6;
            (name.to_owned(), json!(micros))
        });
        let (stage, clients) = self.name();
        json!({
            "stage": stage, "clients": clients, "size": self.load.bytes,
            "arrived": self.measured.latencies.len(), "lost": self.measured.lost,
            "per_second": self.rate(), "latency_us": Map::from_iter(micros),
        })
    }
}

fn show(rows: &[Row], output: &Output) -> Result {
    let heads = [
        "STAGE",
        "CLIENTS",
        "ARRIVED",
        "LOST",
        "PER SECOND",
        "P50",
        "P90",
        "P99",
        "P99.9",
        "MAX",
    ];
    let mut table = Table::new(heads, output.style());
    for row in rows {
        let (stage, clients) = row.name();
        let [p50, p90, p99, p999, max] = QUANTILES.map(|(_, at)| latency(row.at(at)));
        let (arrived, lost) = (
            count(row.measured.latencies.len()),
            count(row.measured.lost),
        );
        let (stage, clients) = (stage.to_owned(), clients.to_string());
        table.row([
            stage,
            clients,
            arrived,
            lost,
            count(row.rate()),
            p50,
            p90,
            p99,
            p999,
            max,
        ]);
    }
    output.line(table.right(&[1, 2, 3, 4, 5, 6, 7, 8, 9]))?;
    let size = rows.first().map_or(0, |row| row.load.bytes);
    let size = bytes(u64::try_from(size).unwrap_or(u64::MAX));
    output.notice(format_args!("payloads of {size}"));
    Ok(())
}

/// Room for the time at which a message was published.
const LEAST_BYTES: u64 = 8;
const MOST_BYTES: u64 = 1 << 20;
const EXAMPLES: &str = "Examples:
  linkspan bus bench
  linkspan bus bench --only fanout --subscribers 64 --count 100000 --size 1KiB
  linkspan bus bench --only call --callers 1 --json";
