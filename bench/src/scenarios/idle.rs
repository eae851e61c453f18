//! What a connection costs that does nothing.

use std::process;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::machine;
use crate::peer::{self, Connection, Peer};
use crate::scenarios::{Case, Effort, Scenario, Setting, Target, Work, connect};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "idle",
    title: "Idle connections",
    text: "1,000 connections are opened, make one call each, and stay. The figures are the growth \
           of the resident memory of each process (`VmRSS`) for each connection; the kernel's own \
           socket buffers are not in it.",
    cases,
    figures: &[Figure::ServerKib, Figure::ClientKib],
    ratios: &[],
};

/// The only case.
pub(crate) const CASE: &str = "after one call";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: connect::PEERS,
        setting: Setting::OneThread,
        work: Work::Idle(Idle {
            connections: if effort.is_smoke { 100 } else { 1000 },
        }),
    }]
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Idle {
    connections: usize,
}

impl Idle {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        // What a process allocates once, it shall have allocated before.
        drop(open::<P>(&target, WARM_UP).await?);
        let before = Resident::settled(&target).await?;
        let connections = open::<P>(&target, self.connections).await?;
        let after = Resident::settled(&target).await?;
        drop(connections);
        Ok(after.growth(&before, self.connections))
    }
}

/// So many connections, after one call of each.
pub(super) async fn open<P: Peer>(
    target: &Target,
    connections: usize,
) -> Result<Vec<P::Connection>> {
    let body = peer::body(64);
    let mut open = Vec::with_capacity(connections);
    for _ in 0..connections {
        let connection = P::connect(target.address.clone()).await?;
        connection.echo(body.clone()).await?;
        open.push(connection);
    }
    Ok(open)
}

/// The resident memory of both processes.
#[derive(Debug, PartialEq)]
pub(super) struct Resident {
    pub(super) server_kib: f64,
    client_kib: f64,
}

impl Resident {
    /// As soon as it does not change any more, or has changed for long enough.
    pub(super) async fn settled(target: &Target) -> Result<Self> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Self::now(target)?;
        let mut times = 0;
        while times < 3 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let now = Self::now(target)?;
            times = if now == last { times + 1 } else { 0 };
            last = now;
        }
        Ok(last)
    }

    /// What was added since before, for each connection.
    pub(super) fn growth(&self, before: &Self, connections: usize) -> Sample {
        let each = |kib: f64| kib / connections as f64;
        let server = each(self.server_kib - before.server_kib);
        let client = each(self.client_kib - before.client_kib);
        Sample::default()
            .with(Figure::ServerKib, server)
            .with(Figure::ClientKib, client)
    }

    fn now(target: &Target) -> Result<Self> {
        let client_kib = machine::resident_kib(process::id())?;
        let server = target.server.map(machine::resident_kib).transpose()?;
        Ok(Self {
            server_kib: server.unwrap_or_default(),
            client_kib,
        })
    }
}

/// Lets this process have as many descriptors as the system allows.
pub(crate) fn allow_descriptors() -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    setrlimit(
        Resource::Nofile,
        Rlimit {
            current: limit.maximum,
            ..limit
        },
    )?;
    Ok(())
}

/// Connections that are opened before memory is looked at.
pub(super) const WARM_UP: usize = 10;
const PATIENCE: Duration = Duration::from_secs(2);
