//! Linkspan's calls, over each of its transports.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::path::Path;
use std::pin::Pin;

use anyhow::Result;
use bytes::Bytes;
use futures_core::Stream;
use linkspan::compression::{Compression, CompressionConfig, Reach};
use linkspan::rpc::{Client, ClientConfig, Response, Router, Server, ServerConfig};
use linkspan::session::Checksum;
use linkspan::transport::{Backend, TlsCipher};
use linkspan_bench_plugin::{Echo, EchoClient, answers, blast_request};

use crate::peer::{Connection, Peer, Place, Ready, verify_chunk, verify_echo};
use crate::peers::certificates;

/// How a Linkspan peer is set up.
pub(crate) trait Setup: Send + Sync + 'static {
    const NAME: &'static str;
    const SCHEME: &'static str;
    const CHECKSUM: Checksum = Checksum::Auto;
    const BACKEND: Backend = Backend::Tokio;
    const CIPHER: Option<TlsCipher> = None;
    const COMPRESSION: Option<Compression> = None;
}

pub(crate) struct Unix;
pub(crate) struct Unchecked;
pub(crate) struct Interprocess;
pub(crate) struct Legacy;
pub(crate) struct Tcp;
pub(crate) struct Memory;
pub(crate) struct Lz4;
pub(crate) struct Zstd;
pub(crate) struct UnixTls;
pub(crate) struct Tls;
pub(crate) struct TlsChacha;

impl Setup for Unix {
    const NAME: &'static str = "linkspan-unix";
    const SCHEME: &'static str = "unix";
}

impl Setup for Unchecked {
    const NAME: &'static str = "linkspan-unchecked";
    const SCHEME: &'static str = "unix";
    const CHECKSUM: Checksum = Checksum::Off;
}

impl Setup for Interprocess {
    const NAME: &'static str = "linkspan-interprocess";
    const SCHEME: &'static str = "unix";
    const BACKEND: Backend = Backend::Interprocess;
}

impl Setup for Legacy {
    const NAME: &'static str = "linkspan-legacy";
    const SCHEME: &'static str = "unix";
    const BACKEND: Backend = Backend::Legacy;
}

impl Setup for Tcp {
    const NAME: &'static str = "linkspan-tcp";
    const SCHEME: &'static str = "tcp";
}

impl Setup for Memory {
    const NAME: &'static str = "linkspan-mem";
    const SCHEME: &'static str = "mem";
}

impl Setup for Lz4 {
    const NAME: &'static str = "linkspan-lz4";
    const SCHEME: &'static str = "unix";
    const COMPRESSION: Option<Compression> = Some(Compression::Lz4);
}

impl Setup for Zstd {
    const NAME: &'static str = "linkspan-zstd";
    const SCHEME: &'static str = "unix";
    const COMPRESSION: Option<Compression> = Some(Compression::Zstd);
}

impl Setup for UnixTls {
    const NAME: &'static str = "linkspan-unix-tls";
    const SCHEME: &'static str = "unix+tls";
    const CIPHER: Option<TlsCipher> = Some(TlsCipher::Aes256Gcm);
}

impl Setup for Tls {
    const NAME: &'static str = "linkspan-tls";
    const SCHEME: &'static str = "tls";
    const CIPHER: Option<TlsCipher> = Some(TlsCipher::Aes256Gcm);
}

impl Setup for TlsChacha {
    const NAME: &'static str = "linkspan-tls-chacha";
    const SCHEME: &'static str = "tls";
    const CIPHER: Option<TlsCipher> = Some(TlsCipher::ChaCha20Poly1305);
}

pub(crate) struct Linkspan<S>(PhantomData<S>);

impl<S: Setup> Peer for Linkspan<S> {
    const NAME: &'static str = S::NAME;
    const IN_PROCESS: bool = matches!(S::SCHEME.as_bytes(), b"mem");
    type Connection = Session;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let mut config = ServerConfig::default();
        config.session.checksum = S::CHECKSUM;
        config.session.compression = compression::<S>();
        config.transport.backend = S::BACKEND;
        config.transport.unix_socket.max_connections = CONNECTIONS;
        config.transport.tcp.max_connections = CONNECTIONS;
        if let Some(cipher) = S::CIPHER {
            certificates::make(place.directory())?;
            config.transport.tls = certificates::config(place.directory(), cipher);
        }
        let address = match S::SCHEME {
            "unix" => format!("unix:{}", place.socket()),
            "unix+tls" => format!("unix+tls:{}", place.socket()),
            "tcp" | "tls" => format!("{}:127.0.0.1:0", S::SCHEME),
            _ => "mem:bench".to_owned(),
        };
        let serving = Server::new()
            .config(config)
            .service(answers())
            .listen(address.as_str())
            .await?;
        let directory = place.directory().display();
        ready.listening(format!("{}{PLACE}{directory}", serving.address()))?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }

    async fn connect(address: String) -> Result<Session> {
        let mut config = ClientConfig::default();
        config.session.checksum = S::CHECKSUM;
        config.session.compression = compression::<S>();
        config.transport.backend = S::BACKEND;
        let (address, directory) = address.split_once(PLACE).unwrap_or((&address, ""));
        if let Some(cipher) = S::CIPHER {
            config.transport.tls = certificates::config(Path::new(directory), cipher);
        }
        let client = Client::connect_with(address, config, Router::new()).await?;
        Ok(Session {
            typed: EchoClient::new(client.clone()),
            client,
        })
    }
}

/// On a local socket, where it is not done otherwise.
fn compression<S: Setup>() -> CompressionConfig {
    let mut config = CompressionConfig::default();
    config.algorithms = S::COMPRESSION.into_iter().collect();
    config.reach = Reach::Everywhere;
    config
}

/// Between an address and the directory of its server.
const PLACE: &str = "#";

/// The only limit that is not the default: a thousand idle connections are measured.
pub(super) const CONNECTIONS: usize = 10_000;

#[derive(Clone)]
pub(crate) struct Session {
    typed: EchoClient,
    client: Client,
}

impl Connection for Session {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let reply = self.typed.echo(body.clone()).await?;
        verify_echo(&body, &reply)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let request = blast_request(chunks, chunk_bytes);
        received(self.client.call(request).await?).await
    }
}

/// Receives all chunks of an answer, and verifies them; gives the number of bytes.
pub(super) async fn received(response: Response) -> Result<u64> {
    let (_, mut items) = response.body.split().await?;
    let mut bytes = 0;
    while let Some(chunk) = poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
        bytes += verify_chunk(&chunk?)?;
    }
    Ok(bytes)
}
