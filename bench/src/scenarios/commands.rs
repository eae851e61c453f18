//! What is done with programs, by starting them.

use anyhow::Result;
use serde::{Deserialize, Serialize};

use crate::figures::Sample;
use crate::program::Program;
use crate::scenarios::daemon_memory::DaemonMemory;
use crate::scenarios::first_byte::FirstByte;
use crate::scenarios::output::Output;

/// The work of one of the scenarios of programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Commands {
    FirstByte(FirstByte),
    Output(Output),
    DaemonMemory(DaemonMemory),
}

impl Commands {
    pub(crate) fn measure(self, program: &impl Program) -> Result<Sample> {
        match self {
            Self::FirstByte(work) => work.measure(program),
            Self::Output(work) => work.measure(program),
            Self::DaemonMemory(work) => work.measure(program),
        }
    }
}
