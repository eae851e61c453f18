//! `pipe:`: named pipes, whose peers the system names.

use std::io;
use std::time::Duration;

use crate::Address;
use crate::transport::backend::Backend;
use crate::transport::{ByteLink, Config, DialError, ListenError, Peer, error};

/// A listening pipe, with an instance that waits for a client at all times.
#[derive(Debug)]
pub(crate) struct LocalListener {
    pipe: os::PipeListener,
    backend: Backend,
}

impl LocalListener {
    /// Listens at an address that this module [`serves`].
    pub(crate) fn bind(address: &Address, config: &Config) -> Result<Self, ListenError> {
        let Address::Pipe(name) = address else {
            return Err(ListenError::Unsupported {
                address: address.clone(),
                reason: error::unsupported(address),
            });
        };
        let backend = config.backend;
        backend.check()?;
        let mut options = os::PipeOptions::default();
        options.security_descriptor = config.named_pipe.security_descriptor.clone();
        let pipe = os::PipeListener::bind(name, &options).map_err(|error| match error {
            os::PipeError::InUse { pid, .. } => ListenError::InUse {
                address: address.clone(),
                pid,
            },
            error => ListenError::Place(Box::new(error)),
        })?;
        Ok(Self { pipe, backend })
    }

    /// Has another backend carry the connections that come from now on.
    pub(crate) fn switch(&mut self, backend: Backend) -> io::Result<()> {
        backend.check().map_err(io::Error::other)?;
        self.backend = backend;
        Ok(())
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    pub(crate) async fn accept(&mut self) -> io::Result<ByteLink> {
        let pipe = self.pipe.accept().await?;
        let peer = peer(os::peer_credentials(&pipe)?, self.backend);
        let local = self.backend.local().map_err(io::Error::other)?;
        let (reader, writer) = local.server(pipe)?;
        Ok(ByteLink {
            reader,
            writer,
            peer,
        })
    }
}

/// Whether an address is one of named pipes.
pub(crate) fn serves(address: &Address) -> bool {
    matches!(address, Address::Pipe(_))
}

/// Connects to an address that this module [`serves`], waiting while all instances are taken.
///
/// The caller limits the time.
pub(crate) async fn dial(address: &Address, config: &Config) -> Result<ByteLink, DialError> {
    let Address::Pipe(name) = address else {
        return Err(DialError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(address),
        });
    };
    let io = |source| DialError::Io {
        address: address.clone(),
        source,
    };
    let local = config.backend.local()?;
    let pipe = connect(name).await.map_err(io)?;
    let server = os::peer_credentials(&pipe).map_err(io)?;
    if !is_trusted(server, config) {
        return Err(DialError::Untrusted {
            address: address.clone(),
            user: server.user,
        });
    }
    let (reader, writer) = local.client(pipe).map_err(io)?;
    Ok(ByteLink {
        reader,
        writer,
        peer: peer(server, config.backend),
    })
}

/// Whether a user is this process's own, the system or an administrator, or allowed by the pipe's
/// own security descriptor.
pub(crate) fn is_trusted(peer: os::PeerCredentials, config: &Config) -> bool {
    // Whoever a configured descriptor lets in was let in by the system.
    config.named_pipe.security_descriptor.is_some() || os::is_trusted(peer.user)
}

async fn connect(name: &str) -> io::Result<tokio::net::windows::named_pipe::NamedPipeClient> {
    let mut wait = FIRST_WAIT;
    loop {
        match os::connect_pipe(name) {
            // An instance that was just taken is soon followed by the next.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
}

fn peer(credentials: os::PeerCredentials, backend: Backend) -> Peer {
    let mut peer = Peer::new("pipe");
    peer.credentials = Some(credentials);
    peer.backend = Some(backend);
    peer
}

const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
