//! What plugins cost that do nothing.

use std::process;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::machine::{self, Share, megabytes, resident_kib};
use crate::peer::{self, Place};
use crate::scenarios::{Case, Effort, Scenario, Setting, Starts, Work};
use crate::starter::{Process, Starter};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "plugin-idle",
    title: "Idle plugins",
    text: "100 plugins, each with files of its own, are started by one host, answer one call each, and stay. \
           *MB each* is what one adds to the machine: the proportional set size (`Pss`) of all processes that \
           the host started, by the number of plugins; *private MB each* is what of that no other process has. \
           The pages of its program that it runs through are in it, and so is the process that the host puts \
           beside a plugin to end it. *Host MB* is the growth of the host's own resident memory. *Sealed MB* are \
           the copies of the programs that the host keeps in memory, whose pages plugins run through. \
           `tokio-process` is a small program with a tokio runtime and a bare socket, from a file of its own.",
    cases,
    figures: &[
        Figure::EachMb,
        Figure::EachPrivateMb,
        Figure::HostMb,
        Figure::SealedMb,
    ],
    ratios: &[],
};

/// The only case.
pub(crate) const CASE: &str = "after one call";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: &["tokio-process", "linkspan-plugin", "linkspan-plugin-strict"],
        setting: Setting::OneThread,
        work: Work::Starts(Starts::Idle(PluginIdle {
            plugins: if effort.is_smoke { 5 } else { 100 },
        })),
    }]
}

/// Starts `plugins` processes, and leaves them alone.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PluginIdle {
    plugins: usize,
}

impl PluginIdle {
    pub(super) async fn measure<S: Starter>(self, place: &Place) -> Result<Sample> {
        let starter = S::prepare(place, WARM_UP + self.plugins).await?;
        // What a host allocates once, it shall have allocated before.
        let first = start(&starter, 0..WARM_UP).await?;
        let before = Memory::settled().await?;
        let rest = start(&starter, WARM_UP..WARM_UP + self.plugins).await?;
        let after = Memory::settled().await?;
        drop((first, rest));
        let each = |kib: f64| megabytes(kib) / self.plugins as f64;
        Ok(Sample::default()
            .with(
                Figure::EachMb,
                each(after.share.total_kib - before.share.total_kib),
            )
            .with(
                Figure::EachPrivateMb,
                each(after.share.private_kib - before.share.private_kib),
            )
            .with(Figure::HostMb, megabytes(after.host_kib - before.host_kib))
            .with(
                Figure::SealedMb,
                megabytes(after.sealed_kib - before.sealed_kib),
            ))
    }
}

/// Starts the programs of these numbers, and calls each once.
async fn start<S: Starter>(
    starter: &S,
    numbers: impl Iterator<Item = usize>,
) -> Result<Vec<S::Process>> {
    let mut started = Vec::new();
    for number in numbers {
        let loaded = starter.load(number).await?;
        let mut process = starter.start(loaded).await?;
        process.echo(peer::body(64)).await?;
        started.push(process);
    }
    Ok(started)
}

/// Memory of this process, and of those that it has started.
#[derive(Debug, PartialEq)]
struct Memory {
    share: Share,
    host_kib: f64,
    sealed_kib: f64,
}

impl Memory {
    /// As soon as it hardly changes any more, or has changed for long enough.
    async fn settled() -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Self::now()?;
        while Instant::now() < deadline {
            tokio::time::sleep(PAUSE).await;
            let now = Self::now()?;
            let is_same = now == last;
            last = now;
            if is_same {
                break;
            }
        }
        Ok(last)
    }

    fn now() -> Result<Self> {
        let host = process::id();
        let mut share = Share::default();
        for process in machine::descendants(host)? {
            share += machine::share(process)?;
        }
        Ok(Self {
            share,
            host_kib: resident_kib(host)?,
            sealed_kib: machine::sealed_kib()?,
        })
    }
}

/// Plugins that are started before memory is looked at.
const WARM_UP: usize = 3;
const PAUSE: Duration = Duration::from_millis(150);
const PATIENCE: Duration = Duration::from_secs(3);
