//! Settings of a host.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::plugin::Config;
use crate::plugin::host::{GateConfig, LogConfig, Surroundings, Switchboard};
use crate::rpc::Router;
use crate::session;

/// Settings of a [`PluginHost`](crate::plugin::host::PluginHost).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct HostConfig {
    /// How plugins are verified.
    pub plugins: Config,
    /// How many plugins there may be. Default: 1,000.
    pub max_plugins: usize,
    /// What plugins can call, and where they publish and hear of events, as far as that is granted.
    /// Default: nothing to call, and a [`Switchboard`] between them.
    pub surroundings: Arc<dyn Surroundings>,
    /// How much each plugin may do there.
    pub gate: GateConfig,
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
            surroundings: Arc::new(Switchboard::new(Router::new())),
            gate: GateConfig::default(),
            session: session::Config::default(),
            logs: LogConfig::default(),
            sample_interval: Duration::from_secs(1),
            copies: None,
        }
    }
}
