//! Transports that stand on another one: they agree with the peer over its bytes, and give bytes.
//!
//! ```text
//! ws:HOST:PORT ──► tcp:HOST:PORT ──► ByteLink ──► Layer ──► ByteLink
//! ```

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use crate::Address;
use crate::transport::{ByteLink, Config, Link, Peer};

/// What makes a link of another transport one of its own.
pub(crate) trait Layer: fmt::Debug + Send + Sync {
    /// Agrees with a client, in a time of its own setting.
    fn accept(&self, link: ByteLink) -> Opening;

    /// Agrees with a server; the caller limits the time.
    fn dial(&self, link: ByteLink) -> Opening;
}

/// Agreeing with a peer.
pub(crate) type Opening = Pin<Box<dyn Future<Output = io::Result<ByteLink>> + Send>>;

/// How an address is made up.
#[derive(Debug)]
pub(crate) struct Layered {
    pub(crate) base: Address,
    /// Whether it may leave this machine.
    pub(crate) may_leave: bool,
    pub(crate) layer: Arc<dyn Layer>,
}

/// How an address is made up, if a transport that stands on another one serves it.
pub(crate) fn layered(address: &Address, config: &Config) -> Option<Layered> {
    BUILT.iter().find_map(|layered| layered(address, config))
}

/// What has come to a listener.
pub(crate) enum Arrival {
    Link(Link),
    /// Whoever comes has to agree on more first; nobody else waits for it.
    Opening {
        peer: Peer,
        opening: Opening,
    },
}

impl Arrival {
    /// What is known of the other end by now.
    pub(crate) fn peer(&self) -> &Peer {
        match self {
            Self::Link(link) => &link.peer,
            Self::Opening { peer, .. } => peer,
        }
    }
}

/// The transports of this build that stand on others.
static BUILT: &[fn(&Address, &Config) -> Option<Layered>] = &[
    #[cfg(feature = "ws")]
    crate::transport::ws::layered,
];
