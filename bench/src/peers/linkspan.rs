//! Linkspan's calls, over each of its transports.

use std::future::poll_fn;
use std::marker::PhantomData;
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use futures_core::Stream;
use linkspan::compression::{Compression, CompressionConfig, Reach};
use linkspan::rpc::{
    Body, CallError, Client, ClientConfig, Request, Response, Router, Server, ServerConfig,
};
use linkspan::session::Checksum;
use linkspan::transport::{Backend, TlsCipher};
use linkspan::{Category, Code, Failure};

use crate::peer::{Connection, FILL, Peer, Place, Ready, verify_chunk, verify_echo};
use crate::peers::certificates;

#[linkspan::service]
pub(crate) trait Echo {
    async fn echo(&self, body: Bytes) -> Result<Bytes, CallError>;
}

pub(super) struct Same;

impl Echo for Same {
    async fn echo(&self, body: Bytes) -> Result<Bytes, CallError> {
        Ok(body)
    }
}

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

/// What all these servers answer.
pub(super) fn answers() -> Router {
    Router::new()
        .service(EchoServer::new(Same))
        .raw_method("blast", blast)
}

/// Asks for as many chunks of a size.
pub(super) fn blast_request(chunks: u64, chunk_bytes: usize) -> Bytes {
    let words = [chunks.to_be_bytes(), (chunk_bytes as u64).to_be_bytes()];
    words.concat().into()
}

/// Sends as many chunks of a size as the body says.
async fn blast(request: Request) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    let (left, chunk_bytes) = blast_of(&body).ok_or_else(|| {
        let text = "a number and a size of chunks are needed";
        let failure = Failure::new(Category::Request, Code::INVALID_PARAMETERS, text);
        CallError::Failed(Box::new(failure))
    })?;
    let chunks = Chunks {
        left,
        chunk: vec![FILL; chunk_bytes].into(),
    };
    Ok(Response::new(Body::streaming(Bytes::new(), chunks)))
}

fn blast_of(body: &[u8]) -> Option<(u64, usize)> {
    let (chunks, chunk_bytes) = body.split_first_chunk()?;
    let chunk_bytes = u64::from_be_bytes(*chunk_bytes.first_chunk()?);
    Some((
        u64::from_be_bytes(*chunks),
        usize::try_from(chunk_bytes).ok()?,
    ))
}

struct Chunks {
    left: u64,
    chunk: Bytes,
}

impl Stream for Chunks {
    type Item = Result<Bytes, CallError>;

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        self.left -= 1;
        Poll::Ready(Some(Ok(self.chunk.clone())))
    }
}

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
        let request = Request::new("blast", blast_request(chunks, chunk_bytes));
        let response = self.client.call(request).await?;
        let (_, mut items) = response.body.split().await?;
        let mut bytes = 0;
        while let Some(chunk) = poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await {
            bytes += verify_chunk(&chunk?)?;
        }
        Ok(bytes)
    }
}
