//! Settings of daemons.

use std::time::Duration;

use crate::daemon::ConfigError;
use crate::daemon::wire::{Limits, VersionCheck};

/// Settings of a daemon and of those who start it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Time without commands after which a daemon ends. Default: 3 h.
    pub idle_exit: Duration,
    /// Longest command with arguments, environment and payload, in bytes; input is not counted.
    /// Default: 8 MiB; at least 64 KiB. A client can make the daemon buffer one such command.
    pub max_command_bytes: u32,
    /// Connections at once; further ones are told to come again later, and may ask about the daemon
    /// and end it. Default: 100.
    pub max_connections: usize,
    /// Commands that run at once, on all connections together; further ones are told to come again
    /// later. Default: 100.
    pub max_commands: usize,
    /// Time for the version check of a new connection. Default: 2 s.
    pub handshake_timeout: Duration,
    /// Time for a new daemon to be ready. Default: 10 s.
    pub spawn_timeout: Duration,
    /// Time for a handler to end when its command is cancelled; then it is dropped at its next await.
    /// Default: 5 s.
    pub cancel_grace: Duration,
    /// Time for commands that run when a daemon has to end; then they are cancelled. Default: 30 s.
    pub drain_timeout: Duration,
    /// Most data in one frame of output, in bytes. Default: 64 KiB; at most 1 MiB. Larger ones cost a
    /// slow connection more memory, smaller ones more frames.
    pub chunk_bytes: u32,
    /// Input that a client may send ahead of a command's handler, in bytes; nothing before it reads.
    /// Default: 1 MiB. A command can make the daemon buffer that much.
    pub stdin_window_bytes: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            idle_exit: Duration::from_secs(3 * 60 * 60),
            max_command_bytes: 8 * 1024 * 1024,
            max_connections: 100,
            max_commands: 100,
            handshake_timeout: Duration::from_secs(2),
            spawn_timeout: Duration::from_secs(10),
            cancel_grace: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(30),
            chunk_bytes: 64 * 1024,
            stdin_window_bytes: 1024 * 1024,
        }
    }
}

impl Config {
    /// Looks for values that nothing can work with.
    ///
    /// # Errors
    ///
    /// [`ConfigError::OutOfRange`] for the first of them.
    pub fn check(&self) -> Result<(), ConfigError> {
        let most = u64::from(u32::MAX);
        let ranges = [
            (
                "max_command_bytes",
                self.max_command_bytes.into(),
                u64::from(Limits::LEAST_BYTES),
                most,
            ),
            ("max_connections", self.max_connections as u64, 1, most),
            ("max_commands", self.max_commands as u64, 1, most),
            (
                "chunk_bytes",
                self.chunk_bytes.into(),
                1,
                VersionCheck::STREAM_CREDIT,
            ),
            (
                "stdin_window_bytes",
                self.stdin_window_bytes.into(),
                4,
                most,
            ),
        ];
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return Err(ConfigError::OutOfRange {
                    key,
                    value,
                    least,
                    most,
                });
            }
        }
        Ok(())
    }

    /// What frames a daemon takes.
    pub(super) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        limits.max_command_bytes = self.max_command_bytes;
        limits
    }
}
