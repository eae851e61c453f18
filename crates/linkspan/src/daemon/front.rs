//! A daemon's links: who gets a place, and who only asks.

use std::sync::Arc;
use std::time::Duration;

use bytes::Buf;
use proto::frame::Segments;

use crate::Address;
use crate::clock;
use crate::daemon::conversation::Conversation;
use crate::daemon::core::Core;
use crate::daemon::error::ConnectionError;
use crate::daemon::wire::{Busy, Encoder, FromDaemon, Limits};
use crate::transport::{Config, Front, Health, Link, RETRY_AFTER, Refusal, Serving, Writer};

/// Lets connections in.
pub(super) struct Door {
    pub(super) core: Arc<Core>,
}

impl Front for Door {
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving {
        let Some(link) = link.into_bytes() else {
            self.core.counters.failed(&ConnectionError::NotBytes);
            health.handshake_failed(&ConnectionError::NotBytes);
            return Box::pin(std::future::ready(()));
        };
        let conversation = Conversation::new(link, Arc::clone(&self.core));
        Box::pin(async move { conversation.run(&health).await })
    }

    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving {
        match (link.into_bytes(), refusal) {
            (Some(link), Refusal::Busy { limit }) => {
                let conversation = Conversation::new(link, Arc::clone(&self.core));
                Box::pin(async move { conversation.refuse(limit).await })
            }
            _ => Box::pin(std::future::ready(())),
        }
    }

    fn refuse_now(&self, link: &Link, refusal: Refusal) {
        let Writer::Bytes(writer) = &link.writer else {
            return;
        };
        if let Refusal::Busy { limit } = refusal {
            let mut answer = Segments::new();
            let encoder = Encoder::new(Limits::default());
            let reason = format!("{limit} connections");
            let messages = [
                FromDaemon::VersionCheck(Box::new(self.core.version_check())),
                FromDaemon::Busy(Busy::new(None, RETRY_AFTER, reason)),
            ];
            let encoded = messages
                .iter()
                .try_for_each(|message| message.encode(&encoder, &mut answer));
            if encoded.is_ok() {
                // A new connection takes so little at once; who does not, has closed.
                let bytes = answer.copy_to_bytes(answer.remaining());
                writer.try_write(&[std::io::IoSlice::new(&bytes)]).ok();
            }
        }
        writer.shutdown();
    }

    fn max_connections(&self, _: &Address, _: &Config) -> usize {
        self.core.config.max_connections
    }

    fn make_room(&self) -> bool {
        self.core.evict(clock::now(), LEAST_IDLE)
    }

    fn is_idle(&self) -> bool {
        self.core.running() == 0
    }
}

/// How long a connection may be unused before it makes room for another.
const LEAST_IDLE: Duration = Duration::from_secs(2);
