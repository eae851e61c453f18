//! Calls through a broker.

use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bus::{Bus, Client};
use crate::figures::{Figure, Sample};
use crate::machine::cpu_seconds;
use crate::peer;
use crate::scenarios::bus::PEERS;
use crate::scenarios::calls::{call_until, sample_of};
use crate::scenarios::concurrency::label;
use crate::scenarios::{BusWork, Case, Effort, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "bus-call",
    title: "Calls through a broker",
    text: "64 bytes there and back, from one client of a broker to another one, with 1 and 64 calls in \
           flight. Both clients are in one process, with a connection each.",
    cases,
    figures: &[Figure::Rate, Figure::P50, Figure::P99, Figure::BrokerMicros],
    ratios: &[(Figure::P50, "nats"), (Figure::Rate, "busrt")],
};

/// How many calls are in flight.
pub(crate) const IN_FLIGHT: [usize; 2] = [1, 64];

fn cases(effort: Effort) -> Vec<Case> {
    let case = |in_flight| Case {
        label: label(in_flight),
        peers: PEERS,
        setting: Setting::OneThread,
        work: Work::Bus(BusWork::Call(BusCall {
            in_flight,
            duration: effort.duration,
        })),
    };
    IN_FLIGHT.map(case).into()
}

/// Each of `in_flight` tasks calls as soon as it has the answer to its last call.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BusCall {
    in_flight: usize,
    duration: Duration,
}

impl BusCall {
    pub(super) async fn measure<B: Bus>(self, target: Target) -> Result<Sample> {
        let broker = target.server.context("a broker has a process")?;
        let callee = B::connect(target.address.clone(), CALLEE.to_owned()).await?;
        let callee = callee.answer().await?;
        let caller = B::connect(target.address, CALLER.to_owned()).await?;
        let caller = caller.caller(CALLEE).await?;
        let body = peer::body(BODY_BYTES);
        let cpu_before = cpu_seconds(broker)?;
        let started = Instant::now();
        let begin = started + self.duration / WARM_UP;
        let mut callers = JoinSet::new();
        for _ in 0..self.in_flight {
            let (caller, body) = (caller.clone(), body.clone());
            callers.spawn(call_until(caller, body, begin, begin + self.duration));
        }
        let sample = sample_of(callers, BODY_BYTES, self.duration).await?;
        let cpu = cpu_seconds(broker)? - cpu_before;
        let seconds = started.elapsed().as_secs_f64();
        drop(callee);
        let rate = sample.figures.get(&Figure::Rate).copied();
        let rate = rate.context("calls have a rate")?;
        Ok(sample.with(Figure::BrokerMicros, cpu * 1e6 / (rate * seconds)))
    }
}

const CALLER: &str = "caller";
const CALLEE: &str = "callee";
const BODY_BYTES: usize = 64;
/// The part of the time that is spent before anything counts.
const WARM_UP: u32 = 5;
