//! Settings of a client.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use crate::daemon::lifecycle::{Build, BuildPolicy, DaemonId, LifecycleConfig, Settings};
use crate::daemon::{Config, DaemonClient};

/// Makes a [`DaemonClient`].
#[derive(Debug)]
pub struct DaemonClientBuilder {
    id: DaemonId,
    build: Option<Build>,
    config: Config,
    lifecycle: LifecycleConfig,
}

impl DaemonClientBuilder {
    pub(super) fn new(id: DaemonId) -> Self {
        Self {
            id,
            build: None,
            config: Config::default(),
            lifecycle: LifecycleConfig::default(),
        }
    }

    /// Settings of times and limits.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Settings of how the daemon comes and goes.
    #[must_use]
    pub fn lifecycle(mut self, lifecycle: LifecycleConfig) -> Self {
        self.lifecycle = lifecycle;
        self
    }

    /// The program that is started as the daemon, by its absolute path. As this client is of another
    /// program, it takes the daemon as it is: see [`BuildPolicy::Share`].
    #[must_use]
    pub fn executable(mut self, program: impl Into<PathBuf>) -> Self {
        self.lifecycle.executable = Some(program.into());
        self.lifecycle.build_policy = BuildPolicy::Share;
        self
    }

    /// The build of this client. Default: by the file of this process's program.
    #[must_use]
    pub fn build_id(mut self, build: Build) -> Self {
        self.build = Some(build);
        self
    }

    /// The client. It connects with the first command.
    ///
    /// # Errors
    ///
    /// The system's error if the program's file cannot be looked at.
    pub fn build(self) -> io::Result<DaemonClient> {
        let mut settings = Settings::new(self.id)?;
        settings.build = self.build.unwrap_or(settings.build);
        settings.config = self.config;
        settings.lifecycle = self.lifecycle;
        Ok(DaemonClient::new(Arc::new(settings)))
    }
}
