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
/// | `ws:HOST:PORT` | WebSocket, on this machine only unless configured otherwise; `ws:HOST:PORT/PATH` asks for a path |
/// | `wss:HOST:PORT` | WebSocket with TLS |
///
/// The older forms `ipc://PATH`, `ipc://\\.\pipe\NAME` and `tcp://HOST:PORT` are understood, and
/// `ws://HOST:PORT/PATH`, as other programs write it.
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
    Ws(HostPath),
    /// WebSocket with TLS.
    Wss(HostPath),
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

    /// The host and the port, of addresses that have them.
    #[cfg(feature = "rpc")]
    pub(crate) fn host(&mut self) -> Option<&mut HostPort> {
        match self {
            Self::Tcp(host) | Self::Tls(host) => Some(host),
            Self::Ws(place) | Self::Wss(place) => Some(&mut place.host),
            Self::Memory(_) | Self::Unix(_) | Self::UnixTls(_) | Self::Pipe(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())?;
        match self {
            Self::Memory(name) | Self::Pipe(name) => f.write_str(name),
            Self::Unix(path) | Self::UnixTls(path) => write!(f, "{}", path.display()),
            Self::Tcp(host) | Self::Tls(host) => write!(f, "{host}"),
            Self::Ws(place) | Self::Wss(place) => write!(f, "{place}"),
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

/// A host, a port, and the path that an HTTP request names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct HostPath {
    /// The host and the port.
    pub host: HostPort,
    /// The path, which begins with a slash; `/` if the text names none.
    pub path: String,
}

impl HostPath {
    /// The root of a host.
    pub fn root(host: HostPort) -> Self {
        Self {
            host,
            path: "/".to_owned(),
        }
    }
}

impl fmt::Display for HostPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = if self.path == "/" { "" } else { &self.path };
        write!(f, "{}{path}", self.host)
    }
}
