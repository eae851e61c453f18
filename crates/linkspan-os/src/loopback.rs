//! Whose the other end of a TCP connection within this machine is.

use std::io;
use std::net::SocketAddr;

#[cfg(target_os = "linux")]
use crate::linux::loopback as sys;
#[cfg(not(target_os = "linux"))]
use crate::loopback_portable as sys;

/// The id of the user who made the socket at `peer`, the other end of a TCP connection from `local`,
/// by the kernel's word.
///
/// None if the connection does not stay on loopback, if its other end is closed, and where the system
/// does not tell, which is on all but Linux. Programs that pass connections on, such as reverse
/// proxies, are the user here, whoever is behind them.
///
/// # Errors
///
/// The system's error, where it cannot be asked.
pub fn loopback_uid(local: SocketAddr, peer: SocketAddr) -> io::Result<Option<u32>> {
    let is_loopback = |address: SocketAddr| address.ip().to_canonical().is_loopback();
    if is_loopback(local) && is_loopback(peer) {
        sys::loopback_uid(local, peer)
    } else {
        Ok(None)
    }
}
