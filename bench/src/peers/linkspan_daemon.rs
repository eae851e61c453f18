//! A program by `linkspan::daemon`, with its default settings.

use std::fs;
use std::io::Read;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, ensure};

use crate::peer::Place;
use crate::process::beside;
use crate::program::{Program, Started, Task};

/// A copy of the program, with a runtime directory of its own.
pub(crate) struct LinkspanDaemon {
    program: PathBuf,
    directory: PathBuf,
}

impl Program for LinkspanDaemon {
    const NAME: &'static str = "linkspan-daemon";

    fn prepare(place: &Place) -> Result<Self> {
        let directory = place.directory().to_owned();
        // A build may put another file in the place of the program, and then its daemon would give way.
        let program = directory.join(NAME);
        fs::copy(beside(NAME)?, &program)?;
        Ok(Self { program, directory })
    }

    fn start(&self, task: Task) -> Result<Started> {
        let mut command = self.command();
        match task {
            Task::Greet => command.arg("hello"),
            Task::Stream(bytes) => command.arg("stream").arg(bytes.to_string()),
        };
        Started::process(&mut command)
    }

    fn daemon(&self) -> Result<Option<u32>> {
        let mut started = Started::process(self.command().arg("pid"))?;
        let mut pid = String::new();
        started.output.read_to_string(&mut pid)?;
        let pid = pid.trim().parse();
        Ok(Some(pid.context("the daemon does not tell its process")?))
    }

    fn stop_daemon(&self) -> Result<()> {
        let stopped = self.control("stop")?;
        ensure!(stopped.success(), "the daemon cannot be stopped: {stopped}");
        let status = self.control("status")?;
        ensure!(
            status.code() == Some(1),
            "the daemon runs although it was stopped: {status}"
        );
        Ok(())
    }
}

impl LinkspanDaemon {
    fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("RUNTIME_DIRECTORY", &self.directory);
        command
    }

    fn control(&self, verb: &str) -> Result<ExitStatus> {
        let mut command = self.command();
        command.args(["--daemon", verb]).stdout(Stdio::null());
        Ok(command.status()?)
    }
}

impl Drop for LinkspanDaemon {
    /// A daemon that does not obey ends when its directory has gone.
    fn drop(&mut self) {
        self.control("stop").ok();
    }
}

const NAME: &str = "linkspan-bench-command";
