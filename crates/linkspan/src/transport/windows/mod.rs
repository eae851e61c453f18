//! `pipe:`: named pipes, whose peers the system names.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

#[cfg(feature = "plugin")]
use os::sandbox::{Descriptor, Running};

use crate::Address;
#[cfg(feature = "plugin-guest")]
use crate::auth::Principal;
use crate::transport::backend::{Accept, Backend, Connected, Local};
use crate::transport::{ByteLink, Config, DialError, ListenError, Peer, error};

/// A listening pipe, with an instance that waits for a client at all times.
#[derive(Debug)]
pub(crate) struct LocalListener {
    pipe: Arc<os::Pipe>,
    current: Source,
    /// Earlier backends, each with an instance that clients may have found already: it is theirs
    /// until it has one.
    earlier: Vec<Source>,
}

/// An instance that waits, and who waits there.
#[derive(Debug)]
struct Source {
    backend: Backend,
    accept: Box<dyn Accept>,
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
        let local = config.backend.local()?;
        let mut options = os::PipeOptions::default();
        options.security_descriptor = config.named_pipe.security_descriptor.clone();
        let pipe = os::Pipe::create(name, &options).map_err(|error| match error {
            os::PipeError::InUse { pid, .. } => ListenError::InUse {
                address: address.clone(),
                pid,
            },
            error => ListenError::Place(Box::new(error)),
        })?;
        let pipe = Arc::new(pipe);
        let current = Source::new(local, &pipe).map_err(|source| ListenError::Io {
            address: address.clone(),
            source,
        })?;
        Ok(Self {
            pipe,
            current,
            earlier: Vec::new(),
        })
    }

    /// Has another backend accept from now on; connections that there are keep theirs, and so does
    /// at most one more, by the instance that waits now.
    pub(crate) fn switch(&mut self, backend: Backend) -> io::Result<()> {
        if backend == self.current.backend {
            return Ok(());
        }
        let is_it = |source: &Source| source.backend == backend;
        let source = match self.earlier.iter().position(is_it) {
            Some(index) => self.earlier.swap_remove(index),
            None => Source::new(backend.local().map_err(io::Error::other)?, &self.pipe)?,
        };
        self.earlier
            .push(std::mem::replace(&mut self.current, source));
        Ok(())
    }

    pub(crate) fn backend(&self) -> Backend {
        self.current.backend
    }

    pub(crate) async fn accept(&mut self) -> io::Result<ByteLink> {
        match self.connected().await? {
            None => {
                let connected = self.current.accept.take_next()?;
                Ok(link(connected, self.current.backend))
            }
            Some(index) => {
                let Source { backend, accept } = self.earlier.swap_remove(index);
                Ok(link(accept.take_last()?, backend))
            }
        }
    }

    /// Waits for a client, and says at which of the earlier backends it is, if at any.
    async fn connected(&mut self) -> io::Result<Option<usize>> {
        let sources = self.earlier.iter_mut().chain([&mut self.current]);
        let mut waits: Vec<_> = sources.map(|source| source.accept.connected()).collect();
        let current = waits.len() - 1;
        let (index, result) = poll_fn(|cx| {
            let mut polled = waits.iter_mut().map(|wait| wait.as_mut().poll(cx));
            let is_ready = |(_, poll): &(usize, Poll<_>)| poll.is_ready();
            match polled.by_ref().enumerate().find(is_ready) {
                Some((index, Poll::Ready(result))) => Poll::Ready((index, result)),
                _ => Poll::Pending,
            }
        })
        .await;
        drop(waits);
        let earlier = (index != current).then_some(index);
        if let (Some(index), Err(_)) = (earlier, &result) {
            // It would only fail again, before the others are looked at.
            drop(self.earlier.swap_remove(index));
        }
        result.map(|()| earlier)
    }
}

impl Source {
    fn new(local: &dyn Local, pipe: &Arc<os::Pipe>) -> io::Result<Self> {
        Ok(Self {
            backend: local.backend(),
            accept: local.accept(pipe)?,
        })
    }
}

#[cfg(feature = "plugin-guest")]
impl crate::transport::Connected {
    /// Takes over what this process was started with; nothing yet.
    ///
    /// # Errors
    ///
    /// There is none to take over.
    pub fn inherited(inherited: os::Inherited, _: Principal) -> io::Result<Self> {
        inherited.never()
    }
}

#[cfg(feature = "plugin")]
impl crate::transport::Connected {
    /// Makes one end of a pair, with `peer` at the other end, which a program is to inherit; not yet.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`]
    pub fn pair(_: Principal) -> io::Result<(Self, Descriptor)> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// The end of a program that was launched, as the runtime sees it; none is yet.
#[cfg(feature = "plugin")]
#[derive(Debug)]
pub(crate) struct EndOf(());

#[cfg(feature = "plugin")]
impl EndOf {
    /// Has the runtime watch a program.
    pub(crate) fn new(_: &Running) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Waits until all of it has ended.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
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
    let connected = connect(local, name).await.map_err(io)?;
    if !is_trusted(connected.peer, config) {
        return Err(DialError::Untrusted {
            address: address.clone(),
            user: Box::new(connected.peer.user),
        });
    }
    Ok(link(connected, config.backend))
}

/// Whether a user is this process's own, the system or an administrator, or allowed by the pipe's
/// own security descriptor.
pub(crate) fn is_trusted(peer: os::PeerCredentials, config: &Config) -> bool {
    // Whoever a configured descriptor lets in was let in by the system.
    config.named_pipe.security_descriptor.is_some() || os::is_trusted(peer.user)
}

async fn connect(local: &dyn Local, name: &str) -> io::Result<Connected> {
    let mut wait = FIRST_WAIT;
    loop {
        match local.connect(name) {
            // An instance that was just taken is soon followed by the next.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
}

fn link(connected: Connected, backend: Backend) -> ByteLink {
    let mut peer = Peer::new("pipe");
    peer.credentials = Some(connected.peer);
    peer.backend = Some(backend);
    let (reader, writer) = connected.halves;
    ByteLink {
        reader,
        writer,
        peer,
    }
}

const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests;
