//! `tcp:`: plain TCP, on this machine only unless configured otherwise.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpStream, lookup_host};

use crate::Address;
use crate::address::HostPort;
use crate::transport::backend::{self, Origin};
use crate::transport::{ByteLink, DialError, ListenError, Peer};

/// Listens for `address`, which is TCP or stands on it.
pub(crate) async fn listen(
    address: &Address,
    host: &HostPort,
    may_leave: bool,
) -> Result<TcpListener, ListenError> {
    let io = |source| ListenError::Io {
        address: address.clone(),
        source,
    };
    let resolved = resolve(host).await.map_err(io)?;
    if let Some(resolved) = not_allowed(&resolved, may_leave) {
        let address = address.clone();
        return Err(ListenError::Plaintext { address, resolved });
    }
    TcpListener::bind(&*resolved).await.map_err(io)
}

/// Connects for `address`, which is TCP or stands on it.
pub(crate) async fn dial(
    address: &Address,
    host: &HostPort,
    may_leave: bool,
) -> Result<ByteLink, DialError> {
    let io = |source| DialError::Io {
        address: address.clone(),
        source,
    };
    let resolved = resolve(host).await.map_err(io)?;
    if let Some(resolved) = not_allowed(&resolved, may_leave) {
        let address = address.clone();
        return Err(DialError::Plaintext { address, resolved });
    }
    let stream = TcpStream::connect(&*resolved).await.map_err(io)?;
    link(stream, Origin::Dialed).map_err(io)
}

/// A link over an accepted or made connection.
pub(crate) fn link(stream: TcpStream, origin: Origin) -> io::Result<ByteLink> {
    // Frames leave whole; waiting for more to fill a packet would only cost time.
    stream.set_nodelay(true)?;
    let mut peer = Peer::new("tcp");
    peer.address = stream.peer_addr().ok();
    if let (Origin::Accepted, Some(address), Ok(local)) =
        (origin, peer.address, stream.local_addr())
    {
        // Of whom nobody can tell who it is, that is all that is known; it may connect nevertheless.
        peer.socket_uid = os::loopback_uid(local, address).unwrap_or_default();
    }
    let (reader, writer) = backend::tcp(stream, origin)?;
    Ok(ByteLink {
        reader,
        writer,
        peer,
    })
}

/// The addresses of a host, which is what loopback is judged by: a name can mean anything.
async fn resolve(host: &HostPort) -> io::Result<Vec<SocketAddr>> {
    let resolved: Vec<_> = lookup_host((host.host.as_str(), host.port))
        .await?
        .collect();
    if resolved.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::NotFound,
            "the name has no address",
        ));
    }
    Ok(resolved)
}

/// The first address that what stays on this machine may not use.
fn not_allowed(resolved: &[SocketAddr], may_leave: bool) -> Option<SocketAddr> {
    resolved
        .iter()
        .find(|address| !may_leave && !address.ip().to_canonical().is_loopback())
        .copied()
}
