//! `daemon.json`: who the daemon is, and how the last one ended.
//!
//! It is for people and for the daemon's successor. Nobody is ended by what it says alone.

use std::path::PathBuf;

use os::{FileError, Process};
use serde_json::{Value, json};

use crate::daemon::lifecycle::{Build, CrashRow, DaemonId, Places};
use crate::daemon::wire::VersionCheck;

/// What a daemon writes about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) id: String,
    pub(crate) process: Process,
    pub(crate) build_id: String,
    pub(crate) executable: PathBuf,
    pub(crate) started_ms: u64,
    /// Daemons before this one that ended without a goodbye, one after the other.
    pub(crate) crashes: u64,
    /// Those of them that came soon after each other.
    pub(crate) row: CrashRow,
    /// Why it ended, if it did so in order.
    pub(crate) ended: Option<String>,
}

impl Metadata {
    /// That of this process.
    pub(crate) fn own(id: &DaemonId, build: &Build, executable: PathBuf, crashes: u64) -> Self {
        Self {
            id: id.as_str().to_owned(),
            process: Process::own(),
            build_id: build.id().to_owned(),
            executable,
            started_ms: Self::now_ms(),
            crashes,
            row: CrashRow::default(),
            ended: None,
        }
    }

    /// The time, in milliseconds since 1970.
    pub(crate) fn now_ms() -> u64 {
        let now = std::time::SystemTime::UNIX_EPOCH.elapsed();
        let millis = now.map_or(0, |now| now.as_millis());
        u64::try_from(millis).unwrap_or(u64::MAX)
    }

    /// Reads what the last daemon wrote; nothing if none did, or if it cannot be understood.
    pub(crate) fn read(places: &Places) -> Result<Option<Self>, FileError> {
        let bytes = places.read(FILE)?;
        Ok(bytes.and_then(|bytes| Self::decode(&bytes)))
    }

    pub(crate) fn write(&self, places: &Places) -> Result<(), FileError> {
        places.write(FILE, &self.encode()).map(drop)
    }

    /// Writes how the daemon has ended. On a full disk nothing is kept of it: what is there would look
    /// like that of one that crashed.
    pub(crate) fn write_last(&self, places: &Places) {
        if self.write(places).is_err() {
            places.remove(FILE);
        }
    }

    fn encode(&self) -> Vec<u8> {
        let versions = VersionCheck::VERSIONS;
        let value = json!({
            "daemon_id": self.id,
            "pid": self.process.pid(),
            "start_time": self.process.start_time(),
            "boot_id": self.process.boot_id().map(|id| format!("{id:032x}")),
            "build_id": self.build_id,
            "protocol_versions": [versions.min, versions.max],
            "executable": self.executable.to_string_lossy(),
            "started_ms": self.started_ms,
            "crashes": self.crashes,
            "row_crashes": self.row.crashes,
            "row_since_ms": self.row.since_ms,
            "row_until_ms": self.row.until_ms,
            "ended": self.ended,
        });
        let mut text = format!("{value:#}").into_bytes();
        text.push(b'\n');
        text
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
        let number = |key: &str| value.get(key)?.as_u64();
        let boot_id = text("boot_id").and_then(|id| u128::from_str_radix(&id, 16).ok());
        let pid = u32::try_from(number("pid")?).ok()?;
        Some(Self {
            id: text("daemon_id")?,
            process: Process::from_parts(pid, number("start_time"), boot_id),
            build_id: text("build_id").unwrap_or_default(),
            executable: text("executable").unwrap_or_default().into(),
            started_ms: number("started_ms").unwrap_or_default(),
            crashes: number("crashes").unwrap_or_default(),
            row: CrashRow {
                crashes: number("row_crashes").unwrap_or_default(),
                since_ms: number("row_since_ms").unwrap_or_default(),
                until_ms: number("row_until_ms").unwrap_or_default(),
            },
            ended: text("ended"),
        })
    }
}

const FILE: &str = "daemon.json";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let id = DaemonId::new("spell").unwrap();
        let mut metadata = Metadata::own(&id, &Build::named("b7"), "/usr/bin/spell".into(), 3);
        metadata.row = CrashRow {
            crashes: 2,
            since_ms: 7,
            until_ms: 8,
        };
        for ended in [None, Some("idle".to_owned())] {
            metadata.ended = ended;
            assert_eq!(Metadata::decode(&metadata.encode()).unwrap(), metadata);
        }
    }

    #[test]
    fn what_cannot_be_understood_is_nothing() {
        for text in ["", "{", "[]", "{\"pid\": -1}", "{\"pid\": 1}", "\u{0}"] {
            assert_eq!(Metadata::decode(text.as_bytes()), None, "{text:?}");
        }
    }
}
