//! Reading from sockets.
#![expect(
    unsafe_code,
    reason = "bytes that the kernel wrote have to be declared written"
)]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;

use bytes::{BufMut, BytesMut};
use rustix::net::{RecvFlags, recv};

/// Reads at most `limit` bytes into the spare capacity of `buffer`, and says how many came; none at
/// the end of the stream. It never waits, even if the socket is one that does.
///
/// # Errors
///
/// The system's error; [`io::ErrorKind::WouldBlock`] if nothing is there now.
pub fn receive(socket: impl AsFd, buffer: &mut BytesMut, limit: usize) -> io::Result<usize> {
    let spare: &mut [MaybeUninit<u8>] = buffer.spare_capacity_mut();
    let usable = limit.min(spare.len());
    let spare = spare.get_mut(..usable).unwrap_or_default();
    let (_, count) = recv(socket, spare, RecvFlags::DONTWAIT)?;
    // SAFETY: the kernel has written `count` bytes to the beginning of the spare capacity, which is
    // at least as long.
    unsafe { buffer.advance_mut(count) };
    Ok(count)
}
