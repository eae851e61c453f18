//! Many connections: what they cost while they are idle, and while all of them are busy.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::figures::{Figure, Sample};
use crate::machine;
use crate::peer::{self, Peer};
use crate::scenarios::Target;
use crate::scenarios::calls::{call_until, sample_of};
use crate::scenarios::idle::{Resident, WARM_UP, open};

/// Each of `connections` connections has one call in flight.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Crowd {
    pub(super) connections: usize,
    pub(super) body_bytes: usize,
    pub(super) duration: Duration,
}

impl Crowd {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        // What a process allocates once, it shall have allocated before.
        drop(open::<P>(&target, WARM_UP).await?);
        let before = Resident::settled(&target).await?;
        let connections = open::<P>(&target, self.connections).await?;
        let idle = Resident::settled(&target).await?;
        let sample = self.call_at_once::<P>(connections).await?;
        let peak = target.server.map(machine::peak_kib).transpose()?;
        let each = |kib: f64| (kib - before.server_kib) / self.connections as f64;
        Ok(sample
            .with(Figure::ServerKib, each(idle.server_kib))
            .with(Figure::BusyKib, each(peak.unwrap_or_default())))
    }

    async fn call_at_once<P: Peer>(&self, connections: Vec<P::Connection>) -> Result<Sample> {
        let body = peer::body(self.body_bytes);
        let (begin, mut callers) = (Instant::now(), JoinSet::new());
        for connection in connections {
            let end = begin + self.duration;
            callers.spawn(call_until(connection, body.clone(), begin, end));
        }
        sample_of(callers, self.body_bytes, self.duration).await
    }
}
