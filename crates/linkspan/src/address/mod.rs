//! Addresses of servers, and which sort to choose.

mod choose;
mod parse;

pub use choose::{Advice, Facts, Platform, Verdict};
pub use parse::AddressError;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::path::PathBuf;

/// Where a server listens.
///
/// | text | meaning |
/// |---|---|
/// | `mem:NAME` | another part of this process |
/// | `unix:PATH` | a Unix socket; a bare path means the same |
/// | `unix+tls:PATH` | a Unix socket with TLS on it |
/// | `pipe:NAME` | a Windows named pipe; `\\.\pipe\NAME` means the same |
/// | `tcp:HOST:PORT` | plain TCP, on this machine only unless configured otherwise |
/// | `tls:HOST:PORT` | TCP with TLS |
/// | `ws:HOST:PORT`, `wss:HOST:PORT` | WebSocket, plain or with TLS, for the bus |
///
/// The older forms `ipc://PATH`, `ipc://\\.\pipe\NAME` and `tcp://HOST:PORT` are understood.
///
/// # Examples
///
/// ```
/// use linkspan::Address;
///
/// let address: Address = "tcp://[::1]:9000".parse()?;
/// assert_eq!(address.to_string(), "tcp:[::1]:9000");
/// assert_eq!("/run/app.sock".parse::<Address>()?, Address::Unix("/run/app.sock".into()));
/// # Ok::<(), linkspan::AddressError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A server in this process, by name.
    Memory(String),
    /// A Unix socket.
    Unix(PathBuf),
    /// A Unix socket with TLS.
    UnixTls(PathBuf),
    /// A Windows named pipe, by its name after `\\.\pipe\`.
    Pipe(String),
    /// Plain TCP.
    Tcp(HostPort),
    /// TCP with TLS.
    Tls(HostPort),
    /// Plain WebSocket.
    Ws(HostPort),
    /// WebSocket with TLS.
    Wss(HostPort),
}

impl Address {
    /// The part before the first colon.
    pub fn scheme(&self) -> &'static str {
        match self {
            Self::Memory(_) => "mem",
            Self::Unix(_) => "unix",
            Self::UnixTls(_) => "unix+tls",
            Self::Pipe(_) => "pipe",
            Self::Tcp(_) => "tcp",
            Self::Tls(_) => "tls",
            Self::Ws(_) => "ws",
            Self::Wss(_) => "wss",
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())?;
        match self {
            Self::Memory(name) | Self::Pipe(name) => f.write_str(name),
            Self::Unix(path) | Self::UnixTls(path) => write!(f, "{}", path.display()),
            Self::Tcp(host) | Self::Tls(host) | Self::Ws(host) | Self::Wss(host) => {
                write!(f, "{host}")
            }
        }
    }
}

/// A host and a port.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HostPort {
    /// A name or an IP address, an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl HostPort {
    /// Makes a pair.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self {
            host: host.into(),
            port,
        }
    }

    /// Whether the host is an IP address of this machine's own, without asking anybody.
    pub fn is_loopback_ip(&self) -> bool {
        self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.parse::<Ipv6Addr>() {
            Ok(ip) => write!(f, "[{ip}]:{}", self.port),
            Err(_) => write!(f, "{}:{}", self.host, self.port),
        }
    }
}
