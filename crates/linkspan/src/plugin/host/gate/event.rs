//! Events on their way to and from plugins.

use crate::codec::Payload;

/// Something that a plugin publishes, or that it hears of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PluginEvent {
    /// What it is about.
    pub topic: String,
    /// The details.
    pub payload: Payload,
}

impl PluginEvent {
    /// Makes an event.
    pub fn new(topic: impl Into<String>, payload: Payload) -> Self {
        Self {
            topic: topic.into(),
            payload,
        }
    }

    /// About how much memory it takes.
    pub(super) fn cost(&self) -> usize {
        size_of::<Self>() + self.topic.len() + self.payload.bytes.len()
    }
}
