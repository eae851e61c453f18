//! What is measured.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// A kind of number. Latencies are in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Figure {
    P50,
    P99,
    P999,
    Max,
    /// Calls, connections or deliveries per second.
    Rate,
    /// Of the messages that were published, how many of a hundred arrived.
    Arrived,
    /// CPU time of the broker for each delivery or call.
    BrokerMicros,
    /// GiB per second, both ways together.
    Throughput,
    /// CPU seconds of both processes for each GiB.
    CpuPerGib,
    /// Resident KiB of the server for each connection.
    ServerKib,
    /// The same at its peak, while all connections are busy.
    BusyKib,
    /// Resident KiB of the client for each connection.
    ClientKib,
    /// Resident memory of an idle daemon, in millions of bytes, as those below.
    IdleMb,
    /// The part of it that is not a file's.
    IdleAnonymousMb,
    /// Resident memory that is not a file's while the daemon is busy.
    BusyAnonymousMb,
    /// The most resident memory that the daemon ever had.
    PeakMb,
    /// What each plugin adds to the memory of the machine.
    EachMb,
    /// The part of it that no other process has.
    EachPrivateMb,
    /// What all plugins together add to the resident memory of their host.
    HostMb,
    /// Sealed copies of their programs.
    SealedMb,
}

impl Figure {
    /// The head of its column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::P50 => "p50 µs",
            Self::P99 => "p99 µs",
            Self::P999 => "p99.9 µs",
            Self::Max => "max µs",
            Self::Rate => "per second",
            Self::Arrived => "arrived %",
            Self::BrokerMicros => "broker CPU µs each",
            Self::Throughput => "GiB/s",
            Self::CpuPerGib => "CPU s/GiB",
            Self::ServerKib => "server KiB",
            Self::BusyKib => "server KiB, busy",
            Self::ClientKib => "client KiB",
            Self::IdleMb => "MB idle",
            Self::IdleAnonymousMb => "anonymous MB idle",
            Self::BusyAnonymousMb => "anonymous MB busy",
            Self::PeakMb => "MB at most",
            Self::EachMb => "MB each",
            Self::EachPrivateMb => "private MB each",
            Self::HostMb => "host MB",
            Self::SealedMb => "sealed MB",
        }
    }

    /// The number as a person reads it.
    pub(crate) fn shown(self, value: f64) -> String {
        match self {
            Self::Rate => thousands(value),
            Self::P50 | Self::P99 | Self::P999 | Self::Max if value >= 1000.0 => thousands(value),
            Self::Throughput if value < 0.1 => format!("{value:.3}"),
            // Not rounded up: 100 is all.
            Self::Arrived => format!("{:.2}", (value * 100.0).floor() / 100.0),
            Self::Throughput
            | Self::CpuPerGib
            | Self::P50
            | Self::BrokerMicros
            | Self::IdleMb
            | Self::IdleAnonymousMb
            | Self::BusyAnonymousMb
            | Self::PeakMb
            | Self::EachMb
            | Self::EachPrivateMb
            | Self::HostMb => format!("{value:.2}"),
            _ => format!("{value:.1}"),
        }
    }
}

/// A whole number, with a comma before each three digits.
fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What one client measured once.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Sample {
    pub(crate) figures: BTreeMap<Figure, f64>,
    /// Nanoseconds, and how often they were seen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) latencies: Vec<(u64, u64)>,
}

impl Sample {
    #[must_use]
    pub(crate) fn with(mut self, figure: Figure, value: f64) -> Self {
        self.figures.insert(figure, value);
        self
    }
}

/// How long calls took, to three digits.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self(Histogram::new(3)?))
    }

    /// Those of all samples together.
    pub(crate) fn merged<'a>(samples: impl IntoIterator<Item = &'a Sample>) -> Result<Self> {
        let mut merged = Self::new()?;
        for &(nanos, count) in samples.into_iter().flat_map(|sample| &sample.latencies) {
            merged.0.record_n(nanos, count)?;
        }
        Ok(merged)
    }

    pub(crate) fn record(&mut self, latency: Duration) -> Result<()> {
        let nanos = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        Ok(self.0.record(nanos)?)
    }

    pub(crate) fn count(&self) -> u64 {
        self.0.len()
    }

    /// In microseconds.
    pub(crate) fn quantile(&self, quantile: f64) -> f64 {
        self.0.value_at_quantile(quantile) as f64 / 1e3
    }

    pub(crate) fn into_sample(self) -> Sample {
        let latencies = self.0.iter_recorded();
        let latencies = latencies.map(|step| (step.value_iterated_to(), step.count_at_value()));
        Sample {
            latencies: latencies.collect(),
            ..Sample::default()
        }
        .with(Figure::P50, self.quantile(0.5))
        .with(Figure::P99, self.quantile(0.99))
        .with(Figure::P999, self.quantile(0.999))
        .with(Figure::Max, self.0.max() as f64 / 1e3)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_numbers_have_commas() {
        assert_eq!(thousands(999.4), "999");
        assert_eq!(thousands(1000.0), "1,000");
        assert_eq!(thousands(1_234_567.0), "1,234,567");
    }

    #[test]
    fn a_sample_keeps_what_was_recorded() {
        let mut latencies = Latencies::new().unwrap();
        for micros in 1..=100 {
            latencies.record(Duration::from_micros(micros)).unwrap();
        }
        let sample = latencies.into_sample();
        let p99 = sample.figures[&Figure::P99];
        assert!((98.9..99.2).contains(&p99), "{p99}");
        let again = Latencies::merged([&sample, &sample]).unwrap();
        assert_eq!(again.count(), 200);
        assert!((again.quantile(0.99) - p99).abs() < 0.2);
    }
}
