//! Much data through a command.

use std::time::Instant;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Sample};
use crate::machine;
use crate::program::{Program, Task};
use crate::scenarios::{CHUNK_BYTES, Case, Commands, Effort, GIB, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "output",
    title: "The output of a command",
    text: "1 GiB from the daemon through a command into a pipe, in pieces of 64 KiB, from the start of \
           the command to its end; every byte is compared. `std-socket` is the bare socket, read by \
           the bench itself without a process between; `std-command` has a small one that copies \
           from the socket to the pipe. *MB at most* is the daemon's peak (`VmHWM`).",
    cases,
    figures: &[Figure::Throughput, Figure::PeakMb],
    ratios: &[
        (Figure::Throughput, "std-socket"),
        (Figure::Throughput, "std-command"),
    ],
};

/// The only case.
pub(crate) const CASE: &str = "1 GiB";

fn cases(effort: Effort) -> Vec<Case> {
    vec![Case {
        label: CASE.to_owned(),
        peers: &["std-socket", "std-command", "linkspan-daemon", "daemon-cli"],
        setting: Setting::OneThread,
        work: Work::Commands(Commands::Output(Output {
            bytes: effort.chunks(1.0) * CHUNK_BYTES as u64,
        })),
    }]
}

/// Reads so many bytes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Output {
    bytes: u64,
}

impl Output {
    pub(super) fn measure(self, program: &impl Program) -> Result<Sample> {
        receive(program, self.bytes / WARM_UP)?;
        let begin = Instant::now();
        receive(program, self.bytes)?;
        let seconds = begin.elapsed().as_secs_f64();
        let sample = Sample::default().with(Figure::Throughput, self.bytes as f64 / GIB / seconds);
        let peak = program.daemon()?.map(machine::peak_kib).transpose()?;
        Ok(sample.with(Figure::PeakMb, machine::megabytes(peak.unwrap_or_default())))
    }
}

fn receive(program: &impl Program, bytes: u64) -> Result<()> {
    program.start(Task::Stream(bytes))?.finish_stream(0, bytes)
}

/// The part of the stream that is received before anything counts.
const WARM_UP: u64 = 8;
