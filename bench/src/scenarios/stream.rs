//! Much data one way.

use std::process;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::machine;
use crate::peer::{Connection, Peer};
use crate::scenarios::{CHUNK_BYTES, Case, Effort, GIB, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "stream",
    title: "A stream",
    text: "2 GiB from server to client in chunks of 64 KiB. CPU seconds are those of both \
           processes, user and system, for each GiB.",
    cases,
    figures: &[Figure::Throughput, Figure::CpuPerGib],
    ratios: &[(Figure::Throughput, "tokio"), (Figure::CpuPerGib, "tokio")],
};

/// The only case.
pub(crate) const CASE: &str = "64 KiB chunks";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: &[
            "std",
            "tokio",
            "linkspan-unix",
            "linkspan-unchecked",
            "linkspan-tcp",
            "tonic",
        ],
        setting: Setting::OneThread,
        work: Work::Stream(Stream {
            chunks: effort.chunks(2.0),
        }),
    }]
}

/// Receives `chunks` chunks of 64 KiB.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Stream {
    chunks: u64,
}

impl Stream {
    pub(crate) fn new(chunks: u64) -> Self {
        Self { chunks }
    }

    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        let connection = P::connect(target.address.clone()).await?;
        receive(&connection, self.chunks / WARM_UP).await?;
        let cpu_before = cpu_seconds(&target)?;
        let begin = Instant::now();
        let bytes = receive(&connection, self.chunks).await?;
        let seconds = begin.elapsed().as_secs_f64();
        let cpu = cpu_seconds(&target)? - cpu_before;
        let gib = bytes as f64 / GIB;
        Ok(Sample::default()
            .with(Figure::Throughput, gib / seconds)
            .with(Figure::CpuPerGib, cpu / gib))
    }
}

/// Receives a stream, and is sure that it was all of it.
pub(crate) async fn receive(connection: &impl Connection, chunks: u64) -> Result<u64> {
    let bytes = connection.stream(chunks, CHUNK_BYTES).await?;
    let expected = chunks * CHUNK_BYTES as u64;
    ensure!(
        bytes == expected,
        "a stream of {expected} bytes had {bytes} bytes"
    );
    Ok(bytes)
}

/// Of both processes.
fn cpu_seconds(target: &Target) -> Result<f64> {
    let server = target.server.map(machine::cpu_seconds).transpose()?;
    Ok(machine::cpu_seconds(process::id())? + server.unwrap_or_default())
}

/// The part of the stream that is received before anything counts.
const WARM_UP: u64 = 8;

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    /// Loses one byte of each stream.
    #[derive(Clone)]
    struct Leaky;

    impl Connection for Leaky {
        async fn echo(&self, _: Bytes) -> Result<()> {
            Ok(())
        }

        async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
            Ok(chunks * chunk_bytes as u64 - 1)
        }
    }

    #[tokio::test]
    async fn a_stream_that_is_too_short_fails() {
        let error = receive(&Leaky, 2).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "a stream of 131072 bytes had 131071 bytes"
        );
    }
}
