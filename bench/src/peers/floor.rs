//! The floor below commands of a daemon: a small program over a bare socket, and the socket alone.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::peer::Place;
use crate::process::beside;
use crate::program::{Program, Started, Task};

/// A client process that copies from the socket to its output.
pub(crate) struct FloorCommand(Floor);

/// This process reads from the socket itself.
pub(crate) struct FloorSocket(Floor);

impl Program for FloorCommand {
    const NAME: &'static str = "std-command";

    fn prepare(place: &Place) -> Result<Self> {
        Floor::serve(place).map(Self)
    }

    fn start(&self, task: Task) -> Result<Started> {
        let mut command = Command::new(&self.0.program);
        command.arg(&self.0.socket);
        match task {
            Task::Greet => command.arg("hello"),
            Task::Stream(bytes) => command.arg("stream").arg(bytes.to_string()),
        };
        Started::process(&mut command)
    }

    fn daemon(&self) -> Result<Option<u32>> {
        Ok(Some(self.0.daemon.id()))
    }
}

impl Program for FloorSocket {
    const NAME: &'static str = "std-socket";

    fn prepare(place: &Place) -> Result<Self> {
        Floor::serve(place).map(Self)
    }

    fn start(&self, task: Task) -> Result<Started> {
        let bytes = match task {
            Task::Greet => 0,
            Task::Stream(bytes) => bytes,
        };
        let mut stream = UnixStream::connect(&self.0.socket)?;
        stream.write_all(&bytes.to_be_bytes())?;
        Ok(Started::connection(stream))
    }

    fn daemon(&self) -> Result<Option<u32>> {
        Ok(Some(self.0.daemon.id()))
    }
}

/// The daemon, which lives as long as its standard input.
struct Floor {
    program: PathBuf,
    socket: String,
    daemon: Child,
}

impl Floor {
    fn serve(place: &Place) -> Result<Self> {
        let (program, socket) = (beside("floor")?, place.socket());
        let mut daemon = Command::new(&program)
            .args([&socket, "serve"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = daemon.stdout.take().context("no output of the daemon")?;
        let floor = Self {
            program,
            socket,
            daemon,
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        ensure!(!line.is_empty(), "the daemon does not listen");
        Ok(floor)
    }
}

impl Drop for Floor {
    /// Waiting closes the daemon's standard input first.
    fn drop(&mut self) {
        self.daemon.wait().ok();
    }
}
