//! Calls, again and again, with some number of them in flight: unary, concurrency, sizes, exchange.

use std::time::{Duration, Instant};

use anyhow::Result;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::figures::{Figure, Latencies, Sample};
use crate::peer::{self, Connection, Peer};
use crate::scenarios::{GIB, Target};

/// Each of `in_flight` tasks calls as soon as it has the answer to its last call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Calls {
    pub(crate) body_bytes: usize,
    pub(crate) in_flight: usize,
    pub(crate) duration: Duration,
    pub(crate) content: Content,
}

/// What is in the bodies.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
pub(crate) enum Content {
    /// Bytes, of which no two neighbours are the same.
    #[default]
    Bytes,
    /// Lines of a log.
    Text,
}

impl Calls {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        let connection = P::connect(target.address).await?;
        let body = match self.content {
            Content::Bytes => peer::body(self.body_bytes),
            Content::Text => peer::text(self.body_bytes),
        };
        let begin = Instant::now() + self.duration / WARM_UP;
        let mut callers = JoinSet::new();
        for _ in 0..self.in_flight {
            let (connection, body) = (connection.clone(), body.clone());
            callers.spawn(call_until(connection, body, begin, begin + self.duration));
        }
        sample_of(callers, self.body_bytes, self.duration).await
    }
}

/// What callers saw in a time, as soon as all are done.
pub(super) async fn sample_of(
    mut callers: JoinSet<Result<Vec<u32>>>,
    body_bytes: usize,
    duration: Duration,
) -> Result<Sample> {
    let mut latencies = Latencies::new()?;
    while let Some(caller) = callers.join_next().await {
        for nanos in caller?? {
            latencies.record(Duration::from_nanos(nanos.into()))?;
        }
    }
    let rate = latencies.count() as f64 / duration.as_secs_f64();
    let throughput = rate * 2.0 * body_bytes as f64 / GIB;
    Ok(latencies
        .into_sample()
        .with(Figure::Rate, rate)
        .with(Figure::Throughput, throughput))
}

/// Calls until `end`; gives the nanoseconds of each call that ended between `begin` and `end`.
pub(super) async fn call_until<C: Connection>(
    connection: C,
    body: Bytes,
    begin: Instant,
    end: Instant,
) -> Result<Vec<u32>> {
    let mut latencies = Vec::new();
    let mut sent = Instant::now();
    loop {
        connection.echo(body.clone()).await?;
        // The clock is read once per call: an answer is the moment of the next request.
        let answered = Instant::now();
        if answered >= end {
            return Ok(latencies);
        }
        if answered >= begin {
            let nanos = answered.duration_since(sent).as_nanos();
            latencies.push(u32::try_from(nanos).unwrap_or(u32::MAX));
        }
        sent = answered;
    }
}

/// The part of the time that is spent before anything counts.
const WARM_UP: u32 = 5;
