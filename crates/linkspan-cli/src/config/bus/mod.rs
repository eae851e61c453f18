//! The section `bus`.

mod choices;
mod limits;

pub(crate) use choices::{CompatChoice, OverflowChoice, SecondariesChoice};

use linkspan::bus::{ConfigError, Rates, Schemas};
use linkspan::{Address, AddressError, bus};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::bus::limits::{DeadLetters, RateSection, SchemaFile};
use crate::config::units::{Size, Span, whole};

/// The broker of a node; native clients of it come where the node takes calls, too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Bus {
    /// Where the node takes all clients of its broker, those of BUS/RT too: paths, or any addresses.
    /// Without one, native clients come where it takes calls.
    pub(crate) listen: Vec<String>,
    /// Clients at once, at each address; further ones are closed.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Messages that may wait for one subscriber.
    #[serde(deserialize_with = "whole")]
    pub(crate) queue_messages: usize,
    /// Bytes that may wait for one subscriber.
    pub(crate) queue_bytes: Size,
    /// What is done about a message for which a subscriber has no room.
    pub(crate) overflow: OverflowChoice,
    /// How long a publisher waits for a subscriber that blocks; then messages to it are dropped, until
    /// half of its queue is empty.
    pub(crate) block_timeout: Span,
    /// Time for each step of a connection's opening; clients are pinged twice in it.
    pub(crate) timeout: Span,
    /// Longest message, with its topic or receiver; who announces a longer one is disconnected.
    pub(crate) max_message_bytes: Size,
    /// What all queues together may hold.
    pub(crate) memory_limit: Size,
    /// Who may be a secondary client (`name%%...`) of a primary one.
    pub(crate) secondaries: SecondariesChoice,
    /// Whether a new client takes a name over from the one that has it.
    pub(crate) force_register: bool,
    /// Whose acknowledgements clients get.
    pub(crate) compat: CompatChoice,
    /// How often messages may come.
    pub(crate) rate: RateSection,
    /// What publications have to be, by their topics.
    pub(crate) schemas: Vec<SchemaFile>,
    /// What is kept of messages that could not be delivered.
    pub(crate) dead_letters: DeadLetters,
}

impl Default for Bus {
    fn default() -> Self {
        let usual = bus::Config::default();
        let size = |bytes: usize| Size(u64::try_from(bytes).unwrap_or(u64::MAX));
        Self {
            listen: Vec::new(),
            max_connections: usual.max_connections,
            queue_messages: usual.queue_messages,
            queue_bytes: size(usual.queue_bytes),
            overflow: OverflowChoice::Block,
            block_timeout: Span(usual.block_timeout),
            timeout: Span(usual.timeout),
            max_message_bytes: Size(usual.max_message_bytes.into()),
            memory_limit: size(usual.memory_limit),
            secondaries: SecondariesChoice::SamePeer,
            force_register: usual.force_register,
            compat: CompatChoice::Honest,
            rate: RateSection::default(),
            schemas: Vec::new(),
            dead_letters: DeadLetters::default(),
        }
    }
}

impl Bus {
    /// What the library is told.
    pub(crate) fn broker(&self) -> bus::Config {
        let bytes = |size: Size| usize::try_from(size.0).unwrap_or(usize::MAX);
        let mut config = bus::Config::default();
        config.max_connections = self.max_connections;
        config.max_message_bytes = u32::try_from(self.max_message_bytes.0).unwrap_or(u32::MAX);
        config.memory_limit = bytes(self.memory_limit);
        config.queue_messages = self.queue_messages;
        config.queue_bytes = bytes(self.queue_bytes);
        config.overflow = self.overflow.into();
        config.block_timeout = self.block_timeout.0;
        config.timeout = self.timeout.0;
        config.secondaries = self.secondaries.into();
        config.force_register = self.force_register;
        config.compat = self.compat.into();
        config.rates = self.rates().unwrap_or_default();
        config.dead_letters = self.dead_letters.settings();
        config
    }

    /// How often messages may come.
    pub(crate) fn rates(&self) -> Result<Rates, (&'static str, String)> {
        self.rate.rates()
    }

    /// What publications have to be: reads the files.
    pub(crate) fn schemas(&self) -> Result<Schemas, (&'static str, String)> {
        limits::schemas(&self.schemas)
    }

    /// Where the node takes clients of its broker.
    pub(crate) fn addresses(&self) -> Result<Vec<Address>, AddressError> {
        self.listen.iter().map(|place| place.parse()).collect()
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        self.addresses()
            .map_err(|error| ("listen", error.to_string()))?;
        let Size(bytes) = self.max_message_bytes;
        if bytes == 0 || u32::try_from(bytes).is_err() {
            let problem = format!("{bytes} bytes are not between 1 and {} bytes", u32::MAX);
            return Err(("max_message_bytes", problem));
        }
        self.rates()?;
        limits::check_masks(&self.schemas)?;
        self.broker().check().map_err(|error| {
            let key = match error {
                ConfigError::TooSmall { key, .. } => key,
                ConfigError::Topic(_) => "dead_letters.topic",
                _ => "timeout",
            };
            (key, error.to_string())
        })
    }
}
