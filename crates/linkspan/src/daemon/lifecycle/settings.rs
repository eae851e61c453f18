//! What client and daemon of one program have in common.

use std::io;

use crate::daemon::Config;
use crate::daemon::lifecycle::{Build, DaemonId, LifecycleConfig, Log, PlaceError, Places};
use crate::daemon::wire::{Role, VersionCheck};

/// Which daemon, of which build, by which rules.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) id: DaemonId,
    pub(crate) build: Build,
    pub(crate) config: Config,
    pub(crate) lifecycle: LifecycleConfig,
}

impl Settings {
    /// The usual ones; the build is that of this process's program.
    pub(crate) fn new(id: DaemonId) -> io::Result<Self> {
        Ok(Self {
            id,
            build: Build::of_executable()?,
            config: Config::default(),
            lifecycle: LifecycleConfig::default(),
        })
    }

    pub(crate) fn places(&self) -> Result<Places, PlaceError> {
        Places::open(&self.id, self.lifecycle.runtime_directory.as_deref())
    }

    pub(crate) fn log(&self, places: &Places) -> Log {
        let LifecycleConfig {
            max_log_bytes,
            kept_logs,
            ..
        } = self.lifecycle;
        Log::new(places.log(), max_log_bytes, kept_logs)
    }

    /// What this side says first.
    pub(crate) fn version_check(&self, role: Role) -> VersionCheck {
        let mut check = VersionCheck::new(role, self.id.as_str(), self.build.id());
        check.build_timestamp_ms = self.build.timestamp_ms();
        check.pid = Some(std::process::id());
        check
    }
}
