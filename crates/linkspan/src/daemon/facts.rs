//! Who a daemon is.

use std::fmt;
use std::io;
use std::time::SystemTime;

use bytes::Bytes;

use crate::daemon::StartupReason;
use crate::daemon::wire::{DaemonIdentity, LogTail, Role, VersionCheck};

/// What a daemon knows about itself.
pub(super) struct Facts {
    pub(super) daemon_id: String,
    pub(super) build_id: String,
    pub(super) build_timestamp_ms: Option<u64>,
    pub(super) executable: Bytes,
    pub(super) startup: StartupReason,
    pub(super) started_ms: u64,
    /// Whether somebody starts a successor when it is asked to restart.
    pub(super) can_restart: bool,
    /// Reads the end of its log.
    pub(super) logs: Option<Logs>,
}

/// Reads at most so many bytes of the end of a log.
pub(super) type Logs = Box<dyn Fn(usize) -> io::Result<LogTail> + Send + Sync>;

impl Facts {
    pub(super) fn new(daemon_id: String) -> Self {
        let executable = std::env::current_exe().unwrap_or_default();
        let executable = executable.into_os_string().into_encoded_bytes();
        Self {
            daemon_id,
            build_id: String::new(),
            build_timestamp_ms: None,
            executable: executable.into(),
            startup: StartupReason::default(),
            started_ms: now_ms(),
            can_restart: false,
            logs: None,
        }
    }

    pub(super) fn version_check(&self) -> VersionCheck {
        let mut check = VersionCheck::new(Role::Daemon, &self.daemon_id, &self.build_id);
        check.build_timestamp_ms = self.build_timestamp_ms;
        check.pid = Some(std::process::id());
        check
    }

    pub(super) fn identity(&self) -> DaemonIdentity {
        let pid = std::process::id();
        let mut identity = DaemonIdentity::new(&self.daemon_id, pid, VersionCheck::VERSIONS);
        identity.build_id.clone_from(&self.build_id);
        identity.build_timestamp_ms = self.build_timestamp_ms;
        identity.executable = self.executable.clone();
        identity
    }
}

/// Milliseconds since 1970.
fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| u64::try_from(now.as_millis()).unwrap_or(u64::MAX))
}

impl fmt::Debug for Facts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Facts")
            .field("daemon_id", &self.daemon_id)
            .field("build_id", &self.build_id)
            .field("startup", &self.startup)
            .finish_non_exhaustive()
    }
}
