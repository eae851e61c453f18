//! Manifests: what a plugin says of itself, before anything of it runs.

mod format;
mod read;
mod section;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use proto::message::VersionRange;

use crate::plugin::{Digest, Grant, PluginName, PluginPath};

pub use format::ManifestFormat;

/// What a plugin says of itself.
///
/// It asks, and the host decides: nothing in it is a right.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Manifest {
    /// Its name.
    pub name: PluginName,
    /// Its version, which nobody but people compares.
    pub version: String,
    /// What it does, in a sentence.
    pub description: Option<String>,
    /// Under which licence it is.
    pub license: Option<String>,
    /// Where more is to be found.
    pub homepage: Option<String>,
    /// In what language it is written, for people.
    pub language: Option<String>,
    /// Versions of the protocol that it speaks.
    pub protocol: VersionRange,
    /// What runs.
    pub entry: EntryPoint,
    /// What it can be asked, by name.
    pub methods: BTreeMap<String, Method>,
    /// Topics of what it is told and tells.
    pub events: Events,
    /// What it asks for.
    pub capabilities: Vec<Grant>,
    /// How much it needs.
    pub limits: Limits,
    /// The least that has to be around it for it to run. Default: basic.
    pub sandbox: SandboxLevel,
    /// How many processes of it run. Default: 1.
    pub instances: u32,
    /// What happens when it ends.
    pub restart: Restart,
    /// Time for it to say that it is ready. Default: 10 s.
    pub ready_timeout: Duration,
    /// Whether it goes on when its host ends, and is found by the next one. Default: no.
    pub reattach: bool,
    /// Files and folders that belong to it. Default, and if it is empty: all but those whose names begin
    /// with a `.`, and `__pycache__`.
    pub include: Vec<PluginPath>,
    /// The SHA-256 of every file that belongs to it; if it is empty, the plugin is not pinned.
    pub files: BTreeMap<PluginPath, Digest>,
}

/// What of a plugin runs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EntryPoint {
    /// The program or script.
    pub file: PluginPath,
    /// By which of its host's interpreters it is run; none if it is a program itself.
    pub interpreter: Option<String>,
    /// What it is started with.
    pub arguments: Vec<String>,
}

/// What can be said of a method before it is called.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Method {
    /// What it does.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, as JSON.
    pub input: Option<String>,
    /// The JSON Schema of its result, as JSON.
    pub output: Option<String>,
    /// Whether its result depends on its arguments alone, and nothing happens but the result.
    pub is_pure: bool,
    /// Whether doing it twice does no more than doing it once; so it is if it is pure.
    pub is_idempotent: bool,
}

/// Topics of a plugin's events, or masks of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Events {
    /// What it wants to be told.
    pub incoming: Vec<String>,
    /// What it tells.
    pub outgoing: Vec<String>,
}

/// How much a plugin needs at most, for each process of it; where it does not say, its host does.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Limits {
    /// Memory, in MiB.
    pub max_memory_mb: Option<u32>,
    /// Processors, as in 0.5 for half the time of one.
    pub max_cpu_cores: Option<f64>,
    /// What it may keep in files of its own, in MiB.
    pub max_disk_mb: Option<u32>,
    /// Processes and threads, itself included.
    pub max_processes: Option<u32>,
    /// Files that are open at once.
    pub max_files: Option<u32>,
}

/// How much stands between a plugin and the machine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum SandboxLevel {
    /// Nothing: it is trusted as its user is.
    None,
    /// It does not see other processes, other plugins and the host's sockets.
    #[default]
    Basic,
    /// It has nothing but what it was granted.
    Strict,
}

impl SandboxLevel {
    /// All of them, the least first.
    pub const ALL: &[Self] = &[Self::None, Self::Basic, Self::Strict];

    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Basic => "basic",
            Self::Strict => "strict",
        }
    }
}

/// What happens when a plugin ends by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Restart {
    /// When it is started again. Default: after a failure.
    pub policy: RestartPolicy,
    /// The first pause before that; each further one is twice as long. Less than 50 ms is as much as
    /// that. Default: 200 ms.
    pub backoff: Duration,
    /// The longest pause. Default: 30 s.
    pub max_backoff: Duration,
    /// So many failures within `crash_window` are enough: it is given up. Default: 5.
    pub max_crashes: u32,
    /// Within which time they count. Default: 5 min.
    pub crash_window: Duration,
}

impl Default for Restart {
    fn default() -> Self {
        Self {
            policy: RestartPolicy::OnFailure,
            backoff: Duration::from_millis(200),
            max_backoff: Duration::from_secs(30),
            max_crashes: 5,
            crash_window: Duration::from_secs(300),
        }
    }
}

/// When a plugin that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestartPolicy {
    /// Never.
    Never,
    /// If it failed or was killed.
    OnFailure,
    /// In any case.
    Always,
}

impl RestartPolicy {
    /// All of them.
    pub const ALL: &[Self] = &[Self::Never, Self::OnFailure, Self::Always];

    /// Its name in manifests.
    pub fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::OnFailure => "on-failure",
            Self::Always => "always",
        }
    }
}
