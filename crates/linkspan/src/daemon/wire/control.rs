//! Questions about the daemon itself, the same in all versions for ever.
//!
//! New verbs and fields may be added; none changes its meaning. A daemon answers a verb that it does
//! not know with an error.

use bytes::Bytes;
use proto::message::VersionRange;
use serde::{Deserialize, Serialize};

/// Asks the daemon about itself, or to do something with itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlRequest {
    /// What is wanted.
    pub verb: Verb,
    /// For stop, drain and restart: how long running commands may take, in milliseconds. The daemon
    /// has its own idea without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain_ms: Option<u64>,
    /// For logs: how many bytes of the log's end. The daemon has its own idea without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tail_bytes: Option<u32>,
}

impl ControlRequest {
    /// Makes a request without options.
    pub fn new(verb: Verb) -> Self {
        Self {
            verb,
            drain_ms: None,
            tail_bytes: None,
        }
    }
}

/// What a daemon can be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Verb {
    /// Who it is.
    Identify,
    /// How it is doing.
    Status,
    /// To end: to take no further commands, to let running ones finish for a while, to cancel them.
    Stop,
    /// To give its place to a successor, then to end as by stop.
    Drain,
    /// To end as by drain, and to have a successor started.
    Restart,
    /// The end of its log.
    Logs,
    /// Something that this version does not know.
    #[serde(other)]
    Unknown,
}

/// The answer to a [`ControlRequest`]. Answers come in the order of the requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ControlReply {
    /// What was asked for.
    pub verb: Verb,
    /// Why it was not done, for people; nothing if it was, or was begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Who answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<DaemonIdentity>,
    /// How the daemon is doing, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<DaemonStatus>,
    /// Its log, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub log: Option<LogTail>,
}

impl ControlReply {
    /// Makes an answer that says that it was done.
    pub fn new(verb: Verb) -> Self {
        Self {
            verb,
            error: None,
            identity: None,
            status: None,
            log: None,
        }
    }
}

/// Who a daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DaemonIdentity {
    /// Its id.
    pub daemon_id: String,
    /// Its process id, as it says.
    pub pid: u32,
    /// Versions of the protocol that it speaks.
    pub versions: VersionRange,
    /// Which build it is.
    #[serde(default)]
    pub build_id: String,
    /// When it was built, in milliseconds since 1970, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_timestamp_ms: Option<u64>,
    /// The program that it runs, as the system names it.
    #[serde(default)]
    pub executable: Bytes,
}

impl DaemonIdentity {
    /// Makes an identity.
    pub fn new(daemon_id: impl Into<String>, pid: u32, versions: VersionRange) -> Self {
        Self {
            daemon_id: daemon_id.into(),
            pid,
            versions,
            build_id: String::new(),
            build_timestamp_ms: None,
            executable: Bytes::new(),
        }
    }
}

/// How a daemon is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DaemonStatus {
    /// What it does with new commands.
    pub state: DaemonState,
    /// When it started, in milliseconds since 1970.
    pub started_ms: u64,
    /// For how long nothing was asked of it, in milliseconds.
    pub idle_ms: u64,
    /// Connections.
    pub connections: u64,
    /// Commands that run.
    pub commands: u64,
    /// Commands that were ever accepted.
    pub commands_total: u64,
    /// Commands that were ever refused because too many ran.
    pub busy_total: u64,
    /// How often daemons before it ended without a goodbye, one after the other.
    pub crashes: u64,
    /// Resident memory, in bytes; 0 if it is not known.
    pub memory_bytes: u64,
    /// Handlers that were told to go, do not, and keep a thread.
    #[serde(skip_serializing_if = "is_zero")]
    pub stuck: u64,
    /// Commands that were ever cut off because they did not end when cancelled.
    #[serde(skip_serializing_if = "is_zero")]
    pub aborted_total: u64,
    /// Why it was started, for people.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub startup: String,
}

/// What a daemon does with new commands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DaemonState {
    /// It takes them.
    Accepting,
    /// It refuses them and ends with the last one that runs.
    Draining,
    /// Something that this version does not know.
    #[default]
    #[serde(other)]
    Unknown,
}

/// The end of a log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct LogTail {
    /// Where the whole of it is, as the system names it.
    #[serde(default)]
    pub path: Bytes,
    /// Its last bytes. They need not be text, and may begin within a line.
    pub tail: Bytes,
}

impl LogTail {
    /// Makes one.
    pub fn new(path: Bytes, tail: Bytes) -> Self {
        Self { path, tail }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives references")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
