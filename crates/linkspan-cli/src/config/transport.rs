//! The section `transport`.

use std::path::PathBuf;

use linkspan::session::Checksum;
use linkspan::{Address, AddressError, Platform};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::tls::Tls;
use crate::config::units::{FileMode, Size, Span, choose, whole};

/// Where the node listens, and within which limits.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(
    default,
    deny_unknown_fields,
    expecting = "a section of keys; the backend is the key ipc.transport"
)]
pub(crate) struct Transport {
    /// The transport that the node listens on.
    pub(crate) default_type: DefaultType,
    /// The Unix socket: a file, or a directory to put `node.sock` in.
    pub(crate) socket_path: Option<PathBuf>,
    /// Whether plain TCP and WebSocket may leave this machine. Everybody on the way can read and
    /// change what passes.
    pub(crate) allow_plaintext: bool,
    /// Longest payload of a frame.
    pub(crate) max_frame_bytes: Size,
    /// Whether frames carry checksums: `auto` leaves them out where nothing can be corrupted.
    pub(crate) checksum: ChecksumChoice,
    /// Settings of `mem:`.
    pub(crate) in_process: InProcess,
    /// Settings of `unix:`.
    pub(crate) unix_socket: UnixSocket,
    /// Settings of `pipe:`, on Windows.
    pub(crate) named_pipe: NamedPipe,
    /// Settings of `tcp:` and `tls:`.
    pub(crate) tcp: Tcp,
    /// Settings of `ws:`.
    pub(crate) web_socket: WebSocket,
}

impl Default for Transport {
    fn default() -> Self {
        Self {
            default_type: DefaultType::usual(),
            socket_path: None,
            allow_plaintext: false,
            max_frame_bytes: Size(1 << 20),
            checksum: ChecksumChoice::Auto,
            in_process: InProcess::default(),
            unix_socket: UnixSocket::default(),
            named_pipe: NamedPipe::default(),
            tcp: Tcp::default(),
            web_socket: WebSocket::default(),
        }
    }
}

impl NamedPipe {
    /// Where the node listens.
    pub(crate) fn address(&self) -> Result<Address, AddressError> {
        format!("pipe:{}", self.pipe_name).parse()
    }
}

impl Tcp {
    /// Where the node listens.
    pub(crate) fn address(&self, scheme: &str) -> Result<Address, AddressError> {
        format!("{scheme}:{}", self.bind_address).parse()
    }
}

/// A transport by its name in configurations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum DefaultType {
    InProcess,
    UnixSocket,
    NamedPipe,
    Tcp,
    Tls,
}

impl DefaultType {
    /// That of this system's local sockets.
    fn usual() -> Self {
        match Platform::current() {
            Platform::Windows => Self::NamedPipe,
            _ => Self::UnixSocket,
        }
    }

    /// Scheme of its addresses.
    pub(crate) fn scheme(self) -> &'static str {
        match self {
            Self::InProcess => "mem",
            Self::UnixSocket => "unix",
            Self::NamedPipe => "pipe",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
        }
    }
}

impl std::str::FromStr for DefaultType {
    type Err = serde::de::value::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::deserialize(serde::de::value::StrDeserializer::new(text))
    }
}

impl<'de> Deserialize<'de> for DefaultType {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("in-process", Self::InProcess),
                ("unix-socket", Self::UnixSocket),
                ("named-pipe", Self::NamedPipe),
                ("tcp", Self::Tcp),
                ("tls", Self::Tls),
                ("unix-domain-socket", Self::UnixSocket),
                ("unix", Self::UnixSocket),
            ],
        )
    }
}

/// Whether frames carry checksums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ChecksumChoice {
    Auto,
    On,
    Off,
}

impl From<ChecksumChoice> for Checksum {
    fn from(choice: ChecksumChoice) -> Self {
        match choice {
            ChecksumChoice::Auto => Self::Auto,
            ChecksumChoice::On => Self::On,
            ChecksumChoice::Off => Self::Off,
        }
    }
}

impl<'de> Deserialize<'de> for ChecksumChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[("auto", Self::Auto), ("on", Self::On), ("off", Self::Off)],
        )
    }
}

/// Settings of `mem:`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct InProcess {
    /// Whether `mem:` addresses work.
    pub(crate) enabled: bool,
    /// Frames that may wait in each direction of a link.
    #[serde(deserialize_with = "whole")]
    pub(crate) buffer_size: usize,
    /// Requests of one link that are handled at once.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_concurrent_tasks: u32,
}

impl Default for InProcess {
    fn default() -> Self {
        Self {
            enabled: true,
            buffer_size: 1000,
            max_concurrent_tasks: 100,
        }
    }
}

/// Settings of `unix:`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct UnixSocket {
    /// The socket: a file, or a directory to put `node.sock` in.
    pub(crate) socket_path: Option<PathBuf>,
    /// Connections at once; further ones are told to come again later.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Time for a client's connect and handshake together.
    pub(crate) connection_timeout: Span,
    /// Mode of the socket, from its first moment on.
    pub(crate) file_permissions: FileMode,
    /// Mode of directories that have to be made.
    pub(crate) directory_permissions: FileMode,
}

impl Default for UnixSocket {
    fn default() -> Self {
        Self {
            socket_path: None,
            max_connections: 100,
            connection_timeout: Span::seconds(30),
            file_permissions: FileMode(0o600),
            directory_permissions: FileMode(0o700),
        }
    }
}

/// Settings of `pipe:`, on Windows.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct NamedPipe {
    /// Name of the pipe, where the node listens if `default_type` is named-pipe.
    pub(crate) pipe_name: String,
    /// Connections at once; further ones are told to come again later.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Time for a client's connect and handshake together.
    pub(crate) connection_timeout: Span,
    /// Who may use the pipe, as SDDL text; without it the system, administrators and the node's
    /// user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) security_descriptor: Option<String>,
}

impl Default for NamedPipe {
    fn default() -> Self {
        Self {
            pipe_name: "linkspan".into(),
            max_connections: 100,
            connection_timeout: Span::seconds(30),
            security_descriptor: None,
        }
    }
}

/// Settings of `tcp:`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Tcp {
    /// Where the node listens if `default_type` is tcp or tls.
    pub(crate) bind_address: String,
    /// Connections at once; further ones are told to come again later.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Time for a client's connect and handshake together.
    pub(crate) connection_timeout: Span,
    /// Certificates of `tls:`, `unix+tls:` and `wss:`, and whom to trust.
    pub(crate) tls: Tls,
    /// Another name of `tls`, which is the stronger one.
    pub(crate) tls_config: Tls,
}

impl Default for Tcp {
    fn default() -> Self {
        Self {
            bind_address: "127.0.0.1:8443".into(),
            max_connections: 50,
            connection_timeout: Span::seconds(30),
            tls: Tls::default(),
            tls_config: Tls::default(),
        }
    }
}

/// Settings of `ws:`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct WebSocket {
    /// Connections at once; further ones are told to come again later.
    #[serde(deserialize_with = "whole")]
    pub(crate) max_connections: usize,
    /// Time for a client's connect and handshake together.
    pub(crate) connection_timeout: Span,
    /// Time for the HTTP request that begins a connection.
    pub(crate) upgrade_timeout: Span,
    /// Web pages whose scripts may connect, by their origin, as `https://app.example:8443`.
    pub(crate) allowed_origins: Vec<String>,
}

impl Default for WebSocket {
    fn default() -> Self {
        Self {
            max_connections: 50,
            connection_timeout: Span::seconds(30),
            upgrade_timeout: Span::seconds(10),
            allowed_origins: Vec::new(),
        }
    }
}
