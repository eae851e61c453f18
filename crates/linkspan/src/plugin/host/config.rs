//! Settings of a host.

use std::path::PathBuf;
use std::time::Duration;

use crate::plugin::Config;
use crate::plugin::host::LogConfig;
use crate::session;

/// Settings of a [`PluginHost`](crate::plugin::host::PluginHost).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostConfig {
    /// How plugins are verified.
    pub plugins: Config,
    /// How many plugins there may be. Default: 1,000.
    pub max_plugins: usize,
    /// Of the sessions with plugins; how long they may be silent is a matter of their
    /// [terms](crate::plugin::host::Terms::liveness_timeout).
    pub session: session::Config,
    /// How much of what plugins say is kept.
    pub logs: LogConfig,
    /// How often it is looked what plugins use, and whether that is too much memory. Default: 1 s. It
    /// takes some milliseconds for all of them together.
    pub sample_interval: Duration,
    /// Where copies of plugins' files are, while they run. Default: a directory of this user's.
    pub copies: Option<PathBuf>,
}

impl Default for HostConfig {
    fn default() -> Self {
        Self {
            plugins: Config::default(),
            max_plugins: 1_000,
            session: session::Config::default(),
            logs: LogConfig::default(),
            sample_interval: Duration::from_secs(1),
            copies: None,
        }
    }
}
