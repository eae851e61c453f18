//! Writing to sockets.

use std::io::{self, IoSlice};
use std::os::fd::AsFd;

use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown, send, sendmsg, shutdown};

/// Writes as much of `slices` as the socket takes now, and says how much that was.
///
/// A peer that is gone gives an error and never the signal SIGPIPE, whatever the program has set
/// for it.
///
/// # Errors
///
/// The system's error; [`io::ErrorKind::WouldBlock`] if the socket takes nothing now.
pub fn send_vectored(socket: impl AsFd, slices: &[IoSlice<'_>]) -> io::Result<usize> {
    let sent = match slices {
        [single] => send(socket, single, FLAGS)?,
        several => sendmsg(socket, several, &mut SendAncillaryBuffer::default(), FLAGS)?,
    };
    Ok(sent)
}

/// Tells the peer that nothing more will be sent; what was sent before still arrives.
///
/// # Errors
///
/// The system's error, as when the connection is gone.
pub fn shutdown_write(socket: impl AsFd) -> io::Result<()> {
    Ok(shutdown(socket, Shutdown::Write)?)
}

// Where the flag does not exist, the socket has the option SO_NOSIGPIPE from its beginning.
#[cfg(not(target_vendor = "apple"))]
const FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const FLAGS: SendFlags = SendFlags::empty();
