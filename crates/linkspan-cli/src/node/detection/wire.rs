//! The messages of detection, as protobuf; docs/guide/node.md has them as a schema.

use prost::Message;

/// What to look for; a condition that is not set always holds.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DetectionTask {
    /// Comes back in the result.
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
    /// A part of the process's name.
    #[prost(string, optional, tag = "2")]
    pub(crate) name_contains: Option<String>,
    /// Name or number of its user.
    #[prost(string, optional, tag = "3")]
    pub(crate) user: Option<String>,
    /// Its resident memory, in bytes.
    #[prost(uint64, optional, tag = "4")]
    pub(crate) min_memory_bytes: Option<u64>,
    /// Processes in the result at most: 100 if it is not set, never more than 1000.
    #[prost(uint32, optional, tag = "5")]
    pub(crate) limit: Option<u32>,
}

/// What was found.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DetectionResult {
    /// That of the task.
    #[prost(string, tag = "1")]
    pub(crate) task_id: String,
    /// The processes that fit, by their numbers.
    #[prost(message, repeated, tag = "2")]
    pub(crate) processes: Vec<DetectedProcess>,
    /// How many fit, those beyond the limit included.
    #[prost(uint32, tag = "3")]
    pub(crate) found: u32,
    /// How many were looked at.
    #[prost(uint32, tag = "4")]
    pub(crate) looked_at: u32,
}

/// A process that fits.
#[derive(Clone, PartialEq, Eq, Message)]
pub(crate) struct DetectedProcess {
    /// Its number.
    #[prost(uint32, tag = "1")]
    pub(crate) pid: u32,
    /// The process that it belongs to; 0 for none.
    #[prost(uint32, tag = "2")]
    pub(crate) parent: u32,
    /// Its name.
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    /// Name or number of its user; empty if it is not known.
    #[prost(string, tag = "4")]
    pub(crate) user: String,
    /// Its resident memory, in bytes.
    #[prost(uint64, tag = "5")]
    pub(crate) memory_bytes: u64,
    /// When it started, in seconds since 1970.
    #[prost(uint64, tag = "6")]
    pub(crate) started_at: u64,
}
