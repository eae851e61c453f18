//! Starting this program again, as server and as client.
//!
//! Both live as long as their standard input: it ends with the bench, however that ends, so nothing
//! is left behind. They have a process group of their own, so that ^C reaches only the bench and
//! the server can remove its directory.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};

use crate::figures::Sample;
use crate::peer::Listening;
use crate::peers;
use crate::scenarios::{Setting, Work};

/// What a server or a client is told to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Order {
    pub(crate) peer: String,
    pub(crate) setting: Setting,
    pub(crate) work: Work,
    /// The server; none for the server itself, for a peer within one process, and for a program,
    /// which the client starts.
    pub(crate) server: Option<Listening>,
}

/// How processes are started.
#[derive(Debug, Default)]
pub(crate) struct Launcher {
    wrapper: Option<Wrapper>,
}

/// A program that runs ours, and where its words go.
#[derive(Debug)]
pub(crate) struct Wrapper {
    /// The program and its arguments.
    pub(crate) words: Vec<&'static str>,
    /// Standard error of the server.
    pub(crate) server_log: File,
    /// Standard error of the client.
    pub(crate) client_log: File,
}

/// What a process is.
#[derive(Debug, Clone, Copy)]
enum Role {
    Server,
    Client,
}

impl Launcher {
    /// One that starts everything under another program.
    pub(crate) fn wrapped(wrapper: Wrapper) -> Self {
        Self {
            wrapper: Some(wrapper),
        }
    }

    /// The program that everything is started under.
    pub(crate) fn into_wrapper(self) -> Option<Wrapper> {
        self.wrapper
    }

    /// Takes one sample, with a fresh server and a fresh client.
    pub(crate) fn sample(&self, mut order: Order) -> Result<Sample> {
        let server = if peers::named(&order.peer)?.has_server() {
            Some(self.serve(&order)?)
        } else {
            None
        };
        order.server = server.as_ref().and_then(|server| server.listening.clone());
        let sample = self.measure(&order);
        if let Some(server) = server {
            server.stop()?;
        }
        sample
    }

    /// Starts a server, and waits until it listens.
    pub(crate) fn serve(&self, order: &Order) -> Result<Server> {
        let mut child = self.command(Role::Server, order)?.spawn()?;
        let output = child.stdout.take().context("no output of the server")?;
        let mut server = Server {
            child,
            listening: None,
        };
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let listening = line
            .strip_prefix(LISTENING)
            .context("the server does not listen")?;
        server.listening = serde_json::from_str(listening)?;
        Ok(server)
    }

    fn measure(&self, order: &Order) -> Result<Sample> {
        let mut child = self.command(Role::Client, order)?.spawn()?;
        let mut output = String::new();
        if let Some(stdout) = &mut child.stdout {
            stdout.read_to_string(&mut output)?;
        }
        let status = child.wait()?;
        ensure!(status.success(), "the client failed: {status}");
        serde_json::from_str(&output).context("the client's sample cannot be read")
    }

    fn command(&self, role: Role, order: &Order) -> Result<Command> {
        let mut command = match &self.wrapper {
            // Not by its path, under which a build may put another one while this one runs.
            None => Command::new("/proc/self/exe"),
            Some(wrapper) => wrapper.command(role, &std::env::current_exe()?)?,
        };
        command.arg(role.name()).arg(serde_json::to_string(order)?);
        command
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        Ok(command)
    }
}

impl Wrapper {
    fn command(&self, role: Role, program: &Path) -> Result<Command> {
        let (wrapper, arguments) = self.words.split_first().context("a wrapper has a name")?;
        let mut command = Command::new(wrapper);
        let log = match role {
            Role::Server => &self.server_log,
            Role::Client => &self.client_log,
        };
        command
            .args(arguments)
            .arg(program)
            .stderr(log.try_clone()?);
        Ok(command)
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

/// A server that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    listening: Option<Listening>,
}

impl Server {
    /// Where it listens.
    pub(crate) fn listening(&self) -> Result<&Listening> {
        self.listening
            .as_ref()
            .context("the server does not listen")
    }

    /// Ends it, and sees whether it did well.
    pub(crate) fn stop(mut self) -> Result<()> {
        let status = self.child.wait()?;
        ensure!(status.success(), "the server failed: {status}");
        Ok(())
    }
}

impl Drop for Server {
    /// Waiting closes the server's standard input first.
    fn drop(&mut self) {
        self.child.wait().ok();
    }
}

/// The path of another program of the bench.
pub(crate) fn beside(name: &str) -> Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    ensure!(
        path.exists(),
        "{} is missing: `cargo xtask bench` builds it",
        path.display()
    );
    Ok(path)
}

/// What a server prints before it says where it listens.
pub(crate) const LISTENING: &str = "listening ";
