//! What the built-in services send.

use linkspan::session::CompressionStats;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::node::plugins::PluginStatus;

/// The first line of `linkspan up --json`: the node takes connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Ready {
    /// Always `ready`.
    pub(crate) event: String,
    /// Its process.
    pub(crate) pid: u32,
    /// Where it listens, with the ports that the system chose.
    pub(crate) addresses: Vec<String>,
    /// Where it answers exchanges.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) exchanges: Vec<String>,
    /// Where clients of its broker come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) bus: Vec<String>,
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
    /// What its broker has done, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) bus: Option<BusCounts>,
    /// Who came, and what they might not do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) security: Option<SecurityCounts>,
    /// Its plugins, those that should run and do not included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) plugins: Vec<PluginStatus>,
    /// Its open connections.
    pub(crate) connections: Vec<ConnectionStatus>,
}

/// Whether a node does all that it is to do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct NodeReadiness {
    /// Whether it does.
    pub(crate) ready: bool,
    /// Why not.
    pub(crate) reasons: Vec<String>,
}

/// What a listener has seen, and how it is doing.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ListenerStatus {
    /// Where it listens.
    pub(crate) address: String,
    /// The backend that accepts, on local sockets.
    pub(crate) backend: Option<String>,
    /// Connections that have a place now, those in their handshake included.
    pub(crate) open: usize,
    /// How many it takes, where that is limited.
    pub(crate) max_connections: Option<usize>,
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
    /// Requests that were answered, failures included.
    pub(crate) messages: u64,
    /// Requests that failed, and connections that broke.
    pub(crate) errors: u64,
    /// Requests answered in a second, over the last ten.
    pub(crate) message_rate: f64,
    /// Errors in a second, over the last ten.
    pub(crate) error_rate: f64,
    /// Time from reading a request to its answer.
    pub(crate) latency: Times,
    /// The part of it until the handler began.
    pub(crate) waiting: Times,
    /// The part of it in the handler.
    pub(crate) handling: Times,
    /// Times in which a peer took nothing of what was to be written.
    pub(crate) write_stalls: Times,
    /// The latest error.
    pub(crate) last_error: Option<Complaint>,
    /// What is done there.
    #[serde(default)]
    pub(crate) answers: Answers,
    /// What is counted of exchanges, where the listener answers them instead of calls.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) exchange: Option<ExchangeCounts>,
}

/// What a listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Answers {
    /// Calls are answered.
    #[default]
    Calls,
    /// Exchanges are answered.
    Exchanges,
    /// Messages are passed on.
    Bus,
}

/// What a broker has done, and what waits in it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct BusCounts {
    /// Clients that are connected.
    pub(crate) clients: usize,
    /// Masks that they have subscribed to.
    pub(crate) masks: usize,
    /// Operations of clients.
    pub(crate) frames_received: u64,
    /// Bytes of them.
    pub(crate) bytes_received: u64,
    /// Messages and acknowledgements to clients.
    pub(crate) frames_sent: u64,
    /// Bytes of them.
    pub(crate) bytes_sent: u64,
    /// Messages that were dropped because somebody had no room for them.
    pub(crate) dropped: u64,
    /// Bytes that wait in all queues.
    pub(crate) queued_bytes: usize,
    /// What clients wanted to do and may not.
    #[serde(default)]
    pub(crate) denied: u64,
    /// What was refused because it was more than `bus.rate` or `security.rate_limiting` allow.
    #[serde(default)]
    pub(crate) rate_limited: u64,
    /// Publications that did not fit a schema.
    #[serde(default)]
    pub(crate) invalid: u64,
}

/// What is counted of exchanges. Each connection that ends with an error counts once.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ExchangeCounts {
    /// Frames that were read whole.
    pub(crate) frames: u64,
    /// Messages whose answer left as a whole.
    pub(crate) answered: u64,
    /// Bytes of frames that were read.
    pub(crate) bytes_received: u64,
    /// Bytes of answers that were written.
    pub(crate) bytes_sent: u64,
    /// Lengths of 0, or over the limit.
    pub(crate) bad_length: u64,
    /// Sums that are not those of the message, as with another variant.
    pub(crate) bad_crc: u64,
    /// Messages of another type.
    pub(crate) undecodable: u64,
    /// Connections that began no frame in time.
    pub(crate) silent: u64,
    /// Frames that came too slowly.
    pub(crate) read_timeouts: u64,
    /// Answers that were taken too slowly.
    pub(crate) write_timeouts: u64,
    /// Connections that ended within a frame.
    pub(crate) truncated: u64,
    /// Connections that the system reported an error of.
    pub(crate) broken: u64,
    /// Handlers that took too long.
    pub(crate) handler_timeouts: u64,
    /// Handlers that panicked.
    pub(crate) panics: u64,
    /// Answers that were empty, or over the limit.
    pub(crate) unsendable: u64,
    /// Idle connections that were ended for a new one.
    pub(crate) evicted: u64,
    /// Messages that their peers may not send.
    #[serde(default)]
    pub(crate) denied: u64,
    /// Messages that were more than their peers' quotas.
    #[serde(default)]
    pub(crate) limited: u64,
}

/// Who came to a node, and what they might not do, since it started.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct SecurityCounts {
    /// Who wanted to be believed.
    pub(crate) authentication: AuthenticationCounts,
    /// What they wanted to do.
    pub(crate) rights: RightsCounts,
    /// What was written down about it.
    pub(crate) audit: AuditCounts,
}

/// Who wanted to be believed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AuthenticationCounts {
    /// All attempts: `accepted`, `renewed`, `denied`, `expired` and `slowed` together.
    pub(crate) attempts: u64,
    /// Clients that were let in.
    pub(crate) accepted: u64,
    /// Renewals of sessions.
    pub(crate) renewed: u64,
    /// Attempts that failed.
    pub(crate) denied: u64,
    /// The same by their reasons.
    pub(crate) reasons: DenialCounts,
    /// Attempts by a right credential that had expired.
    pub(crate) expired: u64,
    /// Attempts that were not looked at, because too many before had failed.
    pub(crate) slowed: u64,
    /// Sessions that ended because their time was up or their credential was revoked.
    pub(crate) lapsed: u64,
}

/// Why clients were not believed.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct DenialCounts {
    /// They had nothing that is taken, or named a key that there is not.
    pub(crate) unknown: u64,
    /// What they proved is wrong.
    pub(crate) wrong: u64,
    /// It is meant for somebody else, by somebody else, or came over a link that others may read.
    pub(crate) misplaced: u64,
    /// It does not hold yet, was revoked, or was used.
    pub(crate) invalid: u64,
    /// The session, or the transport below it, did not come about.
    pub(crate) unopened: u64,
}

/// What clients wanted to do and did not get done.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct RightsCounts {
    /// What they may not do.
    pub(crate) denied: u64,
    /// What came faster than it may.
    pub(crate) too_fast: u64,
    /// What came while as much was under way as may be.
    pub(crate) too_many: u64,
    /// Clients of whom it is known what they have used of their limits.
    pub(crate) principals: usize,
}

/// What was written down.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct AuditCounts {
    /// Lines of the audit log.
    pub(crate) lines: u64,
    /// Lines that could not be written.
    pub(crate) errors: u64,
}

/// What is typical of the durations since the start.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Times {
    /// How many there were.
    pub(crate) count: u64,
    /// Their sum, in microseconds.
    pub(crate) sum_us: f64,
    /// Their mean, in microseconds.
    pub(crate) mean_us: f64,
    /// Half of them were not longer, in microseconds.
    pub(crate) p50_us: f64,
    /// 99 of 100 were not longer, in microseconds.
    pub(crate) p99_us: f64,
    /// The longest, in microseconds.
    pub(crate) max_us: f64,
}

/// An error, and when it was.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Complaint {
    /// What failed.
    pub(crate) message: String,
    /// When, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// How long ago that is, in milliseconds.
    pub(crate) age_ms: u64,
}

/// An open connection.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct ConnectionStatus {
    /// Its transport: `mem`, `unix`, `tcp`.
    pub(crate) transport: String,
    /// The backend that carries it, on local sockets.
    pub(crate) backend: Option<String>,
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
    /// How long it has taken nothing of what waits to be written to it, in milliseconds.
    pub(crate) stalled_ms: Option<u64>,
    /// What compressing saves, where it was agreed on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) compression: Option<CompressionStatus>,
}

/// What compressing saves on a connection; bodies that are not compressed are not counted.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct CompressionStatus {
    /// By what this end compresses: `lz4`, `zstd`.
    pub(crate) algorithm: String,
    /// Bytes of bodies that were sent compressed, as they were before.
    pub(crate) sent_bytes: u64,
    /// The same as they went over the wire.
    pub(crate) sent_compressed_bytes: u64,
    /// Bytes of compressed bodies that were received and read, inflated.
    pub(crate) received_bytes: u64,
    /// The same as they came over the wire.
    pub(crate) received_compressed_bytes: u64,
    /// Pieces of bodies that were tried and did not shrink.
    pub(crate) in_vain: u64,
}

impl From<CompressionStats> for CompressionStatus {
    fn from(stats: CompressionStats) -> Self {
        Self {
            algorithm: stats.compression.to_string(),
            sent_bytes: stats.sent_bytes,
            sent_compressed_bytes: stats.sent_compressed_bytes,
            received_bytes: stats.received_bytes,
            received_compressed_bytes: stats.received_compressed_bytes,
            in_vain: stats.in_vain,
        }
    }
}

/// A listener that another backend was asked for.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Switched {
    /// Where it listens.
    pub(crate) address: String,
    /// The backend that accepted before; listeners that are no local sockets have none.
    pub(crate) from: Option<String>,
    /// The backend that accepts now.
    pub(crate) to: Option<String>,
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
