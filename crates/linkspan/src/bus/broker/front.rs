//! The broker's side of a listener.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tracing::debug;

use crate::Address;
use crate::bus::broker::Core;
use crate::bus::busrt::converse;
use crate::bus::error::ConnectionError;
use crate::transport::{Config, Front, Health, Link, Refusal, Serving};

/// What is done with connections that come by one address.
pub(crate) struct Clients {
    pub(crate) core: Arc<Core>,
    pub(crate) address: Address,
    open: AtomicUsize,
}

impl Clients {
    pub(crate) fn new(core: Arc<Core>, address: Address) -> Self {
        let open = AtomicUsize::new(0);
        Self {
            core,
            address,
            open,
        }
    }
}

impl Front for Clients {
    fn serve(self: Arc<Self>, link: Link, health: Arc<Health>) -> Serving {
        Box::pin(async move {
            self.open.fetch_add(1, Ordering::Relaxed);
            let _open = Open(&self.open);
            let Some(link) = link.into_bytes() else {
                return health.handshake_failed(&ConnectionError::NotBytes);
            };
            let port = self.address.to_string();
            match converse(Arc::clone(&self.core), link, port, &health).await {
                Ok(()) => {}
                Err(error) => debug!(%error, address = %self.address, "a client was cut off"),
            }
        })
    }

    fn refuse(self: Arc<Self>, link: Link, refusal: Refusal) -> Serving {
        self.refuse_now(&link, refusal);
        Box::pin(std::future::ready(()))
    }

    fn refuse_now(&self, link: &Link, _: Refusal) {
        // Clients have no words for it before their names are known.
        link.writer.shutdown();
    }

    fn max_connections(&self, _: &Address, _: &Config) -> usize {
        self.core.config.max_connections
    }

    fn is_idle(&self) -> bool {
        self.open.load(Ordering::Relaxed) == 0
    }
}

/// A connection that is there.
struct Open<'a>(&'a AtomicUsize);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl fmt::Debug for Clients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clients")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
