//! Commands that say a word.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use crate::figures::{Figure, Latencies, Sample};
use crate::program::{Program, Task};
use crate::scenarios::{Case, Commands, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "first-byte",
    title: "The first byte of a command",
    text: "From just before a program is started, without a shell, until the first byte of its output \
           has been read from a pipe; 50 commands in each sample, after 3 that do not count. *Cold* \
           is without a daemon, which the command starts, and which is stopped after it; *warm* is \
           with a daemon that runs. `echo` is `/bin/echo`, for what starting any program costs. \
           `std-command` is a small program whose daemon does no more than write the greeting into \
           a bare socket.",
    cases,
    figures: &[Figure::P50, Figure::P99],
    ratios: &[(Figure::P50, "echo")],
};

pub(crate) const COLD: &str = "cold";
pub(crate) const WARM: &str = "warm";

fn cases(effort: Effort) -> Vec<Case> {
    let case = |label: &str, peers, is_cold| Case {
        label: label.to_owned(),
        peers,
        setting: Setting::OneThread,
        work: Work::Commands(Commands::FirstByte(FirstByte {
            commands: if effort.is_smoke { 5 } else { 50 },
            is_cold,
        })),
    };
    vec![
        case(COLD, &["echo", "linkspan-daemon", "daemon-cli"], true),
        case(
            WARM,
            &["echo", "std-command", "linkspan-daemon", "daemon-cli"],
            false,
        ),
    ]
}

/// Starts `commands` commands, one after the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FirstByte {
    commands: usize,
    /// Whether no daemon runs before each.
    is_cold: bool,
}

impl FirstByte {
    pub(super) fn measure(self, program: &impl Program) -> Result<Sample> {
        for _ in 0..WARM_UP {
            self.first_byte(program)?;
        }
        let before = self.daemon(program)?;
        let mut latencies = Latencies::new()?;
        for _ in 0..self.commands {
            latencies.record(self.first_byte(program)?)?;
        }
        ensure!(
            self.daemon(program)? == before,
            "another daemon runs than before"
        );
        Ok(latencies.into_sample())
    }

    fn first_byte(&self, program: &impl Program) -> Result<Duration> {
        if self.is_cold {
            program.stop_daemon()?;
        }
        let mut first = [0];
        let begin = Instant::now();
        let mut started = program.start(Task::Greet)?;
        started.output.read_exact(&mut first)?;
        let latency = begin.elapsed();
        started.finish_greeting(&first)?;
        Ok(latency)
    }

    /// The daemon that all commands have in common.
    fn daemon(&self, program: &impl Program) -> Result<Option<u32>> {
        match self.is_cold {
            true => Ok(None),
            false => program.daemon(),
        }
    }
}

/// Commands before anything counts, so that files are in memory.
const WARM_UP: usize = 3;
