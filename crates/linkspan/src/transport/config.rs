//! Settings of the transports.

use std::time::Duration;

use crate::transport::{Backend, TlsConfig};

/// Settings of all transports.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// By what means local sockets are read and written: `unix:` and `pipe:`. Default: tokio.
    pub backend: Backend,
    /// Of `mem:`.
    pub in_process: InProcessConfig,
    /// Of `unix:`, and of the connections under `unix+tls:`.
    pub unix_socket: UnixSocketConfig,
    /// Of `pipe:`.
    pub named_pipe: NamedPipeConfig,
    /// Of `tcp:`, and of the connections under `tls:`.
    pub tcp: TcpConfig,
    /// Of `tls:`, `unix+tls:` and `wss:`; behind the feature `tls`.
    pub tls: TlsConfig,
    /// Of `ws:`; behind the feature `ws`.
    pub web_socket: WebSocketConfig,
    /// Peers with whom a listener agrees at once on what its transport needs before they have a
    /// place: handshakes of TLS, requests of WebSocket. One more ends the oldest. Default: 64.
    pub max_openings: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            backend: Backend::default(),
            in_process: InProcessConfig::default(),
            unix_socket: UnixSocketConfig::default(),
            named_pipe: NamedPipeConfig::default(),
            tcp: TcpConfig::default(),
            tls: TlsConfig::default(),
            web_socket: WebSocketConfig::default(),
            max_openings: 64,
        }
    }
}

/// Settings of `mem:`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct InProcessConfig {
    /// Whether `mem:` addresses work. Default: true.
    pub enabled: bool,
    /// Frames that may wait in each direction of a link. Default: 1,000.
    pub buffer_size: usize,
    /// Requests of one link that are handled at once; further ones wait at their caller.
    /// Default: 100.
    pub max_concurrent_tasks: u32,
}

impl Default for InProcessConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            buffer_size: 1000,
            max_concurrent_tasks: 100,
        }
    }
}

/// Settings of `unix:`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct UnixSocketConfig {
    /// Connections at once; further ones are told to come again later. Default: 100.
    pub max_connections: usize,
    /// Time for a client's connect and handshake together. Default: 30 s.
    pub connection_timeout: Duration,
    /// Mode of the socket, from its first moment on. Default: 0600.
    pub file_permissions: u32,
    /// Mode of directories that have to be made. Default: 0700.
    pub directory_permissions: u32,
    /// Users besides this process's own and root whom a server lets in and whose servers a client
    /// trusts. Default: none. They need a wider `file_permissions`, too.
    pub allowed_uids: Vec<u32>,
}

impl Default for UnixSocketConfig {
    fn default() -> Self {
        Self {
            max_connections: 100,
            connection_timeout: Duration::from_secs(30),
            file_permissions: 0o600,
            directory_permissions: 0o700,
            allowed_uids: Vec::new(),
        }
    }
}

/// Settings of `pipe:`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NamedPipeConfig {
    /// Name of the pipe of a program that is not told another. Default: `linkspan`.
    pub pipe_name: String,
    /// Connections at once; further ones are told to come again later. Default: 100.
    pub max_connections: usize,
    /// Time for a client's connect and handshake together. Default: 30 s.
    pub connection_timeout: Duration,
    /// Who may use a server's pipe, and whose pipes a client trusts, as SDDL text. Default: the
    /// system, administrators and this process's user have all rights, nobody else has any.
    ///
    /// With a descriptor of your own a client trusts whoever owns the pipe.
    pub security_descriptor: Option<String>,
}

impl Default for NamedPipeConfig {
    fn default() -> Self {
        Self {
            pipe_name: "linkspan".to_owned(),
            max_connections: 100,
            connection_timeout: Duration::from_secs(30),
            security_descriptor: None,
        }
    }
}

/// Settings of `tcp:`, and of the connections under `tls:`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TcpConfig {
    /// Connections at once; further ones are told to come again later. Default: 50.
    pub max_connections: usize,
    /// Time for a client's connect and handshake together. Default: 30 s.
    pub connection_timeout: Duration,
    /// Whether plain TCP may leave this machine. Default: false.
    ///
    /// Everybody on the way can read and change what passes.
    pub allow_plaintext: bool,
}

impl Default for TcpConfig {
    fn default() -> Self {
        Self {
            max_connections: 50,
            connection_timeout: Duration::from_secs(30),
            allow_plaintext: false,
        }
    }
}

/// Settings of `ws:`.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WebSocketConfig {
    /// Connections at once; further ones are told to come again later. Default: 50.
    pub max_connections: usize,
    /// Time for a client's connect and handshake together. Default: 30 s.
    pub connection_timeout: Duration,
    /// Time that a server gives a client for the HTTP request which begins a connection.
    /// Default: 10 s.
    pub upgrade_timeout: Duration,
    /// Web pages whose scripts may connect to a server, by their origin, such as
    /// `https://app.example:8443`. Default: none.
    ///
    /// Browsers let every page connect to this machine's own ports, and say in the header `Origin`
    /// which page it is. Programs that are no browsers send none, and are let in.
    pub allowed_origins: Vec<String>,
    /// Whether plain WebSocket may leave this machine. Default: false.
    ///
    /// Everybody on the way can read and change what passes.
    pub allow_plaintext: bool,
}

impl Default for WebSocketConfig {
    fn default() -> Self {
        Self {
            max_connections: 50,
            connection_timeout: Duration::from_secs(30),
            upgrade_timeout: Duration::from_secs(10),
            allowed_origins: Vec::new(),
            allow_plaintext: false,
        }
    }
}

impl Config {
    /// The time for connect and handshake over the transport of `scheme`.
    pub(crate) fn connection_timeout(&self, scheme: &str) -> Duration {
        match scheme {
            "tcp" | "tls" => self.tcp.connection_timeout,
            "ws" | "wss" => self.web_socket.connection_timeout,
            "pipe" => self.named_pipe.connection_timeout,
            _ => self.unix_socket.connection_timeout,
        }
    }

    /// Connections at once that a listener of `scheme` takes.
    pub(crate) fn max_connections(&self, scheme: &str) -> usize {
        match scheme {
            "tcp" | "tls" => self.tcp.max_connections,
            "ws" | "wss" => self.web_socket.max_connections,
            "unix" | "unix+tls" => self.unix_socket.max_connections,
            "pipe" => self.named_pipe.max_connections,
            // Links within the process cost no descriptor and come from our own code.
            _ => usize::MAX,
        }
    }
}
