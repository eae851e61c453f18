//! What an instance of a plugin hears.

use std::sync::Arc;

use tokio::task::AbortHandle;
use tracing::{debug, warn};

use crate::codec::{Codec, CodecError, Encode, Payload};
use crate::plugin::host::Inlet;
use crate::plugin::host::gate::Gate;
use crate::plugin::host::gate::passage::Counts;
use crate::plugin::host::gate::queue::Queue;
use crate::session::Connection;

/// What an instance of a plugin hears, as long as this is kept.
#[derive(Debug)]
pub(crate) struct Listening {
    queue: Arc<Queue>,
    /// Sends to the plugin.
    task: AbortHandle,
    /// Masks that were not granted.
    denied: Vec<String>,
}

impl Gate {
    /// Has an instance hear of what these masks stand for, as far as that was granted; a mask that is
    /// granted in part is not granted.
    ///
    /// # Cancel safety
    ///
    /// A dropped future leaves no subscription behind.
    pub(crate) async fn listen(&self, connection: &Connection, masks: &[String]) -> Listening {
        let queue = Arc::new(Queue::new(self.config()));
        let sending = send(
            Arc::clone(&queue),
            connection.clone(),
            Arc::clone(self.counts()),
        );
        let mut listening = Listening {
            task: tokio::spawn(sending).abort_handle(),
            queue: Arc::clone(&queue),
            denied: Vec::new(),
        };
        let inlet = Inlet::new(queue, Arc::clone(self.counts()));
        for (number, mask) in masks.iter().enumerate() {
            if number >= self.config().max_masks || !self.may_hear(mask) {
                listening.denied.push(mask.clone());
                continue;
            }
            let subscribing = self
                .surroundings()
                .subscribe(self.principal(), mask, inlet.clone());
            if let Err(failure) = subscribing.await {
                warn!(plugin = %self.principal().name, mask, %failure, "a plugin does not hear");
            }
        }
        listening
    }
}

impl Listening {
    /// Masks that it does not hear of, as they were not granted.
    pub(crate) fn denied(&self) -> &[String] {
        &self.denied
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.queue.close();
        self.task.abort();
    }
}

/// Sends what is queued, as fast as the plugin takes it.
async fn send(queue: Arc<Queue>, connection: Connection, counts: Arc<Counts>) {
    while let Some(event) = queue.next().await {
        let sent = connection
            .send_event(&event.topic, &Encoded(event.payload))
            .await;
        match sent {
            Ok(()) => counts.heard.increment(),
            Err(_) if !connection.is_open() => break,
            // It is too long for this plugin.
            Err(error) => {
                counts.missed.increment();
                debug!(topic = event.topic, %error, "a plugin does not hear of an event");
            }
        }
    }
    queue.close();
}

/// A body as it is.
struct Encoded(Payload);

impl Encode for Encoded {
    fn encode(&self, _: Codec) -> Result<Payload, CodecError> {
        Ok(self.0.clone())
    }
}
