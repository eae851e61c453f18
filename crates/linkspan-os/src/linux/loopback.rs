//! Whose the other end of a TCP connection within this machine is, asked by `NETLINK_SOCK_DIAG`.

use std::io;
use std::net::{IpAddr, SocketAddr};

use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recv, sendto, socket_with,
};

pub(crate) fn loopback_uid(local: SocketAddr, peer: SocketAddr) -> io::Result<Option<u32>> {
    let kind = SocketType::DGRAM;
    let netlink = socket_with(
        AddressFamily::NETLINK,
        kind,
        SocketFlags::CLOEXEC,
        Some(SOCK_DIAG),
    )?;
    let kernel = SocketAddrNetlink::new(0, 0);
    sendto(
        &netlink,
        &question(local, peer),
        SendFlags::empty(),
        &kernel,
    )?;
    let mut answer = [0; ANSWER_BYTES];
    // The kernel answers before it returns from the question.
    let (length, _) = recv(&netlink, &mut answer, RecvFlags::DONTWAIT)?;
    Ok(answer.get(..length).and_then(owner))
}

/// A `nlmsghdr` and an `inet_diag_req_v2` that asks for the one socket with these ends.
fn question(local: SocketAddr, peer: SocketAddr) -> Vec<u8> {
    let (local_ip, peer_ip) = (local.ip().to_canonical(), peer.ip().to_canonical());
    let family = if peer_ip.is_ipv4() { INET } else { INET6 };
    let parts: [&[u8]; 12] = [
        &QUESTION_BYTES.to_ne_bytes(),
        &BY_FAMILY.to_ne_bytes(),
        &REQUEST.to_ne_bytes(),
        // Sequence and port, which matter to nobody.
        &[0; 8],
        &[family, TCP, 0, 0],
        &ANY_STATE.to_ne_bytes(),
        // It is asked for by its own view: what is the peer here is its own address.
        &peer.port().to_be_bytes(),
        &local.port().to_be_bytes(),
        &octets(peer_ip),
        &octets(local_ip),
        // Any interface.
        &[0; 4],
        &ANY_COOKIE.to_ne_bytes(),
    ];
    parts.concat()
}

/// The user in an `inet_diag_msg`, if it is of a connection that a process holds: what else there
/// may be with these ends, as what remains of a closed one, has no user of its own.
fn owner(answer: &[u8]) -> Option<u32> {
    let number = |at: usize| {
        let bytes = answer.get(at..)?.first_chunk()?;
        Some(u32::from_ne_bytes(*bytes))
    };
    let kind = u16::from_ne_bytes(*answer.get(4..)?.first_chunk()?);
    let state = *answer.get(17)?;
    let inode = number(84)?;
    let is_held = kind == BY_FAMILY && state == ESTABLISHED && inode != 0;
    is_held.then(|| number(80)).flatten()
}

/// An address in the place of one of either family.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V6(address) => address.octets(),
        IpAddr::V4(address) => {
            let mut octets = [0; 16];
            octets[..4].copy_from_slice(&address.octets());
            octets
        }
    }
}

const QUESTION_BYTES: u32 = 72;
const ANSWER_BYTES: usize = 88;
/// `SOCK_DIAG_BY_FAMILY`.
const BY_FAMILY: u16 = 20;
/// `NLM_F_REQUEST`.
const REQUEST: u16 = 1;
const INET: u8 = 2;
const INET6: u8 = 10;
const TCP: u8 = 6;
/// `TCP_ESTABLISHED`.
const ESTABLISHED: u8 = 1;
const ANY_STATE: u32 = u32::MAX;
/// `INET_DIAG_NOCOOKIE`, twice.
const ANY_COOKIE: u64 = u64::MAX;
