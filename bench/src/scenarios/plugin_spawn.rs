//! From a plugin to its first answer.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Latencies, Sample};
use crate::peer::{self, Place};
use crate::scenarios::{Case, Effort, Scenario, Setting, Starts, Work};
use crate::starter::{Process, Starter};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "plugin-spawn",
    title: "The first answer of a plugin",
    text: "*Start* is from `Plugin::start` of a plugin that was loaded until the answer to the first call, \
           of 64 bytes: its program is copied into sealed memory and hashed once more, the sandbox is made, \
           and both sides agree on a session. *Load and start* begins before `PluginHost::load`, which reads \
           and hashes all files. 20 starts in each sample, after 2 that do not count; each process is ended \
           before the next one is started. `linkspan-plugin` has no sandbox around it, `-basic` and `-strict` \
           have the one of that level, `-python` has none, and Python's start is most of what it costs. \
           `tokio-process` is a small program with a bare socket.",
    cases,
    figures: &[Figure::P50, Figure::P99],
    ratios: &[(Figure::P50, "tokio-process")],
};

pub(crate) const START: &str = "start";
pub(crate) const LOAD: &str = "load and start";

fn cases(effort: Effort) -> Vec<Case> {
    let case = |label: &str, loads| Case {
        label: label.to_owned(),
        peers: &[
            "tokio-process",
            "linkspan-plugin",
            "linkspan-plugin-basic",
            "linkspan-plugin-strict",
            "linkspan-plugin-python",
        ],
        setting: Setting::OneThread,
        work: Work::Starts(Starts::Spawn(Spawn {
            times: if effort.is_smoke { 2 } else { 20 },
            loads,
        })),
    };
    vec![case(START, false), case(LOAD, true)]
}

/// Starts a program `times` times, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Spawn {
    times: usize,
    /// Whether loading it counts.
    loads: bool,
}

impl Spawn {
    pub(super) async fn measure<S: Starter>(self, place: &Place) -> Result<Sample> {
        let starter = S::prepare(place, 1).await?;
        for _ in 0..WARM_UP {
            self.first_answer(&starter).await?;
        }
        let mut latencies = Latencies::new()?;
        for _ in 0..self.times {
            latencies.record(self.first_answer(&starter).await?)?;
        }
        Ok(latencies.into_sample())
    }

    async fn first_answer(&self, starter: &impl Starter) -> Result<Duration> {
        let before = Instant::now();
        let loaded = starter.load(0).await?;
        let begin = if self.loads { before } else { Instant::now() };
        let mut process = starter.start(loaded).await?;
        process.echo(peer::body(64)).await?;
        let latency = begin.elapsed();
        process.end().await?;
        Ok(latency)
    }
}

/// Starts before anything counts, so that files are in memory.
const WARM_UP: usize = 2;
