//! Tests of the library through its public interface, over real links.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::excessive_nesting,
    reason = "tests fail by panicking and read as scripts"
)]

mod address;
#[cfg(all(feature = "auth", feature = "bus", feature = "tls"))]
mod attacks;
#[cfg(any(feature = "auth", feature = "tls", feature = "zstd"))]
mod audit_lines;
mod backends;
#[cfg(feature = "bus")]
mod bus_busrt;
#[cfg(all(unix, feature = "bus"))]
mod bus_hostile;
#[cfg(feature = "bus")]
mod bus_native;
#[cfg(all(unix, feature = "bus"))]
mod bus_process;
// Python's clients know Unix sockets and TCP.
#[cfg(all(unix, feature = "bus"))]
mod bus_python;
#[cfg(feature = "bus")]
mod bus_soak;
#[cfg(any(feature = "auth", feature = "tls"))]
mod bystander;
mod collected;
#[cfg(all(feature = "lz4", feature = "zstd"))]
mod compression;
mod conformance;
#[cfg(feature = "daemon")]
mod daemon_lifecycle;
#[cfg(feature = "daemon")]
mod daemon_server;
mod events;
// They listen at Unix sockets.
#[cfg(unix)]
mod examples;
#[cfg(feature = "exchange")]
mod exchange;
#[cfg(feature = "exchange")]
mod exchange_client;
#[cfg(all(unix, feature = "exchange"))]
mod exchange_foreign;
#[cfg(all(unix, feature = "exchange"))]
mod exchange_given;
#[cfg(feature = "exchange")]
mod exchange_hostile;
#[cfg(feature = "exchange")]
mod exchange_limits;
#[cfg(feature = "exchange")]
mod exchange_threads;
mod foreign;
mod forwarding;
mod handlers;
mod layer_balance;
mod layer_fakes;
mod layer_retry;
mod layers;
mod lifetimes;
mod listeners;
mod methods;
#[cfg(all(unix, feature = "plugin"))]
mod plugin;
// Only Linux launches programs.
#[cfg(all(target_os = "linux", feature = "plugin"))]
mod plugin_check;
#[cfg(all(unix, feature = "plugin-guest"))]
mod plugin_guest;
#[cfg(all(target_os = "linux", feature = "plugin"))]
mod plugin_host;
#[cfg(all(target_os = "linux", feature = "plugin", feature = "plugin-guest"))]
mod plugin_hostile;
// It is connected by a Unix socket.
#[cfg(unix)]
mod plugin_python;
mod policy;
mod reconnect;
#[cfg(feature = "seal")]
mod sealed;
#[cfg(feature = "auth")]
mod security;
mod services;
#[cfg(unix)]
mod socket_files;
#[cfg(target_os = "linux")]
mod socket_tables;
mod strength;
mod support;
#[cfg(feature = "tls")]
mod tls;
#[cfg(all(feature = "bus", feature = "ws"))]
mod websocket;

#[cfg(feature = "blocking")]
mod blocking;

/// Not a test: a server in a process of its own, when another test has started this program.
#[tokio::test]
async fn child() {
    linkspan_test::conformance::child_main().await;
}
