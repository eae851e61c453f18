//! A node in a process of its own, for as long as a command needs it.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, anyhow};
use linkspan::Address;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::config::Loaded;
use crate::node::Ready;

/// A node that ends when this is dropped, or when this process dies.
#[derive(Debug)]
pub(crate) struct ChildNode {
    child: Child,
    address: Address,
}

impl ChildNode {
    /// Starts a node with the configuration of this process, which listens where the options say.
    pub(crate) async fn start(listen: &[&str], loaded: &Loaded) -> anyhow::Result<Self> {
        let program = std::env::current_exe().context("cannot find the own program")?;
        let mut command = Command::new(program);
        command
            .args(["up", "--json", "--until-stdin-closes"])
            .args(listen);
        if let Some(file) = loaded.file() {
            command.arg("--config").arg(file);
        }
        let backend = loaded.config.ipc.transport.to_string();
        command
            .env("LINKSPAN_ENVIRONMENT__LOG_LEVEL", "warn")
            .env("LINKSPAN_IPC__TRANSPORT", backend)
            // Another node may answer there.
            .env("LINKSPAN_IPC__ENDPOINT_PATH", "null")
            .env("LINKSPAN_BUS__LISTEN", "[]")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = command
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a node")?;
        let stdout = child.stdout.take().context("the node has no output")?;
        let mut lines = BufReader::new(stdout).lines();
        let line = tokio::time::timeout(START_LIMIT, lines.next_line())
            .await
            .map_err(|_| anyhow!("the node was not ready within {START_LIMIT:?}"))??
            .context("the node ended before it was ready")?;
        let ready: Ready = serde_json::from_str(&line).context("the node said something else")?;
        let bound = ready
            .addresses
            .first()
            .context("the node listens nowhere")?;
        Ok(Self {
            child,
            address: bound.parse()?,
        })
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// Ends it in order.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        drop(self.child.stdin.take());
        tokio::time::timeout(STOP_LIMIT, self.child.wait())
            .await
            .map_err(|_| anyhow!("the node did not end within {STOP_LIMIT:?}"))??;
        Ok(())
    }
}

const START_LIMIT: Duration = Duration::from_secs(10);
const STOP_LIMIT: Duration = Duration::from_secs(15);
