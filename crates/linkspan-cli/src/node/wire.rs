//! What the built-in services send.

use linkspan::rpc::ListenerStats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The first line of `linkspan up --json`: the node takes connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Always `ready`.
    pub(crate) event: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Where it listens, with the ports that the system chose.
    pub(crate) addresses: Vec<String>,
    /// What can be called.
    pub(crate) methods: Vec<String>,
}

/// Which program a node is, and since when it runs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NodeInfo {
    /// Name of the program.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Which build of it; empty if it was not built for a release.
    pub(crate) build_id: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Name of the machine.
    pub(crate) host: String,
    /// Name of the operating system.
    pub(crate) system: String,
    /// Where it listens.
    pub(crate) addresses: Vec<String>,
    /// Time since it started, in milliseconds.
    pub(crate) uptime_ms: u64,
}

/// What a node is doing.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NodeStatus {
    /// Its process.
    pub(crate) pid: u32,
    /// Time since it started, in milliseconds.
    pub(crate) uptime_ms: u64,
    /// Resident memory, in bytes.
    pub(crate) resident_bytes: u64,
    /// Its listeners.
    pub(crate) listeners: Vec<ListenerStatus>,
    /// Its open connections.
    pub(crate) connections: Vec<ConnectionStatus>,
}

/// What a listener has seen.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ListenerStatus {
    /// Where it listens.
    pub(crate) address: String,
    /// Connections that are open now.
    pub(crate) open: usize,
    /// Connections whose handshake succeeded.
    pub(crate) accepted: u64,
    /// Connections that were told to come again later.
    pub(crate) refused_busy: u64,
    /// Connections of users who are not let in.
    pub(crate) refused_untrusted: u64,
    /// Connections whose handshake failed or never came.
    pub(crate) failed_handshakes: u64,
    /// Errors of the system while accepting.
    pub(crate) accept_errors: u64,
}

impl ListenerStatus {
    pub(crate) fn new(address: String, stats: &ListenerStats) -> Self {
        Self {
            address,
            open: stats.open,
            accepted: stats.accepted,
            refused_busy: stats.refused_busy,
            refused_untrusted: stats.refused_untrusted,
            failed_handshakes: stats.failed_handshakes,
            accept_errors: stats.accept_errors,
        }
    }
}

/// An open connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ConnectionStatus {
    /// Its transport: `mem`, `unix`, `tcp`.
    pub(crate) transport: String,
    /// Who is at the other end, as far as that is proved.
    pub(crate) principal: String,
    /// What the other end calls itself.
    pub(crate) client: String,
    /// Process at the other end, where the system tells.
    pub(crate) pid: Option<u32>,
    /// Network address of the other end, if it has one.
    pub(crate) address: Option<String>,
    /// Requests of the other end since it connected.
    pub(crate) requests: u64,
    /// Those that are being answered now.
    pub(crate) in_progress: u32,
    /// Bytes received from it.
    pub(crate) received_bytes: u64,
    /// Bytes sent to it.
    pub(crate) sent_bytes: u64,
}

/// Something about a process of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ProcessEvent {
    /// What is told about it.
    pub(crate) event: Change,
    #[serde(flatten)]
    pub(crate) process: Process,
}

/// What is told about a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// It ran already when the question came.
    Present,
    /// It has started since.
    Started,
    /// It runs another program, for another user, or has another parent.
    Changed,
    /// It has ended.
    Ended,
}

/// A process of the machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Process {
    /// Its number; the system gives it to another process once this one has ended.
    pub(crate) pid: u32,
    /// The process that it belongs to.
    pub(crate) parent: Option<u32>,
    /// Its name.
    pub(crate) name: String,
    /// Name or number of its user.
    pub(crate) user: Option<String>,
    /// When it started, in seconds since 1970.
    pub(crate) started_at: u64,
    /// Its resident memory, in bytes.
    pub(crate) memory_bytes: u64,
    /// Its program and arguments; empty for threads of the kernel.
    pub(crate) command: Vec<String>,
}
