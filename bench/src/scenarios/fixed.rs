//! A fixed number of calls, for those who count something else than time.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::figures::Sample;
use crate::peer::{self, Connection, Peer};
use crate::scenarios::Target;

/// `in_flight` tasks make `calls` calls each, of 64 bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Fixed {
    pub(crate) calls: usize,
    pub(crate) in_flight: usize,
}

impl Fixed {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        let connection = P::connect(target.address).await?;
        let mut callers = JoinSet::new();
        for _ in 0..self.in_flight {
            callers.spawn(call_times(connection.clone(), self.calls));
        }
        while let Some(caller) = callers.join_next().await {
            caller??;
        }
        Ok(Sample::default())
    }
}

async fn call_times(connection: impl Connection, calls: usize) -> Result<()> {
    let body = peer::body(64);
    for _ in 0..calls {
        connection.echo(body.clone()).await?;
    }
    Ok(())
}
