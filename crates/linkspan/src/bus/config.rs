//! Settings of brokers.

use std::time::Duration;

use proto::topic::Limits;
use serde::{Deserialize, Serialize};

use crate::bus::{ConfigError, Rates};

/// Settings of a broker.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// Connections at once, on each address; further ones are closed. Default: 4,096.
    pub max_connections: usize,
    /// Longest message with its topic or receiver, in bytes; a client that announces a longer one is
    /// disconnected before anything of it is stored. Default: 16 MiB.
    pub max_message_bytes: u32,
    /// What all queues together may hold, in bytes; beyond it each of them is full. A message counts
    /// for each queue that it waits in. Default: 1 GiB.
    pub memory_limit: usize,
    /// Messages that may wait for one subscriber. Default: 8,192.
    pub queue_messages: usize,
    /// Bytes that may wait for one subscriber, with about 100 for each message itself; a longer
    /// message waits alone. Default: 16 MiB.
    pub queue_bytes: usize,
    /// What is done when they are reached. Default: [`Overflow::Block`].
    pub overflow: Overflow,
    /// Time that a publisher waits for a subscriber with [`Overflow::Block`]; then its messages are
    /// dropped, and nobody waits for it until half of its queue is empty. Default: 500 ms.
    pub block_timeout: Duration,
    /// Time for each step of a connection's opening; clients are pinged twice in it, and have to send
    /// something within five quarters of it. Default: 5 s.
    pub timeout: Duration,
    /// How often messages may come. Default: as often as they do.
    pub rates: Rates,
    /// What is kept of messages that could not be delivered.
    pub dead_letters: DeadLetters,
    /// Whose secondary clients a client may have. Default: [`Secondaries::SamePeer`].
    pub secondaries: Secondaries,
    /// Whether a new client takes a name over from the one that has it. Default: no.
    pub force_register: bool,
    /// Whose acknowledgements clients get. Default: [`Compat::Honest`].
    pub compat: Compat,
}

/// What a broker keeps of messages that could not be delivered, and who is told.
///
/// [`DeadReason`](crate::bus::DeadReason) says which these are. What a queue drops by a policy that
/// its subscriber chose, [`Overflow::DropOldest`] and the like, is none, nor are calls, whose callers
/// know how they went, nor what came faster than it may, which its sender still has.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeadLetters {
    /// Messages that are kept; the oldest make room for newer ones. Default: 1,000; with 0 none are.
    pub messages: usize,
    /// Bytes of them, beside [`Config::memory_limit`]; a longer message is not kept. Default: 16 MiB.
    pub bytes: usize,
    /// The topic under which each is published once more, when it is kept: by the broker, with the
    /// same payload, and with headers that say what happened. Default: none.
    pub topic: Option<String>,
}

impl Default for DeadLetters {
    fn default() -> Self {
        Self {
            messages: 1000,
            bytes: 16 * 1024 * 1024,
            topic: None,
        }
    }
}

/// What a subscription does about a message that it has no room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Overflow {
    /// Its publisher waits, no longer than [`Config::block_timeout`].
    #[default]
    Block,
    /// The oldest that waits is dropped.
    DropOldest,
    /// The message is dropped.
    DropNewest,
    /// Of each topic only the latest waits.
    LatestOnly,
    /// Its client is disconnected.
    Disconnect,
}

/// Who may be a secondary client of a primary one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Secondaries {
    /// Connections of the same principal from the same process; on TCP, from the same network address.
    #[default]
    SamePeer,
    /// Any connection, as with BUS/RT's own broker: whoever may connect can speak for any client.
    Anybody,
}

/// How a broker acknowledges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compat {
    /// A publication that somebody should have got and did not is acknowledged as not delivered; a
    /// subscription that is partly refused gets one acknowledgement.
    #[default]
    Honest,
    /// As BUS/RT's own broker: publications are always acknowledged as accepted, each refused mask
    /// has an acknowledgement, and anybody may publish under `.broker/`, which otherwise only the
    /// broker does.
    Strict,
}

/// How much may wait in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueueLimits {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_connections: 4096,
            max_message_bytes: 16 * 1024 * 1024,
            memory_limit: 1024 * 1024 * 1024,
            queue_messages: 8192,
            queue_bytes: 16 * 1024 * 1024,
            overflow: Overflow::Block,
            block_timeout: Duration::from_millis(500),
            timeout: Duration::from_secs(5),
            rates: Rates::default(),
            dead_letters: DeadLetters::default(),
            secondaries: Secondaries::SamePeer,
            force_register: false,
            compat: Compat::Honest,
        }
    }
}

impl Config {
    /// Looks for values that nothing can work with.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] for the first of them.
    pub fn check(&self) -> Result<(), ConfigError> {
        let least = [
            ("max_connections", self.max_connections, 1),
            ("queue_messages", self.queue_messages, 4),
            ("queue_bytes", self.queue_bytes, 4096),
            ("memory_limit", self.memory_limit, self.queue_bytes),
        ];
        for (key, value, least) in least {
            if value < least {
                return Err(ConfigError::TooSmall { key, value, least });
            }
        }
        if self.timeout < LEAST_TIMEOUT {
            return Err(ConfigError::Timeout {
                value: self.timeout,
                least: LEAST_TIMEOUT,
            });
        }
        let limits = Limits::default();
        if let Some(topic) = &self.dead_letters.topic {
            limits.check_topic(topic)?;
        }
        self.rates.check()
    }

    pub(crate) fn queue_limits(&self) -> QueueLimits {
        QueueLimits {
            messages: self.queue_messages,
            bytes: self.queue_bytes,
        }
    }
}

const LEAST_TIMEOUT: Duration = Duration::from_millis(10);
