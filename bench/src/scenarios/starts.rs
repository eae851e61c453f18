//! What is done with processes, by starting them.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::Sample;
use crate::peer::Place;
use crate::scenarios::plugin_idle::PluginIdle;
use crate::scenarios::plugin_spawn::Spawn;
use crate::starter::Starter;

/// The work of one of the scenarios of processes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Starts {
    Spawn(Spawn),
    Idle(PluginIdle),
}

impl Starts {
    pub(crate) async fn measure<S: Starter>(self, place: Place) -> Result<Sample> {
        match self {
            Self::Spawn(work) => work.measure::<S>(&place).await,
            Self::Idle(work) => work.measure::<S>(&place).await,
        }
    }
}
