//! The command line, as its users see it: real processes, sockets and files.
#![expect(
    clippy::unwrap_used,
    reason = "tests fail by panicking and read as scripts"
)]
#![cfg_attr(
    unix,
    expect(
        clippy::panic,
        clippy::indexing_slicing,
        reason = "tests fail by panicking and read as scripts"
    )
)]

#[cfg(unix)]
mod analyze;
#[cfg(unix)]
mod backend_switch;
#[cfg(unix)]
mod bus;
#[cfg(unix)]
mod call;
#[cfg(unix)]
mod compression;
mod config;
#[cfg(unix)]
mod daemon;
#[cfg(unix)]
mod detection;
#[cfg(unix)]
mod doctor;
#[cfg(unix)]
mod exchange;
#[cfg(unix)]
mod health;
#[cfg(unix)]
mod help;
#[cfg(unix)]
mod host;
#[cfg(unix)]
mod ipc;
#[cfg(unix)]
mod key;
#[cfg(unix)]
mod lifecycle;
#[cfg(unix)]
mod limits;
#[cfg(unix)]
mod network;
#[cfg(unix)]
mod offers;
#[cfg(unix)]
mod plugin;
// Only Linux launches programs.
#[cfg(target_os = "linux")]
mod plugin_check;
// Only Linux launches programs.
#[cfg(target_os = "linux")]
mod plugin_node;
// It launches what it has built.
#[cfg(target_os = "linux")]
mod plugin_rust;
#[cfg(unix)]
mod policy;
#[cfg(unix)]
mod race;
#[cfg(unix)]
mod reload;
// It looks into /proc.
#[cfg(target_os = "linux")]
mod secrets;
#[cfg(unix)]
mod status;
#[cfg(unix)]
mod support;
#[cfg(unix)]
mod terminal;
#[cfg(unix)]
mod tls;
#[cfg(unix)]
mod token;
#[cfg(unix)]
mod transport;
#[cfg(unix)]
mod turnover;
#[cfg(windows)]
mod windows;
