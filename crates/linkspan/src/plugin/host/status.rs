//! What can be known of a plugin while it runs.

use std::path::PathBuf;
use std::time::SystemTime;

use os::sandbox::{Applied, Usage};

use crate::plugin::host::{Ending, GateStats, RunError, State};
use crate::plugin::{Digest, PluginName, Ready};

/// What is known of a plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Status {
    /// Its name.
    pub name: PluginName,
    /// Its version.
    pub version: String,
    /// Its folder.
    pub path: PathBuf,
    /// What tells the files that run from every other state of them.
    pub digest: Digest,
    /// How far it has come.
    pub state: State,
    /// Since when.
    pub since: SystemTime,
    /// Its processes, those that are being stopped included.
    pub instances: Vec<InstanceStatus>,
    /// How often processes of it were started again because they ended by themselves.
    pub restarts: u64,
    /// When the next process is started again, if one waits for that.
    pub next_start: Option<SystemTime>,
    /// What was counted of what it did towards its host, since it was started or reloaded.
    pub gate: GateStats,
    /// How a process of it ended last.
    pub last_end: Option<Ending>,
    /// Why it does not run, if it has failed.
    pub failure: Option<RunError>,
}

/// What is known of a process of a plugin.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InstanceStatus {
    /// Which one it is, from 0 on.
    pub number: u32,
    /// Its process id.
    pub pid: u32,
    /// When it was ready first.
    pub since: SystemTime,
    /// Whether it is being stopped.
    pub is_stopping: bool,
    /// Whether it can do its work, and why not, as it says itself.
    pub ready: Ready,
    /// Calls that it was given.
    pub calls: u64,
    /// Those that it has not answered.
    pub in_flight: u32,
    /// How far it is confined, and where that is weaker than it could be.
    pub applied: Applied,
    /// What it uses, with all that it has started; none before the first look, and where the system
    /// does not tell.
    pub usage: Option<Usage>,
}
