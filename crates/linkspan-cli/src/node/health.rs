//! How a listener is doing, as the node tells it.

use std::time::Duration;

use linkspan::Address;
use linkspan::bus::BrokerStats;
use linkspan::exchange::ExchangeStats;
use linkspan::transport::{LastError, Percentiles, TransportHealth};

use crate::node::wire::{Answers, BusCounts, Complaint, ExchangeCounts, ListenerStatus, Times};

impl ListenerStatus {
    /// How the listener at an address is doing, which takes so many connections, at `now_ms` since
    /// 1970.
    pub(crate) fn new(
        address: &Address,
        health: TransportHealth,
        max_connections: Option<usize>,
        now_ms: u64,
    ) -> Self {
        let totals = health.totals;
        let complaint = |error: LastError| Complaint {
            message: error.message,
            at_ms: error.at_ms,
            age_ms: now_ms.saturating_sub(error.at_ms),
        };
        Self {
            address: address.to_string(),
            backend: health.backend.map(|backend| backend.to_string()),
            open: health.connection_count,
            max_connections,
            accepted: totals.accepted,
            refused_busy: totals.refused_busy,
            refused_untrusted: totals.refused_untrusted,
            failed_handshakes: totals.failed_handshakes,
            accept_errors: totals.accept_errors,
            messages: totals.messages,
            errors: totals.errors,
            message_rate: health.message_rate,
            error_rate: health.error_rate,
            latency: health.latency.into(),
            waiting: health.waiting.into(),
            handling: health.handling.into(),
            write_stalls: health.write_stalls.into(),
            last_error: health.last_error.map(complaint),
            answers: Answers::Calls,
            exchange: None,
        }
    }

    /// Scheme of its address.
    pub(crate) fn scheme(&self) -> &str {
        self.address.split(':').next().unwrap_or_default()
    }
}

impl From<Percentiles> for Times {
    fn from(times: Percentiles) -> Self {
        let micros = |time: Duration| (time.as_secs_f64() * 1e9).round() / 1e3;
        Self {
            count: times.count,
            sum_us: micros(times.sum),
            mean_us: micros(times.mean),
            p50_us: micros(times.p50),
            p99_us: micros(times.p99),
            max_us: micros(times.max),
        }
    }
}

impl From<&ExchangeStats> for ExchangeCounts {
    fn from(stats: &ExchangeStats) -> Self {
        Self {
            frames: stats.frames,
            answered: stats.answered,
            bytes_received: stats.bytes_received,
            bytes_sent: stats.bytes_sent,
            bad_length: stats.bad_length,
            bad_crc: stats.bad_crc,
            undecodable: stats.undecodable,
            silent: stats.silent,
            read_timeouts: stats.read_timeouts,
            write_timeouts: stats.write_timeouts,
            truncated: stats.truncated,
            broken: stats.broken,
            handler_timeouts: stats.handler_timeouts,
            panics: stats.panics,
            unsendable: stats.unsendable,
            evicted: stats.evicted,
            denied: stats.denied,
            limited: stats.limited,
        }
    }
}

impl From<&BrokerStats> for BusCounts {
    fn from(stats: &BrokerStats) -> Self {
        Self {
            clients: stats.clients,
            masks: stats.masks,
            frames_received: stats.frames_received,
            bytes_received: stats.bytes_received,
            frames_sent: stats.frames_sent,
            bytes_sent: stats.bytes_sent,
            dropped: stats.dropped,
            queued_bytes: stats.queued_bytes,
            denied: stats.denied,
            rate_limited: stats.rate_limited,
            invalid: stats.invalid,
        }
    }
}
