//! Listening, whatever the transport.

use std::io;
use std::sync::Arc;

use tokio::net::TcpListener;

use crate::Address;
use crate::address::HostPort;
use crate::transport::backend::Origin;
use crate::transport::layer::{self, Arrival, Layers, Stack};
use crate::transport::local::{self, LocalListener};
use crate::transport::memory::MemoryListener;
use crate::transport::{Backend, Config, ListenError, Peer, error, tcp};

/// A place where links come from.
#[derive(Debug)]
pub(crate) struct Listener {
    kind: Kind,
    /// What stands on it.
    layers: Layers,
    address: Address,
}

#[derive(Debug)]
enum Kind {
    Memory(MemoryListener),
    Local(LocalListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Begins to listen.
    pub(crate) async fn bind(address: &Address, config: &Config) -> Result<Self, ListenError> {
        let stack = Stack::new(address, config, Origin::Accepted).map_err(|source| {
            let address = address.clone();
            ListenError::Io { address, source }
        })?;
        let kind = Kind::bind(address, &stack.base, stack.may_leave, config).await?;
        let mut bound = address.clone();
        // Port 0 asks the system for one.
        if let (Some(host @ HostPort { port: 0, .. }), Some(port)) = (bound.host(), kind.port()) {
            host.port = port;
        }
        Ok(Self {
            kind,
            layers: stack.layers,
            address: bound,
        })
    }

    /// Where it listens, with the port that the system chose.
    pub(crate) fn address(&self) -> &Address {
        &self.address
    }

    /// The backend that accepts, on local sockets.
    pub(crate) fn backend(&self) -> Option<Backend> {
        match &self.kind {
            Kind::Local(listener) => Some(listener.backend()),
            Kind::Memory(_) | Kind::Tcp(_) => None,
        }
    }

    /// Has another backend accept from now on, on local sockets; connections that there are keep
    /// theirs.
    pub(crate) fn switch(&mut self, backend: Backend) -> io::Result<()> {
        match &mut self.kind {
            Kind::Local(listener) => listener.switch(backend),
            Kind::Memory(_) | Kind::Tcp(_) => Ok(()),
        }
    }

    /// Has other layers stand on it for links that come from now on.
    pub(crate) fn set_layers(&mut self, layers: Layers) {
        self.layers = layers;
    }

    /// Who comes next. An error concerns that link or the system, never the listener.
    ///
    /// # Cancel safety
    ///
    /// No link is lost when the future is dropped.
    pub(crate) async fn accept(&mut self) -> io::Result<Arrival> {
        let link = match &mut self.kind {
            Kind::Memory(listener) => {
                return listener.accept().await.map(Box::new).map(Arrival::Link);
            }
            Kind::Local(listener) => listener.accept().await?,
            Kind::Tcp(listener) => tcp::link(listener.accept().await?.0, Origin::Accepted)?,
        };
        if self.layers.is_empty() {
            return Ok(Arrival::Link(Box::new(link.into())));
        }
        let mut peer = Box::new(link.peer.clone());
        peer.transport = self.address.scheme();
        let opening = Box::pin(layer::open(Arc::clone(&self.layers), link));
        Ok(Arrival::Opening { peer, opening })
    }
}

impl Kind {
    /// Listens at what `address` is or stands on.
    async fn bind(
        address: &Address,
        base: &Address,
        may_leave: bool,
        config: &Config,
    ) -> Result<Self, ListenError> {
        match base {
            Address::Memory(name) if config.in_process.enabled => {
                MemoryListener::bind(name).map(Self::Memory)
            }
            Address::Tcp(host) => tcp::listen(address, host, may_leave).await.map(Self::Tcp),
            _ if local::serves(base) => LocalListener::bind(base, config).map(Self::Local),
            _ => Err(ListenError::Unsupported {
                address: address.clone(),
                reason: error::unsupported(base),
            }),
        }
    }

    /// The port at which it listens, where there are ports.
    fn port(&self) -> Option<u16> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok().map(|local| local.port()),
            Self::Memory(_) | Self::Local(_) => None,
        }
    }
}

/// Whether the peer of an accepted link may use this server at all.
pub(crate) fn admits(peer: &Peer, config: &Config) -> bool {
    match peer.credentials {
        Some(client) if peer.backend.is_some() => local::is_trusted(client, config),
        _ => true,
    }
}
