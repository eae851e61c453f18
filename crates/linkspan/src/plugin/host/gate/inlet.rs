//! Where events for a plugin go in.

use std::sync::Arc;

use crate::plugin::host::PluginEvent;
use crate::plugin::host::gate::passage::Counts;
use crate::plugin::host::gate::queue::Queue;
use crate::plugin::wire::RESERVED_PREFIX;

/// Where events for an instance of a plugin go in. Clones lead to the same.
#[derive(Debug, Clone)]
pub struct Inlet {
    queue: Arc<Queue>,
    counts: Arc<Counts>,
}

impl Inlet {
    pub(super) fn new(queue: Arc<Queue>, counts: Arc<Counts>) -> Self {
        Self { queue, counts }
    }

    /// Has the plugin hear of an event, and says whether it still listens. It never waits: if the plugin
    /// is slower than its queue is long, it misses the oldest events, which are counted. Topics that
    /// begin with `linkspan.` are not for it.
    pub fn push(&self, event: PluginEvent) -> bool {
        if event.topic.starts_with(RESERVED_PREFIX) {
            return !self.queue.is_closed();
        }
        match self.queue.push(event) {
            Some(missed) => {
                self.counts.missed.add(missed);
                true
            }
            None => false,
        }
    }

    /// Whether the plugin no longer listens.
    pub fn is_closed(&self) -> bool {
        self.queue.is_closed()
    }

    /// Waits until the plugin no longer listens.
    ///
    /// # Cancel safety
    ///
    /// Nothing is lost when the future is dropped.
    pub async fn closed(&self) {
        self.queue.closed().await;
    }

    /// Whether two lead to the same.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.queue, &other.queue)
    }
}
