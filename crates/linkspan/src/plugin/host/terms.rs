//! What a host grants to a plugin, and how it treats it.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::plugin::{Grant, Limits, Manifest, Restart, SandboxLevel};

pub use os::sandbox::Descriptor;

/// What a host grants to a plugin, and how it treats it.
///
/// A manifest asks, and these decide. By default a plugin is granted nothing, has to be in a sandbox,
/// and everything else is as its manifest says.
///
/// ```
/// use linkspan::plugin::host::Terms;
/// use linkspan::plugin::SandboxLevel;
///
/// let mut terms = Terms::default();
/// terms.grants = vec!["bus.publish:greeter/#".parse()?];
/// terms.sandbox = SandboxLevel::Strict;
/// terms.instances = Some(2);
/// # Ok::<(), linkspan::plugin::GrantError>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Terms {
    /// What it may do beyond computing; what it asks for besides is denied. Default: nothing.
    pub grants: Vec<Grant>,
    /// The least that has to be around it; where its manifest asks for more, that holds. Default:
    /// basic.
    pub sandbox: SandboxLevel,
    /// What each process of it may use at most; where its manifest asks for less, that holds. Default:
    /// no limits.
    pub limits: Limits,
    /// Its environment, beside what the protocol and its interpreter need. Default: empty; nothing of
    /// this process's own is handed on.
    pub environment: BTreeMap<String, String>,
    /// What each process of it inherits beside its connection. Default: nothing.
    pub descriptors: Vec<Inherited>,
    /// How many processes of it run. Default: as many as its manifest says.
    pub instances: Option<u32>,
    /// Which of them a call goes to. Default: the one with the least to do.
    pub balancing: Balancing,
    /// What happens when it ends by itself. Default: what its manifest says.
    pub restart: Option<Restart>,
    /// Time for a process to run, to agree on a session and to say what it is. Default: 10 s.
    pub start_timeout: Duration,
    /// Time from there until it says that it is ready. Default: what its manifest says.
    pub ready_timeout: Option<Duration>,
    /// Silence after which a process is ended. It answers by a thread of its own, however busy it is;
    /// time in which this process stood still does not count. Default: 60 s; `None` waits for ever.
    pub liveness_timeout: Option<Duration>,
    /// Time for calls that are under way when it is stopped. Default: 10 s.
    pub drain_timeout: Duration,
    /// Time to end after that, once by itself and once after SIGTERM, before all of it is killed.
    /// Default: 2 s.
    pub exit_timeout: Duration,
    /// How long a call waits while it starts or is started again, unless the call has a deadline.
    /// Default: 10 s.
    pub patience: Duration,
    /// Whether it is [reloaded](crate::plugin::host::Plugin::reload) when its files change. Default: no.
    pub reload_on_change: bool,
    /// A directory of cgroup v2 in which a cgroup for each process can be made. Default: none, so that
    /// limits hold by weaker means.
    pub cgroup: Option<PathBuf>,
    /// Where root finds a user for each process, who nobody else should be. Default: 2,000,000,000 and
    /// 65,535 after it.
    pub uids: RangeInclusive<u32>,
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            grants: Vec::new(),
            sandbox: SandboxLevel::Basic,
            limits: Limits::default(),
            environment: BTreeMap::new(),
            descriptors: Vec::new(),
            instances: None,
            balancing: Balancing::default(),
            restart: None,
            start_timeout: Duration::from_secs(10),
            ready_timeout: None,
            liveness_timeout: Some(Duration::from_secs(60)),
            drain_timeout: Duration::from_secs(10),
            exit_timeout: Duration::from_secs(2),
            patience: Duration::from_secs(10),
            reload_on_change: false,
            cgroup: None,
            uids: 2_000_000_000..=2_000_065_535,
        }
    }
}

impl Terms {
    /// The level that has to be reached for a plugin.
    pub fn level_for(&self, manifest: &Manifest) -> SandboxLevel {
        self.sandbox.max(manifest.sandbox)
    }

    /// What a plugin may do: what its manifest asks for, as far as that is granted.
    pub fn grants_for(&self, manifest: &Manifest) -> Vec<Grant> {
        Grant::common(&manifest.capabilities, &self.grants)
    }

    /// What each process of a plugin may use.
    pub fn limits_for(&self, manifest: &Manifest) -> Limits {
        let (ours, theirs) = (&self.limits, &manifest.limits);
        Limits {
            max_memory_mb: least(ours.max_memory_mb, theirs.max_memory_mb),
            max_cpu_cores: match (ours.max_cpu_cores, theirs.max_cpu_cores) {
                (Some(ours), Some(theirs)) => Some(ours.min(theirs)),
                (ours, theirs) => ours.or(theirs),
            },
            max_disk_mb: least(ours.max_disk_mb, theirs.max_disk_mb),
            max_processes: least(ours.max_processes, theirs.max_processes),
            max_files: least(ours.max_files, theirs.max_files),
        }
    }

    /// How many processes of a plugin run.
    pub fn instances_for(&self, manifest: &Manifest) -> u32 {
        self.instances.unwrap_or(manifest.instances).max(1)
    }

    /// What happens when a plugin ends by itself.
    pub fn restart_for(&self, manifest: &Manifest) -> Restart {
        self.restart.unwrap_or(manifest.restart)
    }

    /// Time for a plugin to say that it is ready.
    pub fn ready_timeout_for(&self, manifest: &Manifest) -> Duration {
        self.ready_timeout.unwrap_or(manifest.ready_timeout)
    }
}

fn least(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}

/// Which process of a plugin a call goes to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Balancing {
    /// The one with the fewest calls that it has not answered.
    #[default]
    LeastLoaded,
    /// One after the other.
    RoundRobin,
}

/// Something that each process of a plugin inherits, as one end of a further connection.
#[derive(Clone)]
#[non_exhaustive]
pub struct Inherited {
    /// Its number in the process, from 4 to 1023.
    pub number: u32,
    make: Arc<Make>,
}

type Make = dyn Fn(u32) -> io::Result<Descriptor> + Send + Sync;

impl Inherited {
    /// What `make` gives each time that a process is started; it is told which instance that is, from 0
    /// on. It may block.
    pub fn new(
        number: u32,
        make: impl Fn(u32) -> io::Result<Descriptor> + Send + Sync + 'static,
    ) -> Self {
        Self {
            number,
            make: Arc::new(make),
        }
    }

    /// That for an instance which is started now.
    ///
    /// # Errors
    ///
    /// Those of the closure.
    pub fn make(&self, instance: u32) -> io::Result<Descriptor> {
        (self.make)(instance)
    }
}

impl fmt::Debug for Inherited {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inherited")
            .field("number", &self.number)
            .finish_non_exhaustive()
    }
}
