//! The floor below plugins: a small program with a tokio runtime, started with one end of a pair of
//! sockets and without anything around it.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::net;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::task::spawn_blocking;

use crate::peer::{Place, verify_echo};
use crate::process::beside;
use crate::starter::{Process, Starter};

/// Its name, in tables and on the command line.
pub(crate) const NAME: &str = "tokio-process";

pub(crate) struct BareProcess {
    /// As many copies as there are programs, as these would not share their files either.
    programs: Vec<PathBuf>,
}

impl Starter for BareProcess {
    type Loaded = PathBuf;
    type Process = Answering;

    async fn prepare(place: &Place, programs: usize) -> Result<Self> {
        let original = beside("bare")?;
        let copy = |number| {
            let path = place.directory().join(format!("bare-{number}"));
            fs::copy(&original, &path)?;
            Ok(path)
        };
        let programs = (0..programs).map(copy).collect::<Result<_>>()?;
        Ok(Self { programs })
    }

    async fn load(&self, number: usize) -> Result<PathBuf> {
        let program = self.programs.get(number);
        program.cloned().context("there are not as many programs")
    }

    async fn start(&self, program: PathBuf) -> Result<Answering> {
        let (ours, theirs) = net::UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        let child = Command::new(program)
            .stdin(OwnedFd::from(theirs))
            .stdout(Stdio::null())
            .spawn()?;
        let socket = UnixStream::from_std(ours)?;
        Ok(Answering { child, socket })
    }
}

/// A process that ends with its socket.
pub(crate) struct Answering {
    child: Child,
    socket: UnixStream,
}

impl Process for Answering {
    async fn echo(&mut self, body: Bytes) -> Result<()> {
        let mut answer = vec![0; body.len()];
        self.socket.write_all(&body).await?;
        self.socket.read_exact(&mut answer).await?;
        verify_echo(&body, &answer)
    }

    async fn end(self) -> Result<()> {
        let Self { mut child, socket } = self;
        drop(socket);
        let status = spawn_blocking(move || child.wait()).await??;
        ensure!(status.success(), "the process failed: {status}");
        Ok(())
    }
}
