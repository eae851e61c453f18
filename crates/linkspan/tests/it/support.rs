//! Servers and clients for the tests.

use std::sync::atomic::{AtomicU64, Ordering};

use linkspan::Address;
use linkspan::rpc::{Client, Router, Server, ServerConfig, Serving};
use tempfile::TempDir;

/// A server on a transport, and a client of it.
pub(crate) struct Pair {
    pub(crate) client: Client,
    pub(crate) serving: Serving,
    _directory: TempDir,
}

/// A fresh address for each scheme.
pub(crate) fn address(scheme: &str, directory: &TempDir) -> Address {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let text = match scheme {
        "mem" => format!("mem:it-{number}"),
        "unix" => format!(
            "unix:{}",
            directory.path().join(format!("s{number}")).display()
        ),
        // All processes of the machine share the names of pipes.
        "pipe" => format!("pipe:linkspan-it-{}-{number}", std::process::id()),
        _ => "tcp:127.0.0.1:0".to_owned(),
    };
    text.parse().unwrap()
}

pub(crate) async fn pair(scheme: &str, service: impl Into<Router>) -> Pair {
    pair_of(scheme, Server::new().service(service)).await
}

pub(crate) async fn pair_of(scheme: &str, server: Server) -> Pair {
    let directory = tempfile::tempdir().unwrap();
    let serving = server.listen(&address(scheme, &directory)).await.unwrap();
    let client = Client::connect(serving.address()).await.unwrap();
    Pair {
        client,
        serving,
        _directory: directory,
    }
}

/// Limits the connections of a server at its local socket.
pub(crate) fn limit_local(config: &mut ServerConfig, connections: usize) {
    config.transport.unix_socket.max_connections = connections;
    config.transport.named_pipe.max_connections = connections;
}

/// How much of something is tried: `usual` in the tests, and `full` by `cargo xtask soak`, or less in
/// proportion if it is told so.
pub(crate) fn scaled(usual: u64, full: u64) -> u64 {
    let Ok(percent) = std::env::var("LINKSPAN_SOAK_PERCENT") else {
        return usual;
    };
    let percent: u64 = percent.parse().unwrap();
    usual.max(full * percent / 100)
}

/// The local socket of this system.
pub(crate) const LOCAL: &str = if cfg!(windows) { "pipe" } else { "unix" };
/// Every transport that this system has.
pub(crate) const SCHEMES: [&str; 3] = ["mem", LOCAL, "tcp"];
