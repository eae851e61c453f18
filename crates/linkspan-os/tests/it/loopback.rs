//! Whose the other end of TCP within this machine is.

use std::io::Read;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

use linkspan_os::{effective_uid, loopback_uid};

#[test]
fn the_other_end_is_of_the_user_who_made_it() {
    let loopback: [SocketAddr; 2] = [
        (Ipv4Addr::LOCALHOST, 0).into(),
        (Ipv6Addr::LOCALHOST, 0).into(),
    ];
    for address in loopback {
        let Ok(listener) = TcpListener::bind(address) else {
            assert!(address.is_ipv6(), "some machines have no IPv6");
            continue;
        };
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        assert_eq!(uid(&server), Some(effective_uid()), "{address}");
        assert_eq!(uid(&client), Some(effective_uid()), "{address}");
    }
}

#[test]
fn a_mapped_address_is_the_same_end() {
    let Ok(listener) = TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
        return;
    };
    let port = listener.local_addr().unwrap().port();
    let _client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let (server, peer) = listener.accept().unwrap();
    assert!(peer.is_ipv6());
    assert_eq!(uid(&server), Some(effective_uid()));
}

#[test]
fn of_a_closed_end_nobody_is_the_user() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
    assert_eq!(uid(&server), None);
}

#[test]
fn another_user_is_told_from_this_one() {
    if effective_uid() != 0 {
        // Only root can be somebody else.
        return;
    }
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut child = Command::new("bash")
        .args([
            "-c",
            &format!("exec 3<>/dev/tcp/127.0.0.1/{port}; read -u 3"),
        ])
        .uid(NOBODY)
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let (server, _) = listener.accept().unwrap();
    assert_eq!(uid(&server), Some(NOBODY));
    drop(server);
    child.wait().unwrap();
}

fn uid(socket: &TcpStream) -> Option<u32> {
    loopback_uid(socket.local_addr().unwrap(), socket.peer_addr().unwrap()).unwrap()
}

const NOBODY: u32 = 65534;
