//! What is done with brokers.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::bus::Bus;
use crate::figures::Sample;
use crate::scenarios::Target;
use crate::scenarios::bus_call::BusCall;
use crate::scenarios::bus_idle::BusIdle;
use crate::scenarios::fan_out::FanOut;

/// The work of one of the scenarios of brokers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum BusWork {
    FanOut(FanOut),
    Call(BusCall),
    Idle(BusIdle),
}

impl BusWork {
    pub(crate) async fn measure<B: Bus>(self, target: Target) -> Result<Sample> {
        match self {
            Self::FanOut(work) => work.measure::<B>(target).await,
            Self::Call(work) => work.measure::<B>(target).await,
            Self::Idle(work) => work.measure::<B>(target).await,
        }
    }
}

/// All brokers, in the order of the tables.
pub(super) const PEERS: &[&str] = &["linkspan-bus", "linkspan-busrt", "busrt", "nats"];
