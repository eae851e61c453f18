//! `unix:`: Unix sockets, whose peers the kernel names.

use std::io;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use crate::Address;
use crate::transport::socket::{self, ListenSocket, Origin};
use crate::transport::{DialError, Link, ListenError, Peer, Reader, UnixSocketConfig, Writer};

/// A listening socket and its file.
#[derive(Debug)]
pub(crate) struct UnixSocketListener {
    listener: ListenSocket<UnixListener>,
    /// Removes the socket's path when the listener goes.
    _file: os::SocketFile,
}

impl UnixSocketListener {
    pub(crate) fn bind(path: &Path, config: &UnixSocketConfig) -> Result<Self, ListenError> {
        let mut options = os::BindOptions::default();
        options.file_permissions = config.file_permissions;
        options.directory_permissions = config.directory_permissions;
        let (listener, file) = os::SocketFile::bind(path, &options).map_err(refused)?;
        let listener = ListenSocket::new(listener).map_err(|source| ListenError::Io {
            address: Address::Unix(path.into()),
            source,
        })?;
        Ok(Self {
            listener,
            _file: file,
        })
    }

    pub(crate) async fn accept(&self) -> io::Result<Link> {
        let (stream, _) = self.listener.accept(UnixListener::accept).await?;
        stream.set_nonblocking(true)?;
        link(stream, Origin::Accepted)
    }
}

/// Connects, waiting while the server's queue of connections is full.
///
/// The caller limits the time.
fn refused(error: os::BindError) -> ListenError {
    match error {
        os::BindError::InUse { path, pid } => ListenError::InUse {
            address: Address::Unix(path),
            pid,
        },
        error => ListenError::Place(Box::new(error)),
    }
}

pub(crate) async fn dial(path: &Path, config: &UnixSocketConfig) -> Result<Link, DialError> {
    let address = || Address::Unix(path.into());
    let io = |source| DialError::Io {
        address: address(),
        source,
    };
    let stream = connect(path).await.map_err(io)?;
    let link = link(stream, Origin::Dialed).map_err(io)?;
    match link.peer.credentials.and_then(|server| server.uid()) {
        Some(uid) if !is_trusted(uid, config) => Err(DialError::Untrusted {
            address: address(),
            uid,
        }),
        _ => Ok(link),
    }
}

/// Whether a user is this process's own, root, or allowed.
pub(crate) fn is_trusted(uid: u32, config: &UnixSocketConfig) -> bool {
    uid == os::effective_uid() || uid == 0 || config.allowed_uids.contains(&uid)
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

fn link(stream: UnixStream, origin: Origin) -> io::Result<Link> {
    let mut peer = Peer::new("unix");
    peer.credentials = Some(os::peer_credentials(&stream)?);
    let (reader, writer) = socket::split(stream.into(), origin)?;
    Ok(Link {
        reader: Reader::Socket(reader),
        writer: Writer::Socket(writer),
        peer,
    })
}

const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
