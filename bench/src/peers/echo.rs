//! The floor of all programs: one without a daemon.

use std::process::Command;

use anyhow::{Result, bail};
use linkspan_bench_command::GREETING;

use crate::peer::Place;
use crate::program::{Program, Started, Task};

pub(crate) struct Echo;

impl Program for Echo {
    const NAME: &'static str = "echo";

    fn prepare(_: &Place) -> Result<Self> {
        Ok(Self)
    }

    fn start(&self, task: Task) -> Result<Started> {
        match task {
            Task::Greet => Started::process(Command::new("/bin/echo").arg(GREETING.trim_end())),
            Task::Stream(_) => bail!("echo has no streams"),
        }
    }
}
