//! Listening, whatever the transport.

use std::io;

use tokio::net::TcpListener;

use crate::Address;
use crate::address::HostPort;
use crate::transport::memory::MemoryListener;
use crate::transport::socket::Origin;
use crate::transport::unix::{self, UnixSocketListener};
use crate::transport::{Config, Link, ListenError, Peer, error, tcp};

/// A place where links come from.
#[derive(Debug)]
pub(crate) struct Listener {
    kind: Kind,
    address: Address,
}

#[derive(Debug)]
enum Kind {
    Memory(MemoryListener),
    Unix(UnixSocketListener),
    Tcp(TcpListener),
}

impl Listener {
    /// Begins to listen.
    pub(crate) async fn bind(address: &Address, config: &Config) -> Result<Self, ListenError> {
        let unsupported = || ListenError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(address),
        };
        let mut bound = address.clone();
        let kind = match address {
            Address::Memory(name) if config.in_process.enabled => {
                Kind::Memory(MemoryListener::bind(name)?)
            }
            Address::Unix(path) => Kind::Unix(UnixSocketListener::bind(path, &config.unix_socket)?),
            Address::Tcp(host) => {
                let listener = tcp::listen(host, &config.tcp).await?;
                // Port 0 asks the system for one.
                if let (0, Ok(local)) = (host.port, listener.local_addr()) {
                    bound = Address::Tcp(HostPort::new(host.host.clone(), local.port()));
                }
                Kind::Tcp(listener)
            }
            _ => return Err(unsupported()),
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

    /// The next link. An error concerns that link or the system, never the listener.
    pub(crate) async fn accept(&mut self) -> io::Result<Link> {
        match &mut self.kind {
            Kind::Memory(listener) => listener.accept().await,
            Kind::Unix(listener) => listener.accept().await,
            Kind::Tcp(listener) => tcp::link(listener.accept().await?.0, Origin::Accepted),
        }
    }
}

/// Whether the peer of an accepted link may use this server at all.
pub(crate) fn admits(peer: &Peer, config: &Config) -> bool {
    match (peer.transport, peer.credentials) {
        ("unix", Some(client)) => client
            .uid()
            .is_some_and(|uid| unix::is_trusted(uid, &config.unix_socket)),
        _ => true,
    }
}
