//! What stands around plugins, and how much each of their processes may use.

use linkspan::plugin::{Limits, SandboxLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::choose;

/// A key of the section, and what is wrong with its value.
type Wrong = (&'static str, String);

/// What each process of a plugin may use at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct ResourceLimits {
    /// Memory, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_memory_mb: Option<u32>,
    /// Processors, as in 0.5 for half the time of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_cpu_cores: Option<f64>,
    /// Room for files of its own, in MiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_disk_mb: Option<u32>,
    /// Processes and threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_processes: Option<u32>,
    /// Files that are open at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_files: Option<u32>,
}

/// What a plugin that asks for nothing needs is far below; what goes wrong is far above.
impl Default for ResourceLimits {
    fn default() -> Self {
        Self {
            max_memory_mb: Some(1024),
            max_cpu_cores: None,
            max_disk_mb: None,
            max_processes: Some(256),
            max_files: Some(1024),
        }
    }
}

impl ResourceLimits {
    /// What the library is told.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_memory_mb = self.max_memory_mb;
        limits.max_cpu_cores = self.max_cpu_cores;
        limits.max_disk_mb = self.max_disk_mb;
        limits.max_processes = self.max_processes;
        limits.max_files = self.max_files;
        limits
    }

    pub(super) fn check(&self) -> Result<(), Wrong> {
        let least = [
            ("resource_limits.max_memory_mb", self.max_memory_mb, 1),
            ("resource_limits.max_processes", self.max_processes, 1),
            ("resource_limits.max_files", self.max_files, LEAST_FILES),
        ];
        let mut too_small = least.into_iter().filter_map(|(key, value, least)| {
            let value = value.filter(|value| *value < least)?;
            Some((key, format!("{value} is below the least of {least}")))
        });
        if let Some(wrong) = too_small.next() {
            return Err(wrong);
        }
        match self.max_cpu_cores {
            Some(cores) if !(cores > 0.0 && cores <= MAX_CORES) => {
                let problem = format!("{cores} is not a number above 0, up to {MAX_CORES}");
                Err(("resource_limits.max_cpu_cores", problem))
            }
            _ => Ok(()),
        }
    }
}

/// The least that has to be around each plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Sandbox {
    /// Whether plugins have to be in one; if not, they are trusted as the node's user is, unless their
    /// manifests ask for one.
    enabled: bool,
    /// None, Process: they open and reach only what they were granted; Container: in namespaces of their
    /// own, too.
    sandbox_type: SandboxType,
    /// Whether they see no files but their own and those that they were granted, for which they need a
    /// Container; without it, as `sandbox_type` says.
    #[serde(skip_serializing_if = "Option::is_none")]
    isolated_filesystem: Option<bool>,
    /// Whether `net.connect:HOST:PORT` can be granted.
    pub(super) network_access: bool,
}

impl Default for Sandbox {
    fn default() -> Self {
        Self {
            enabled: true,
            sandbox_type: SandboxType::Process,
            isolated_filesystem: None,
            network_access: false,
        }
    }
}

impl Sandbox {
    /// What that comes to.
    pub(super) fn level(&self) -> Result<SandboxLevel, Wrong> {
        if !self.enabled {
            return Ok(SandboxLevel::None);
        }
        let wrong = |problem: &str| Err(("sandbox.isolated_filesystem", problem.to_owned()));
        match (self.sandbox_type, self.isolated_filesystem) {
            (SandboxType::None, Some(true)) => wrong("true needs the sandbox_type Container"),
            (SandboxType::None, _) => Ok(SandboxLevel::None),
            (SandboxType::Process, Some(true)) => Ok(SandboxLevel::Strict),
            (SandboxType::Process, _) => Ok(SandboxLevel::Basic),
            (SandboxType::Container, Some(false)) => {
                wrong("false needs the sandbox_type Process: a Container has its own files")
            }
            (SandboxType::Container, _) => Ok(SandboxLevel::Strict),
        }
    }
}

/// What kind of sandbox is around a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
enum SandboxType {
    /// None at all.
    None,
    /// Around the process alone.
    Process,
    /// All namespaces.
    Container,
}

impl<'de> Deserialize<'de> for SandboxType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("None", Self::None),
                ("Process", Self::Process),
                ("Container", Self::Container),
            ],
        )
    }
}

const MAX_CORES: f64 = 1024.0;
/// The connection, the standard streams, and some for the program.
const LEAST_FILES: u32 = 16;
