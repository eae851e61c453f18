use std::fs::OpenOptions;
use std::io;

use linkspan_os::{
    Sid, User, connect_pipe, is_trusted, own_credentials, peer_credentials, security_descriptor,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::windows::support::{bind, child, child_argument, connect, own_sid, pipe_name, soon};

#[tokio::test]
async fn both_ends_name_this_process_and_its_user() {
    let name = pipe_name("both-ends");
    let mut listener = bind(&name);
    let (client, server) = tokio::join!(connect(&name), soon(listener.accept()));
    let own = own_credentials();
    assert_eq!(own.pid, Some(std::process::id()));
    assert_ne!(own.sid(), Some(Sid::NOBODY));
    assert_eq!(peer_credentials(server.unwrap()).unwrap(), own);
    assert_eq!(peer_credentials(&client).unwrap(), own);
    let after = own_credentials();
    assert_eq!(after, own, "the thread is itself again");
}

#[tokio::test]
async fn a_client_in_another_process_is_named() {
    if let Some(name) = child_argument() {
        let mut client = connect(&name).await;
        // Until the parent has looked.
        assert_eq!(soon(client.read_u8()).await.unwrap(), 1);
        return;
    }
    let name = pipe_name("other-process");
    let mut listener = bind(&name);
    let own_name = "windows::peer::a_client_in_another_process_is_named";
    let mut other = child(own_name, &name);
    let mut server = soon(listener.accept()).await.unwrap();
    let peer = peer_credentials(&server).unwrap();
    assert_eq!((peer.sid(), peer.pid), (Some(own_sid()), Some(other.id())));
    server.write_u8(1).await.unwrap();
    assert!(other.wait().unwrap().success());
}

#[tokio::test]
async fn a_client_without_quality_of_service_is_named_once_it_has_spoken() {
    let name = pipe_name("plain-client");
    let mut listener = bind(&name);
    let path = format!(r"\\.\pipe\{name}");
    let mut client = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .unwrap();
    let mut server = soon(listener.accept()).await.unwrap();
    io::Write::write_all(&mut client, &[7]).unwrap();
    if let Err(error) = peer_credentials(&server) {
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock, "{error}");
    }
    assert_eq!(soon(server.read_u8()).await.unwrap(), 7);
    assert_eq!(peer_credentials(&server).unwrap(), own_credentials());
}

#[test]
fn what_is_no_pipe_has_no_peer() {
    let file = std::fs::File::open(std::env::current_exe().unwrap()).unwrap();
    assert!(peer_credentials(&file).is_err());
}

#[tokio::test]
async fn a_client_that_hides_is_not_named() {
    use tokio::net::windows::named_pipe::ClientOptions;
    const SECURITY_ANONYMOUS: u32 = 0;
    let name = pipe_name("anonymous");
    let mut listener = bind(&name);
    let mut options = ClientOptions::new();
    let path = format!(r"\\.\pipe\{name}");
    let _client = options
        .security_qos_flags(SECURITY_ANONYMOUS)
        .open(path)
        .unwrap();
    let server = soon(listener.accept()).await.unwrap();
    let told = peer_credentials(&server);
    let is_gap = crate::windows::support::is_gap("a client cannot hide who it is");
    assert!(told.is_err() || is_gap, "{told:?}");
    // Whatever it was, the thread acts for itself after it: a hidden user could not do this.
    assert_eq!(own_credentials().sid(), Some(own_sid()));
    assert!(security_descriptor(&server).is_ok());
    connect_pipe(&name).unwrap();
}

#[test]
fn trusted_are_this_user_the_system_and_administrators() {
    let trusts = |sid| is_trusted(User::Windows { sid });
    for sid in [own_sid(), Sid::SYSTEM, Sid::ADMINISTRATORS] {
        assert!(trusts(sid), "{sid}");
    }
    for text in ["S-1-1-0", "S-1-5-7", "S-1-5-11", "S-1-5-32-545", "S-1-0-0"] {
        assert!(!trusts(text.parse().unwrap()), "{text}");
    }
    assert!(!is_trusted(User::Unix { uid: 0, gid: 0 }));
}
