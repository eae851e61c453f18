//! What passes between the daemon and its collector.
//!
//! Tasks and what is found are protobuf, in exchanges over a connection of their own. What happens is
//! MessagePack, published on the bus.

use prost::Message;
use serde::{Deserialize, Serialize};

/// A detection task: what to look for.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Task {
    /// Names it; never empty.
    #[prost(string, tag = "1")]
    pub id: String,
    /// A process is meant that fits one of these; without any, the task of this name is over.
    #[prost(message, repeated, tag = "2")]
    pub rules: Vec<Rule>,
    /// Whether there are to be alerts for those that fit from now on.
    #[prost(bool, tag = "3")]
    pub is_standing: bool,
}

/// Which processes are meant: those for which all that is said here holds.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Rule {
    /// A part of the name.
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    /// It uses more than so many percent of a processor.
    #[prost(uint32, optional, tag = "2")]
    pub cpu_above: Option<u32>,
    /// It has more than so many MiB of memory.
    #[prost(uint32, optional, tag = "3")]
    pub memory_above: Option<u32>,
}

/// The answer to a task: what fits now.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct Found {
    /// The processes, by their numbers.
    #[prost(message, repeated, tag = "1")]
    pub processes: Vec<Process>,
    /// How many were looked at.
    #[prost(uint32, tag = "2")]
    pub examined: u32,
}

/// A process of the machine.
#[derive(Clone, PartialEq, Eq, Message, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    #[prost(uint32, tag = "1")]
    pub pid: u32,
    /// The number of the one that started it.
    #[prost(uint32, tag = "2")]
    pub parent: u32,
    /// Its name, as it says itself.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Percent of a processor that it has used since the last look.
    #[prost(uint32, tag = "4")]
    pub cpu_percent: u32,
    /// Memory that it has, in KiB.
    #[prost(uint64, tag = "5")]
    pub memory_kib: u64,
}

/// Something that happened to a process, under [`STARTED`], [`ENDED`] or [`ALERT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// When it was seen, in milliseconds since 1970.
    pub at_ms: u64,
    /// The process, as it was last.
    pub process: Process,
    /// The rule that it fits, of an alert.
    pub rule: Option<String>,
}

/// What can happen to a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It was not there before.
    Started,
    /// It is there no more.
    Ended,
    /// It fits a rule, and did not before.
    Alert,
}

/// Topic of processes that have started.
pub const STARTED: &str = "procwatch/started";
/// Topic of processes that have ended.
pub const ENDED: &str = "procwatch/ended";
/// Before the task's name, the topic of its alerts.
pub const ALERT: &str = "procwatch/alert";

/// In which the collector finds the number of its connection for tasks.
pub const TASKS_VARIABLE: &str = "PROCWATCH_TASKS";
