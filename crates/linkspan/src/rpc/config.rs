//! Settings of servers and clients.

use crate::session::{self, ReconnectConfig};
use crate::transport;

/// Settings of a [`Server`](crate::rpc::Server).
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ServerConfig {
    /// Of its sessions.
    pub session: session::Config,
    /// Of the transports that it listens on.
    pub transport: transport::Config,
}

/// Settings of a [`Client`](crate::rpc::Client).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Of its sessions.
    pub session: session::Config,
    /// Of the transport that it uses.
    pub transport: transport::Config,
    /// How it comes back to a server that was restarted; `None` for one connection only.
    /// Default: it comes back.
    pub reconnect: Option<ReconnectConfig>,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            session: session::Config::default(),
            transport: transport::Config::default(),
            reconnect: Some(ReconnectConfig::default()),
        }
    }
}
