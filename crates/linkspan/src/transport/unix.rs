//! `unix:`: Unix sockets, whose peers the kernel names.

use std::future::poll_fn;
use std::io;
#[cfg(feature = "plugin")]
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "plugin")]
use os::sandbox::{Descriptor, Running};
#[cfg(feature = "plugin")]
use tokio::io::Interest;
#[cfg(feature = "plugin")]
use tokio::io::unix::AsyncFd;

use crate::Address;
use crate::auth::Principal;
use crate::transport::backend::{Accept, Backend, Origin};
use crate::transport::{ByteLink, Config, Connected, DialError, ListenError, Peer, error};

/// A listening socket and its file.
#[derive(Debug)]
pub(crate) struct LocalListener {
    listener: Arc<UnixListener>,
    backend: Backend,
    accept: Box<dyn Accept>,
    /// Connections that an earlier backend had taken and not given out.
    left: Vec<UnixStream>,
    /// Removes the socket's path when the listener goes.
    _file: os::SocketFile,
}

impl LocalListener {
    /// Listens at an address that this module [`serves`].
    pub(crate) fn bind(address: &Address, config: &Config) -> Result<Self, ListenError> {
        let Address::Unix(path) = address else {
            return Err(ListenError::Unsupported {
                address: address.clone(),
                reason: error::unsupported(address),
            });
        };
        let (backend, config) = (config.backend, &config.unix_socket);
        let local = backend.local()?;
        let mut options = os::BindOptions::default();
        options.file_permissions = config.file_permissions;
        options.directory_permissions = config.directory_permissions;
        let (listener, file) = os::SocketFile::bind(path, &options).map_err(refused)?;
        let listener = Arc::new(listener);
        let accept = local
            .accept(Arc::clone(&listener))
            .map_err(|source| ListenError::Io {
                address: address.clone(),
                source,
            })?;
        Ok(Self {
            listener,
            backend,
            accept,
            left: Vec::new(),
            _file: file,
        })
    }

    /// Has another backend accept from now on; connections that there are keep theirs.
    pub(crate) fn switch(&mut self, backend: Backend) -> io::Result<()> {
        if backend == self.backend {
            return Ok(());
        }
        let local = backend.local().map_err(io::Error::other)?;
        let accept = local.accept(Arc::clone(&self.listener))?;
        let earlier = std::mem::replace(&mut self.accept, accept);
        self.left.extend(earlier.finish());
        self.backend = backend;
        Ok(())
    }

    pub(crate) fn backend(&self) -> Backend {
        self.backend
    }

    pub(crate) async fn accept(&mut self) -> io::Result<ByteLink> {
        let stream = match self.left.pop() {
            Some(stream) => stream,
            None => poll_fn(|cx| self.accept.poll_accept(cx)).await?,
        };
        link(stream, self.backend, Origin::Accepted)
    }
}

fn refused(error: os::BindError) -> ListenError {
    match error {
        os::BindError::InUse { path, pid } => ListenError::InUse {
            address: Address::Unix(path),
            pid,
        },
        error => ListenError::Place(Box::new(error)),
    }
}

/// Whether an address is one of Unix sockets.
pub(crate) fn serves(address: &Address) -> bool {
    matches!(address, Address::Unix(_))
}

/// Connects to an address that this module [`serves`], waiting while the server's queue of
/// connections is full.
///
/// The caller limits the time.
pub(crate) async fn dial(address: &Address, config: &Config) -> Result<ByteLink, DialError> {
    let Address::Unix(path) = address else {
        return Err(DialError::Unsupported {
            address: address.clone(),
            reason: error::unsupported(address),
        });
    };
    let backend = config.backend;
    let io = |source| DialError::Io {
        address: address.clone(),
        source,
    };
    backend.check()?;
    let stream = connect(path).await.map_err(io)?;
    let link = link(stream, backend, Origin::Dialed).map_err(io)?;
    match link.peer.credentials {
        Some(server) if !is_trusted(server, config) => Err(DialError::Untrusted {
            address: address.clone(),
            user: Box::new(server.user),
        }),
        _ => Ok(link),
    }
}

impl Connected {
    /// Takes over a connected Unix socket with `peer` at its other end.
    ///
    /// # Errors
    ///
    /// The system's, if the socket cannot be waited for.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn from_unix(socket: UnixStream, peer: Principal) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        let mut link = link_of(socket, Backend::default(), Origin::Dialed)?;
        link.peer.proved = Some(Arc::new(peer));
        Ok(Self { link })
    }

    /// Takes over what this process was started with, with `peer` at its other end.
    ///
    /// # Errors
    ///
    /// The system's, if the socket cannot be waited for.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "plugin-guest")]
    pub fn inherited(inherited: os::Inherited, peer: Principal) -> io::Result<Self> {
        Self::from_unix(inherited.into_socket(), peer)
    }

    /// Makes one end of a pair, with `peer` at the other end, which a program is to inherit.
    ///
    /// # Errors
    ///
    /// The system's, if it has no more descriptors.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    #[cfg(feature = "plugin")]
    pub fn pair(peer: Principal) -> io::Result<(Self, Descriptor)> {
        let (ours, theirs) = UnixStream::pair()?;
        Ok((Self::from_unix(ours, peer)?, theirs.into()))
    }
}

/// The end of a program that was launched, as the runtime sees it.
#[cfg(feature = "plugin")]
#[derive(Debug)]
pub(crate) struct EndOf(AsyncFd<OwnedFd>);

#[cfg(feature = "plugin")]
impl EndOf {
    /// Has the runtime watch a program.
    #[expect(
        deprecated,
        reason = "its successor is unsafe for descriptors that can change; this owns its own"
    )]
    pub(crate) fn new(running: &Running) -> io::Result<Self> {
        let process = running.as_fd().try_clone_to_owned()?;
        AsyncFd::with_interest(process, Interest::READABLE).map(Self)
    }

    /// Waits until all of it has ended.
    pub(crate) async fn ended(&self) -> io::Result<()> {
        self.0
            .readable()
            .await
            .map(|mut ready| ready.retain_ready())
    }
}

/// Whether a user is this process's own, root, or allowed.
pub(crate) fn is_trusted(peer: os::PeerCredentials, config: &Config) -> bool {
    let Some(uid) = peer.uid() else {
        return false;
    };
    uid == os::effective_uid() || uid == 0 || config.unix_socket.allowed_uids.contains(&uid)
}

async fn connect(path: &Path) -> io::Result<UnixStream> {
    let mut wait = FIRST_WAIT;
    loop {
        match os::connect(path) {
            // The queue of a Unix socket cannot be waited for, only asked again.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            result => return result,
        }
    }
}

fn link(stream: UnixStream, backend: Backend, origin: Origin) -> io::Result<ByteLink> {
    let credentials = os::peer_credentials(&stream)?;
    let mut link = link_of(stream, backend, origin)?;
    link.peer.credentials = Some(credentials);
    Ok(link)
}

/// A link to a peer of whom nothing is known.
fn link_of(stream: UnixStream, backend: Backend, origin: Origin) -> io::Result<ByteLink> {
    let mut peer = Peer::new("unix");
    peer.backend = Some(backend);
    let local = backend.local().map_err(io::Error::other)?;
    let (reader, writer) = local.stream(stream, origin)?;
    Ok(ByteLink {
        reader,
        writer,
        peer,
    })
}

const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
