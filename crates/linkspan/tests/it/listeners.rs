//! What listens, who is let in, and what is left behind.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::time::Duration;

use linkspan::Address;
use linkspan::rpc::{Client, ConnectError, Router, Server, ServerConfig};
use linkspan::transport::{DialError, ListenError};
use linkspan_test::conformance::{Place, Server as TestServer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{address, pair};

/// TCP sockets that this process listens on, from the kernel's tables.
fn listening_tcp_sockets() -> usize {
    let mut own = Vec::new();
    for entry in fs::read_dir("/proc/self/fd").unwrap().flatten() {
        if let Ok(target) = fs::read_link(entry.path())
            && let Some(inode) = target.to_string_lossy().strip_prefix("socket:[")
        {
            own.push(inode.trim_end_matches(']').to_owned());
        }
    }
    let listens = |table: &str| {
        let text = fs::read_to_string(table).unwrap_or_default();
        let is_own = |line: &&str| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.get(3) == Some(&"0A")
                && own
                    .iter()
                    .any(|inode| fields.get(9) == Some(&inode.as_str()))
        };
        text.lines().filter(is_own).count()
    };
    listens("/proc/self/net/tcp") + listens("/proc/self/net/tcp6")
}

#[test]
fn a_socket_is_the_owners_alone_and_goes_with_its_server() {
    // On a runtime and in a process state of its own: the tables are the process's.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/app/node.sock");
        let serving = Server::new()
            .listen(format!("unix:{}", path.display()).as_str())
            .await
            .unwrap();
        let metadata = fs::symlink_metadata(&path).unwrap();
        assert!(metadata.file_type().is_socket());
        assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        let parent = fs::metadata(path.parent().unwrap()).unwrap();
        assert_eq!(parent.permissions().mode() & 0o777, 0o700);
        serving.stop(Duration::from_secs(1)).await;
        assert!(!path.exists(), "a stopped server leaves no socket");
        let serving = Server::new()
            .listen(&Address::Unix(path.clone()))
            .await
            .unwrap();
        drop(serving);
        tokio::task::yield_now().await;
        linkspan_test::wait::until("the socket is gone", || !path.exists()).await;
    });
}

#[tokio::test]
async fn no_network_socket_is_opened_unasked() {
    let before = listening_tcp_sockets();
    let _mem = pair("mem", Router::new()).await;
    let _unix = pair("unix", Router::new()).await;
    assert_eq!(listening_tcp_sockets(), before);
    let _tcp = pair("tcp", Router::new()).await;
    // Other tests of this program may listen, too.
    assert!(listening_tcp_sockets() > 0);
}

#[tokio::test]
async fn plain_tcp_stays_on_this_machine_unless_allowed() {
    for text in ["tcp:0.0.0.0:0", "tcp:[::]:0", "tcp:192.0.2.1:80"] {
        let error = Server::new().listen(text).await.unwrap_err();
        assert!(
            matches!(error, ListenError::Plaintext { .. }),
            "{text}: {error}"
        );
        assert!(
            error
                .to_string()
                .contains("plain TCP may not leave this machine")
        );
        let error = Client::connect(text).await.unwrap_err();
        assert!(
            matches!(error, ConnectError::Dial(DialError::Plaintext { .. })),
            "{text}: {error}"
        );
    }
    let mut config = ServerConfig::default();
    config.transport.tcp.allow_plaintext = true;
    Server::new()
        .config(config)
        .listen("tcp:0.0.0.0:0")
        .await
        .unwrap()
        .stop(Duration::ZERO)
        .await;
}

#[tokio::test]
async fn one_server_listens_at_many_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let mut serving = Server::new()
        .listen(&address("unix", &directory))
        .await
        .unwrap();
    serving.also(&address("mem", &directory)).await.unwrap();
    let tcp = serving.also("tcp:localhost:0").await.unwrap();
    assert!(!tcp.to_string().ends_with(":0"), "{tcp}");
    let addresses: Vec<_> = serving.addresses().cloned().collect();
    assert_eq!(addresses.len(), 3);
    let mut clients = Vec::new();
    for address in &addresses {
        clients.push(Client::connect(address).await.unwrap());
    }
    linkspan_test::wait::until("all are there", || serving.connections().len() == 3).await;
    assert!(
        serving
            .stats()
            .all(|(_, stats)| (stats.open, stats.accepted) == (1, 1))
    );
    let report = serving.stop(Duration::from_secs(5)).await;
    assert_eq!((report.connections, report.cut), (3, 0));
}

#[tokio::test]
async fn a_name_or_path_in_use_is_refused() {
    for scheme in ["mem", "unix"] {
        let pair = pair(scheme, Router::new()).await;
        let error = Server::new()
            .listen(pair.serving.address())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains("in use"), "{error}");
        assert!(Client::connect(pair.serving.address()).await.is_ok());
    }
}

#[tokio::test]
async fn a_killed_servers_socket_is_taken_over() {
    let mut server = TestServer::spawn(Place::LOCAL);
    server.client().await;
    server.kill();
    let Address::Unix(path) = &server.address else {
        panic!()
    };
    assert!(path.exists(), "a killed server cannot clean up");
    let error = Client::connect(&server.address).await.unwrap_err();
    assert!(error.is_retryable(), "{error}");
    let serving = Server::new().listen(&server.address).await.unwrap();
    Client::connect(serving.address()).await.unwrap();
}

#[tokio::test]
async fn addresses_that_this_build_cannot_use_say_why() {
    for (text, reason) in [
        ("tls:localhost:1", "TLS is not in this build"),
        ("unix+tls:/tmp/x", "TLS is not in this build"),
        ("pipe:x", "named pipes are not in this build"),
        ("ws:localhost:1", "WebSocket is not in this build"),
    ] {
        let error = Server::new().listen(text).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot listen at {text}: {reason}")
        );
        let error = Client::connect(text).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("cannot connect to {text}: {reason}")
        );
    }
    let mut config = ServerConfig::default();
    config.transport.in_process.enabled = false;
    let error = Server::new()
        .config(config)
        .listen("mem:off")
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot listen at mem:off: it is turned off"
    );
}

#[tokio::test]
async fn nobody_at_an_address_is_told_at_once() {
    for text in ["mem:nobody", "unix:/nowhere/s", "tcp:127.0.0.1:1"] {
        let error = Client::connect(text).await.unwrap_err();
        assert!(error.is_retryable(), "{text}: {error}");
    }
    let error = Client::connect("tcp:nowhere").await.unwrap_err();
    assert!(matches!(error, ConnectError::Address(_)));
}

#[tokio::test]
async fn a_greeting_of_another_protocol_is_skipped_however_it_comes() {
    for pieces in [vec![3], vec![1, 2], vec![1, 1, 1], vec![2, 1]] {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("tcp:{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let mut greeting = &[0xEB, 1, 0][..];
            for piece in pieces {
                let (now, later) = greeting.split_at(piece);
                stream.write_all(now).await.unwrap();
                // The client reads each piece by itself, as far as the system lets us say so.
                tokio::time::sleep(Duration::from_millis(20)).await;
                greeting = later;
            }
            // Nothing that is a frame: the client has to get as far as looking at it.
            stream.write_all(b"NOPE").await.unwrap();
            stream.read_to_end(&mut Vec::new()).await.ok();
        });
        let error = Client::connect(address.as_str()).await.unwrap_err();
        let text = format!("{error:?}");
        assert!(text.contains("Magic") && text.contains("78"), "{text}");
        server.await.unwrap();
    }
}
