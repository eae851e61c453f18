//! What `linkspan transport test` found, for people and for programs.

use std::time::Duration;

use hdrhistogram::Histogram;
use linkspan::Address;
use linkspan::transport::Peer;
use serde_json::{Map, Value, json};

use crate::config::Size;
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count, latency};

/// What was measured.
pub(crate) struct Measured {
    pub(crate) address: Address,
    pub(crate) peer: Peer,
    pub(crate) count: u64,
    pub(crate) size: Size,
    pub(crate) in_flight: u32,
    pub(crate) latencies: Histogram<u64>,
    pub(crate) time: Duration,
}

/// Shows one measurement with its details, several side by side.
pub(crate) fn show(measured: &[Measured], output: &Output) -> Result {
    if output.json {
        return measured
            .iter()
            .try_for_each(|one| Ok(output.json_line(&one.to_json())?));
    }
    match measured {
        [one] => Ok(output.line(one.facts())?),
        several => Ok(output.line(compared(several, output))?),
    }
}

impl Measured {
    fn at(&self, quantile: f64) -> Duration {
        Duration::from_nanos(self.latencies.value_at_quantile(quantile))
    }

    /// Calls in a second.
    fn rate(&self) -> u64 {
        per_second(self.count, self.time)
    }

    /// Bytes in a second, each way.
    fn carried(&self) -> u64 {
        per_second(self.count.saturating_mul(self.size.0), self.time)
    }

    fn backend(&self) -> Option<&'static str> {
        self.peer.backend.map(linkspan::transport::Backend::name)
    }

    fn to_json(&self) -> Value {
        let micros = QUANTILES.map(|(name, quantile)| {
            let micros = self.at(quantile).as_secs_f64() * 1e6;
            (name.to_owned(), json!(micros))
        });
        let latency: Map<_, _> = micros.into_iter().collect();
        json!({
            "transport": self.address.scheme(), "backend": self.backend(), "count": self.count,
            "size": self.size.0, "in_flight": self.in_flight, "calls_per_second": self.rate(),
            "bytes_per_second": self.carried(), "latency_us": latency,
        })
    }

    fn facts(&self) -> Table {
        let mut facts = Table::of_facts();
        facts.fact("address", &self.address);
        if let Some(backend) = self.backend() {
            facts.fact("backend", backend);
        }
        let way = format!(
            "{} each way, {} at once",
            bytes(self.size.0),
            self.in_flight
        );
        facts.fact("calls", format_args!("{} of {way}", count(self.count)));
        let (rate, carried) = (count(self.rate()), bytes(self.carried()));
        facts.fact("rate", format_args!("{rate}/s, {carried}/s each way"));
        for (name, quantile) in QUANTILES {
            facts.fact(name, latency(self.at(quantile)));
        }
        facts
    }
}

/// A row for each backend.
fn compared(measured: &[Measured], output: &Output) -> Table {
    let heads = [
        "BACKEND", "CALLS/S", "EACH WAY", "P50", "P90", "P99", "P99.9", "MAX",
    ];
    let mut table = Table::new(heads, output.style());
    for one in measured {
        let [p50, p90, p99, p999, max] = QUANTILES.map(|(_, at)| latency(one.at(at)));
        let carried = format!("{}/s", bytes(one.carried()));
        let name = one.backend().unwrap_or("-").to_owned();
        table.row([name, count(one.rate()), carried, p50, p90, p99, p999, max]);
    }
    table.right(&[1, 2, 3, 4, 5, 6, 7])
}

fn per_second(count: u64, time: Duration) -> u64 {
    let nanos = time.as_nanos().max(1);
    u64::try_from(u128::from(count) * 1_000_000_000 / nanos).unwrap_or(u64::MAX)
}

pub(crate) const QUANTILES: [(&str, f64); 5] = [
    ("p50", 0.5),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("max", 1.0),
];
