//! Connections, one after the other.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Latencies, Sample};
use crate::peer::{self, Connection, Peer};
use crate::scenarios::{Case, Effort, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "connect",
    title: "Connecting",
    text: "A connection is opened, makes one call of 64 bytes, and is closed; then the next one. \
           The call proves that both sides are done with their handshakes, which some peers leave \
           unfinished until then.",
    cases,
    figures: &[Figure::Rate, Figure::P50, Figure::P99],
    ratios: &[(Figure::Rate, "tokio")],
};

/// Those who take part, here and with idle connections.
pub(crate) const PEERS: &[&str] = &[
    "tokio",
    "linkspan-unix",
    "linkspan-unchecked",
    "linkspan-tcp",
    "tarpc",
    "tonic",
];

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: "open, call, close".to_owned(),
        peers: PEERS,
        setting: Setting::OneThread,
        work: Work::Connect(Connect {
            duration: effort.duration,
        }),
    }]
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Connect {
    pub(super) duration: Duration,
}

impl Connect {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        let body = peer::body(64);
        let mut latencies = Latencies::new()?;
        let begin = Instant::now();
        let mut opened = begin;
        while opened - begin < self.duration {
            P::connect(target.address.clone())
                .await?
                .echo(body.clone())
                .await?;
            let closed = Instant::now();
            latencies.record(closed - opened)?;
            opened = closed;
        }
        let rate = latencies.count() as f64 / (opened - begin).as_secs_f64();
        Ok(latencies.into_sample().with(Figure::Rate, rate))
    }
}
