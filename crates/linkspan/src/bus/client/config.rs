//! Settings of clients.

use std::time::Duration;

use crate::bus::Post;
use crate::session::{self, ReconnectConfig};
use crate::transport;

/// Settings of a [`Client`](crate::bus::Client).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientConfig {
    /// Of its session.
    pub session: session::Config,
    /// Of the transport that it uses.
    pub transport: transport::Config,
    /// How it comes back to a broker that was restarted, and how long what it sends waits for that.
    pub reconnect: ReconnectConfig,
    /// What the broker publishes when the client is lost: when its connection ends, and nobody said
    /// that it goes. [`close`](crate::bus::Client::close) says so, and so does dropping the client, but
    /// not if its runtime ends with it. A post [to a topic](Post::to_topic). Default: nothing.
    pub will: Option<Post>,
    /// How long a call waits that does not say itself. Default: 30 s.
    pub call_timeout: Duration,
    /// Calls by others that are answered at once; further ones are refused. Default: 256.
    pub calls_at_once: usize,
    /// Messages that may wait in the [inbox](crate::bus::Client::inbox); then the oldest is dropped.
    /// Default: 1,024.
    pub inbox_messages: usize,
}

impl Default for ClientConfig {
    fn default() -> Self {
        Self {
            session: session::Config::default(),
            transport: transport::Config::default(),
            reconnect: ReconnectConfig::default(),
            will: None,
            call_timeout: Duration::from_secs(30),
            calls_at_once: 256,
            inbox_messages: 1024,
        }
    }
}
