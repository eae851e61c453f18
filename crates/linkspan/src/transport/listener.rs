//! Listening, whatever the transport.

use std::io;

use tokio::net::TcpListener;

use crate::Address;
use crate::address::HostPort;
use crate::transport::backend::Origin;
use crate::transport::local::{self, LocalListener};
use crate::transport::memory::MemoryListener;
use crate::transport::{Backend, Config, Link, ListenError, Peer, error, tcp};

/// A place where links come from.
#[derive(Debug)]
pub(crate) struct Listener {
    kind: Kind,
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
        let mut bound = address.clone();
        let kind = match address {
            Address::Memory(name) if config.in_process.enabled => {
                Kind::Memory(MemoryListener::bind(name)?)
            }
            Address::Tcp(host) => {
                let listener = tcp::listen(host, &config.tcp).await?;
                // Port 0 asks the system for one.
                if let (0, Ok(local)) = (host.port, listener.local_addr()) {
                    bound = Address::Tcp(HostPort::new(host.host.clone(), local.port()));
                }
                Kind::Tcp(listener)
            }
            _ if local::serves(address) => Kind::Local(LocalListener::bind(address, config)?),
            _ => {
                return Err(ListenError::Unsupported {
                    address: address.clone(),
                    reason: error::unsupported(address),
                });
            }
        };
        Ok(Self {
            kind,
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

    /// The next link. An error concerns that link or the system, never the listener.
    ///
    /// # Cancel safety
    ///
    /// No link is lost when the future is dropped.
    pub(crate) async fn accept(&mut self) -> io::Result<Link> {
        match &mut self.kind {
            Kind::Memory(listener) => listener.accept().await,
            Kind::Local(listener) => listener.accept().await.map(Link::from),
            Kind::Tcp(listener) => {
                tcp::link(listener.accept().await?.0, Origin::Accepted).map(Link::from)
            }
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
