//! Transports that stand on another one: they agree with the peer over its bytes, and give bytes.
//!
//! ```text
//! ws:HOST:PORT ──► tcp:HOST:PORT ──► ByteLink ──► Layer ──► ByteLink
//! wss:HOST:PORT ─► tls:HOST:PORT ──► tcp:HOST:PORT ──► ByteLink ──► Layer ──► Layer ──► ByteLink
//! ```

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;

use crate::Address;
use crate::transport::backend::Origin;
use crate::transport::{ByteLink, Config, Link, Peer};

/// What makes a link of another transport one of its own, at one end.
pub(crate) trait Layer: fmt::Debug + Send + Sync {
    /// Agrees with the peer: with a client in a time of its own setting, with a server for as long
    /// as the caller waits.
    fn open(&self, link: ByteLink) -> Opening;
}

/// Agreeing with a peer.
pub(crate) type Opening = Pin<Box<dyn Future<Output = io::Result<ByteLink>> + Send>>;

/// What an address stands on.
#[derive(Debug)]
pub(crate) struct Layered {
    pub(crate) base: Address,
    /// Whether it may leave this machine.
    pub(crate) may_leave: bool,
    pub(crate) layer: Arc<dyn Layer>,
}

/// How an address is made up.
#[derive(Debug)]
pub(crate) struct Stack {
    /// What all the rest stands on.
    pub(crate) base: Address,
    /// Whether it may leave this machine.
    pub(crate) may_leave: bool,
    /// What stands on it, the lowest first.
    pub(crate) layers: Layers,
}

pub(crate) type Layers = Arc<[Arc<dyn Layer>]>;

impl Stack {
    /// How an address is made up at one end.
    ///
    /// # Errors
    ///
    /// The settings of a transport that it needs cannot be used.
    pub(crate) fn new(address: &Address, config: &Config, origin: Origin) -> io::Result<Self> {
        let mut base = address.clone();
        let mut may_leave = config.tcp.allow_plaintext;
        let mut layers = Vec::new();
        let below = |base: &Address| {
            let mut rows = BUILT
                .iter()
                .map(|layered| layered(base, address, config, origin));
            rows.find_map(Result::transpose).transpose()
        };
        while let Some(layered) = below(&base)? {
            may_leave = layered.may_leave || (may_leave && !layers.is_empty());
            base = layered.base;
            layers.push(layered.layer);
        }
        layers.reverse();
        Ok(Self {
            base,
            may_leave,
            layers: layers.into(),
        })
    }
}

/// Agrees with a peer on one layer after the other.
pub(crate) async fn open(layers: Layers, mut link: ByteLink) -> io::Result<ByteLink> {
    for layer in &*layers {
        link = layer.open(link).await?;
    }
    Ok(link)
}

/// What has come to a listener.
pub(crate) enum Arrival {
    Link(Box<Link>),
    /// Whoever comes has to agree on more first; nobody else waits for it.
    Opening {
        peer: Box<Peer>,
        opening: Opening,
    },
}

/// What an address stands on, if it is of this transport; the second address is the whole.
type Row = fn(&Address, &Address, &Config, Origin) -> io::Result<Option<Layered>>;

/// The transports of this build that stand on others.
static BUILT: &[Row] = &[
    #[cfg(feature = "tls")]
    crate::transport::tls::layered,
    #[cfg(feature = "ws")]
    crate::transport::ws::layered,
];
