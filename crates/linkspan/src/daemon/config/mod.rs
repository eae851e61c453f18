//! Settings of daemons.

mod values;

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::daemon::ConfigError;
use crate::daemon::wire::{Limits, VersionCheck};

/// Settings of a daemon and of those who start it.
///
/// In configuration files the fields are the keys of the section `daemon`: durations have units, as
/// `3h`, sizes may, as `8MiB`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Time without commands after which a daemon ends. Default: 3 h.
    #[serde(with = "values::duration")]
    pub idle_exit: Duration,
    /// Longest command with arguments, environment and payload, in bytes; input is not counted.
    /// Default: 8 MiB; at least 64 KiB. A client can make the daemon buffer one such command.
    #[serde(with = "values::bytes")]
    pub max_command_bytes: u32,
    /// Connections at once; further ones are told to come again later, and may ask about the daemon
    /// and end it. Default: 100.
    pub max_connections: usize,
    /// Commands that run at once, on all connections together; further ones are told to come again
    /// later. Default: 100.
    pub max_commands: usize,
    /// Time for the version check of a new connection. Default: 2 s.
    #[serde(with = "values::duration")]
    pub handshake_timeout: Duration,
    /// Time for a new daemon to be ready. Default: 10 s.
    #[serde(with = "values::duration")]
    pub spawn_timeout: Duration,
    /// Time for a handler to end when its command is cancelled; then it is dropped at its next await.
    /// Default: 5 s.
    #[serde(with = "values::duration")]
    pub cancel_grace: Duration,
    /// Time for commands that run when a daemon has to end; then they are cancelled. Default: 30 s.
    #[serde(with = "values::duration")]
    pub drain_timeout: Duration,
    /// Most data in one frame of output, in bytes. Default: 64 KiB; at most 1 MiB. Larger ones cost a
    /// slow connection more memory, smaller ones more frames.
    #[serde(with = "values::bytes")]
    pub chunk_bytes: u32,
    /// Input that a client may send ahead of a command's handler, in bytes; nothing before it reads.
    /// Default: 1 MiB. A command can make the daemon buffer that much.
    #[serde(with = "values::bytes")]
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_section_has_these_keys_and_defaults() {
        let text = serde_json::json!({
            "idle_exit": "3h",
            "max_command_bytes": 8_388_608,
            "max_connections": 100,
            "max_commands": 100,
            "handshake_timeout": "2s",
            "spawn_timeout": "10s",
            "cancel_grace": "5s",
            "drain_timeout": "30s",
            "chunk_bytes": 65_536,
            "stdin_window_bytes": 1_048_576,
        });
        assert_eq!(serde_json::to_value(Config::default()).unwrap(), text);
        assert_eq!(
            serde_json::from_value::<Config>(text).unwrap(),
            Config::default()
        );
    }

    #[test]
    fn values_have_units() {
        let text = r#"{ "idle_exit": "5m", "cancel_grace": "1500ms", "chunk_bytes": "128KiB" }"#;
        let config: Config = serde_json::from_str(text).unwrap();
        assert_eq!(config.idle_exit, Duration::from_secs(300));
        assert_eq!(config.cancel_grace, Duration::from_millis(1500));
        assert_eq!(config.chunk_bytes, 131_072);
        let again = serde_json::to_string(&config).unwrap();
        assert_eq!(serde_json::from_str::<Config>(&again).unwrap(), config);
    }

    #[test]
    fn wrong_keys_and_values_are_refused() {
        for (text, problem) in [
            (r#"{ "idle_exit": 5 }"#, "a duration, as 250ms"),
            (
                r#"{ "idle_exit": "5 weeks" }"#,
                "\"5 weeks\" is not a duration",
            ),
            (
                r#"{ "chunk_bytes": "8GiB" }"#,
                "8589934592 bytes are more than 4294967295",
            ),
            (r#"{ "chunk_bytes": -1 }"#, "a size is not below 0"),
            (r#"{ "idle_exti": "5m" }"#, "unknown field `idle_exti`"),
        ] {
            let error = serde_json::from_str::<Config>(text)
                .unwrap_err()
                .to_string();
            assert!(error.contains(problem), "{error}");
        }
    }

    #[test]
    fn impossible_values_are_found() {
        assert_eq!(Config::default().check(), Ok(()));
        let config = Config {
            max_command_bytes: 1000,
            ..Config::default()
        };
        let problem = config.check().unwrap_err().to_string();
        assert_eq!(
            problem,
            "max_command_bytes of 1000 is not between 65536 and 4294967295"
        );
    }
}
