//! The scenarios, one file each: what is done, by which peers, and how it is shown.
//!
//! A new one is a file with a [`SCENARIO`](unary::SCENARIO), a line in [`ALL`], and, if no other
//! scenario does the same work with other numbers, a variant of [`Work`].

mod bus;
pub(crate) mod bus_call;
pub(crate) mod bus_idle;
mod calls;
mod commands;
mod compressed;
pub(crate) mod concurrency;
mod connect;
mod crowd;
pub(crate) mod daemon_memory;
pub(crate) mod exchange;
pub(crate) mod fan_out;
pub(crate) mod first_byte;
mod fixed;
pub(crate) mod idle;
pub(crate) mod mixed;
pub(crate) mod output;
pub(crate) mod plugin_calls;
pub(crate) mod plugin_idle;
pub(crate) mod plugin_spawn;
pub(crate) mod roll_back;
mod secret;
pub(crate) mod sizes;
mod starts;
pub(crate) mod stream;
mod threads;
pub(crate) mod unary;

use std::time::Duration;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::peer::{Listening, Peer};

pub(crate) use self::bus::BusWork;
pub(crate) use self::commands::Commands;
pub(crate) use self::fixed::Fixed;
pub(crate) use self::idle::allow_descriptors;
pub(crate) use self::starts::Starts;

/// All, in the order in which they run and are reported.
pub(crate) const ALL: &[&Scenario] = &[
    &unary::SCENARIO,
    &concurrency::SCENARIO,
    &threads::SCENARIO,
    &sizes::SCENARIO,
    &stream::SCENARIO,
    &mixed::SCENARIO,
    &connect::SCENARIO,
    &idle::SCENARIO,
    &exchange::SCENARIO,
    &roll_back::EXCHANGES,
    &roll_back::CALLS,
    &first_byte::SCENARIO,
    &output::SCENARIO,
    &daemon_memory::SCENARIO,
    &plugin_spawn::SCENARIO,
    &plugin_calls::UNARY,
    &plugin_calls::MANY,
    &plugin_calls::STREAM,
    &plugin_idle::SCENARIO,
    &fan_out::SCENARIO,
    &bus_call::SCENARIO,
    &bus_idle::SCENARIO,
    &compressed::SCENARIO,
    &secret::CALLS,
    &secret::STREAM,
    &secret::CONNECT,
];

/// One workload, in one or several variants, with the table that shows it.
#[derive(Debug)]
pub(crate) struct Scenario {
    /// Its name on the command line.
    pub(crate) name: &'static str,
    /// The head of its section.
    pub(crate) title: &'static str,
    /// What is done, for a person.
    pub(crate) text: &'static str,
    /// Its variants.
    pub(crate) cases: fn(Effort) -> Vec<Case>,
    /// The columns of its table.
    pub(crate) figures: &'static [Figure],
    /// Further columns: a figure, divided by that of another peer.
    pub(crate) ratios: &'static [(Figure, &'static str)],
}

/// One variant of a scenario.
#[derive(Debug)]
pub(crate) struct Case {
    /// What tells it from the others, for a person.
    pub(crate) label: String,
    /// Who takes part; those that are not built in are left out.
    pub(crate) peers: &'static [&'static str],
    pub(crate) setting: Setting,
    pub(crate) work: Work,
}

/// Where server and client run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Setting {
    /// A runtime of one thread each, on any core.
    OneThread,
    /// A runtime of two worker threads each, on any core.
    TwoThreads,
    /// A runtime of one thread each, both on the same core.
    OneCore,
}

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    /// How long a client measures what is done again and again.
    pub(crate) duration: Duration,
    /// Whether it is enough to see that everything works.
    pub(crate) is_smoke: bool,
}

impl Effort {
    /// Chunks for a stream of `gib` GiB, less in proportion when samples are shorter than usual.
    fn chunks(self, gib: f64) -> u64 {
        let bytes = gib * GIB * self.duration.as_secs_f64() / USUAL.as_secs_f64();
        // A whole number far below 2^53, as nobody waits for a petabyte.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "see above"
        )]
        let chunks = (bytes / CHUNK_BYTES as f64).ceil() as u64;
        chunks.max(16)
    }
}

/// What a client does, in the form in which it is told so.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    Calls(calls::Calls),
    Fixed(Fixed),
    Stream(stream::Stream),
    Mixed(mixed::Mixed),
    Connect(connect::Connect),
    Idle(idle::Idle),
    Crowd(crowd::Crowd),
    Commands(Commands),
    Bus(BusWork),
    Starts(Starts),
    /// What another program does.
    Nothing,
}

impl Work {
    pub(crate) async fn measure<P: Peer>(self, target: Target) -> Result<Sample> {
        match self {
            Self::Calls(work) => work.measure::<P>(target).await,
            Self::Fixed(work) => work.measure::<P>(target).await,
            Self::Stream(work) => work.measure::<P>(target).await,
            Self::Mixed(work) => work.measure::<P>(target).await,
            Self::Connect(work) => work.measure::<P>(target).await,
            Self::Idle(work) => work.measure::<P>(target).await,
            Self::Crowd(work) => work.measure::<P>(target).await,
            Self::Commands(work) => bail!("{work:?} needs a program"),
            Self::Bus(work) => bail!("{work:?} needs a broker"),
            Self::Starts(work) => bail!("{work:?} needs a program to start"),
            Self::Nothing => bail!("there is nothing to measure"),
        }
    }
}

/// The server that a client works with.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) address: String,
    /// Its process, if that is another one.
    pub(crate) server: Option<u32>,
}

impl From<Listening> for Target {
    fn from(server: Listening) -> Self {
        Self {
            address: server.address,
            server: Some(server.process),
        }
    }
}

/// How long a sample takes unless told otherwise.
pub(crate) const USUAL: Duration = Duration::from_millis(500);

pub(crate) const GIB: f64 = (1_u64 << 30) as f64;
const CHUNK_BYTES: usize = 64 * 1024;
