//! Small calls beside much data, on one connection.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;
use tokio::time::interval;

use crate::figures::{Figure, Latencies, Sample};
use crate::peer::{self, Connection, Peer};
use crate::scenarios::stream::receive;
use crate::scenarios::{CHUNK_BYTES, Case, Effort, GIB, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "mixed",
    title: "Small calls during a stream",
    text: "A call of 64 bytes every millisecond while 4 GiB stream over the same connection. Each \
           call is a task of its own, so a slow one does not hold back those after it.",
    cases,
    figures: &[
        Figure::P50,
        Figure::P99,
        Figure::P999,
        Figure::Max,
        Figure::Throughput,
    ],
    ratios: &[(Figure::P99, "tonic")],
};

/// The only case.
pub(crate) const CASE: &str = "a call each millisecond";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: &[
            "linkspan-unix",
            "linkspan-unchecked",
            "linkspan-tcp",
            "tonic",
        ],
        setting: Setting::OneThread,
        work: Work::Mixed(Mixed {
            chunks: effort.chunks(4.0),
        }),
    }]
}

/// Receives `chunks` chunks of 64 KiB, and calls meanwhile.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Mixed {
    chunks: u64,
}

impl Mixed {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        let connection = P::connect(target.address).await?;
        let begin = Instant::now();
        let streaming = connection.clone();
        let streaming = tokio::spawn(async move { receive(&streaming, self.chunks).await });
        let mut calls = JoinSet::new();
        let mut ticks = interval(Duration::from_millis(1));
        while !streaming.is_finished() {
            ticks.tick().await;
            calls.spawn(call(connection.clone()));
        }
        let bytes = streaming.await??;
        let seconds = begin.elapsed().as_secs_f64();
        let mut latencies = Latencies::new()?;
        while let Some(latency) = calls.join_next().await {
            latencies.record(latency??)?;
        }
        ensure!(
            bytes >= CHUNK_BYTES as u64,
            "no stream, so nothing was mixed"
        );
        Ok(latencies
            .into_sample()
            .with(Figure::Throughput, bytes as f64 / GIB / seconds))
    }
}

async fn call(connection: impl Connection) -> Result<Duration> {
    let begin = Instant::now();
    connection.echo(peer::body(64)).await?;
    Ok(begin.elapsed())
}
