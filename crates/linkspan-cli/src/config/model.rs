//! The whole configuration, and what it means for the library.

use std::path::{Path, PathBuf};

use linkspan::Address;
use linkspan::rpc::ServerConfig;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Serialize};

use crate::config::tls::Tls;
use crate::config::{
    Bus, DefaultType, Environment, Ipc, Performance, Plugins, Security, Transport,
};

/// Everything that `linkspan.yaml` can say.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
#[schemars(title = "linkspan.yaml")]
pub(crate) struct Config {
    /// What kind of place the node runs in.
    pub(crate) environment: Environment,
    /// Where the node listens, and within which limits.
    pub(crate) transport: Transport,
    /// Exchange, and the backend of all local sockets.
    pub(crate) ipc: Ipc,
    /// The broker of a node.
    pub(crate) bus: Bus,
    /// What protects connections.
    pub(crate) security: Security,
    /// How much is done at once, and for how long.
    pub(crate) performance: Performance,
    /// Where plugins are looked for, which of them a node runs, and what they may do.
    pub(crate) plugins: Plugins,
    /// What `--tls-dir` says, which is stronger than the file.
    #[serde(skip)]
    pub(crate) tls_directory: Option<Tls>,
}

impl Config {
    /// What the library is told.
    pub(crate) fn server(&self) -> ServerConfig {
        let mut server = ServerConfig::default();
        let (transport, performance) = (&self.transport, &self.performance);

        let session = &mut server.session;
        session.identity = linkspan::Identity::new("linkspan", VERSION, BUILD);
        session.checksum = transport.checksum.into();
        session.compression = performance.compression(self.security.encryption.compression_enabled);
        session.limits.max_frame_bytes =
            u32::try_from(transport.max_frame_bytes.0).unwrap_or(u32::MAX);
        // The credit grows with the frames, so that a few always fit.
        session.limits.connection_credit = session
            .limits
            .connection_credit
            .max(4 * u64::from(session.limits.max_frame_bytes));
        session.limits.max_streams = match performance.enable_multiplexing {
            true => performance.max_concurrent_requests,
            false => 1,
        };
        session.handler_timeout = performance.request_timeout_ms.map(|limit| limit.0);

        server.transport.backend = self.ipc.transport.into();

        let memory = &mut server.transport.in_process;
        memory.enabled = transport.in_process.enabled;
        memory.buffer_size = transport.in_process.buffer_size;
        memory.max_concurrent_tasks = transport.in_process.max_concurrent_tasks;

        let unix = &mut server.transport.unix_socket;
        unix.max_connections = transport.unix_socket.max_connections;
        unix.connection_timeout = transport.unix_socket.connection_timeout.0;
        unix.file_permissions = transport.unix_socket.file_permissions.0;
        unix.directory_permissions = transport.unix_socket.directory_permissions.0;

        let pipe = &mut server.transport.named_pipe;
        pipe.pipe_name.clone_from(&transport.named_pipe.pipe_name);
        pipe.max_connections = transport.named_pipe.max_connections;
        pipe.connection_timeout = transport.named_pipe.connection_timeout.0;
        pipe.security_descriptor
            .clone_from(&transport.named_pipe.security_descriptor);

        let tcp = &mut server.transport.tcp;
        tcp.max_connections = transport.tcp.max_connections;
        tcp.connection_timeout = transport.tcp.connection_timeout.0;
        tcp.allow_plaintext = transport.allow_plaintext;

        let tls = &mut server.transport.tls;
        self.tls().apply(tls);
        self.security.encryption.apply(tls);

        let web = &mut server.transport.web_socket;
        web.max_connections = transport.web_socket.max_connections;
        web.connection_timeout = transport.web_socket.connection_timeout.0;
        web.upgrade_timeout = transport.web_socket.upgrade_timeout.0;
        web.allowed_origins
            .clone_from(&transport.web_socket.allowed_origins);
        web.allow_plaintext = transport.allow_plaintext;
        server
    }

    /// What holds for TLS.
    pub(crate) fn tls(&self) -> Tls {
        let tcp = &self.transport.tcp;
        let file = tcp.tls.or(&tcp.tls_config);
        let stronger = self.tls_directory.as_ref();
        stronger.map_or_else(|| file.clone(), |stronger| stronger.or(&file))
    }

    /// Where the node listens.
    pub(crate) fn address(&self) -> anyhow::Result<Address> {
        Ok(match self.transport.default_type {
            DefaultType::InProcess => Address::Memory("node".into()),
            DefaultType::UnixSocket => Address::Unix(self.socket_path()?),
            DefaultType::NamedPipe => self.transport.named_pipe.address()?,
            DefaultType::Tcp => self.transport.tcp.address("tcp")?,
            DefaultType::Tls => self.transport.tcp.address("tls")?,
        })
    }

    /// The path of the Unix socket.
    pub(crate) fn socket_path(&self) -> anyhow::Result<PathBuf> {
        let configured = self.transport.unix_socket.socket_path.as_deref();
        match configured.or(self.transport.socket_path.as_deref()) {
            Some(path) if is_directory(path) => Ok(path.join("node.sock")),
            Some(path) => Ok(path.to_owned()),
            None => Ok(os::default_socket_path()?),
        }
    }
}

fn is_directory(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/")
}

/// The JSON Schema of `linkspan.yaml`.
pub(crate) fn schema() -> Schema {
    let settings =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<Config>()
}

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Which build this is; a release names its commit here.
pub(crate) const BUILD: &str = match option_env!("LINKSPAN_BUILD_ID") {
    Some(build) => build,
    None => "",
};
