//! Servers and clients that compress, and what they say to each other.

use std::future::poll_fn;
use std::pin::pin;

use bytes::Bytes;
use futures_core::Stream;
use linkspan::codec::Raw;
use linkspan::compression::{Compression, CompressionConfig, Reach};
use linkspan::rpc::{
    CallError, Client, ClientConfig, Items, Request, Response, Router, Server, Serving,
};
use linkspan::session::CompressionStats;
use linkspan_test::wait;
use tempfile::TempDir;

use crate::support;

/// A server, and clients of it.
pub(super) struct Scene {
    pub(super) serving: Serving,
    _directory: TempDir,
}

impl Scene {
    pub(super) async fn at(scheme: &str, server: Server) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = support::address(scheme, &directory);
        Self {
            serving: server.listen(&address).await.unwrap(),
            _directory: directory,
        }
    }

    pub(super) async fn client(&self, compression: CompressionConfig) -> Client {
        let mut config = ClientConfig::default();
        config.session.compression = compression;
        self.client_with(config).await
    }

    pub(super) async fn client_with(&self, config: ClientConfig) -> Client {
        let address = self.serving.address();
        let client = Client::connect_with(address, config, Router::new()).await;
        client.unwrap()
    }
}

/// By this one alone, wherever it is.
pub(super) fn by(compression: Compression) -> CompressionConfig {
    let mut config = CompressionConfig::default();
    config.algorithms = vec![compression];
    config.reach = Reach::Everywhere;
    config
}

/// By whatever is asked for.
pub(super) fn by_any() -> CompressionConfig {
    let mut config = by(Compression::Zstd);
    config.algorithms.push(Compression::Lz4);
    config
}

/// Nothing at all.
pub(super) fn by_none() -> CompressionConfig {
    let mut config = CompressionConfig::default();
    config.algorithms.clear();
    config
}

/// A server of `echo`, which gives back what it gets, item by item.
pub(super) fn echo() -> Server {
    Server::new().compression(by_any()).service(echoes())
}

pub(super) fn echoes() -> Router {
    Router::new().raw_method("echo", async |request: Request| {
        let codec = request.codec()?;
        Ok(Response::new(request.body).with_codec(codec))
    })
}

/// Has bytes come back.
pub(super) async fn check_echo(client: &Client, body: &Bytes) {
    let question = Raw(body.clone());
    let answer = client.send_request::<Raw>("echo", &question);
    let answer = wait::within("the answer", answer).await;
    assert!(answer.unwrap().0 == body, "{} bytes", body.len());
}

/// All items, and how they end.
pub(super) async fn all(items: Items) -> Vec<Result<Bytes, CallError>> {
    let mut items = pin!(items);
    let mut all = Vec::new();
    while let Some(item) = wait::within("an item", poll_fn(|cx| items.as_mut().poll_next(cx))).await
    {
        all.push(item);
    }
    all
}

pub(super) fn stats(client: &Client) -> CompressionStats {
    let connection = client.connection().unwrap();
    connection.stats().compression.expect("it compresses")
}

/// Bytes that shrink.
pub(super) fn text(bytes: usize) -> Bytes {
    let words = b"What is said again and again is said in fewer words by those who listen. ";
    words.iter().copied().cycle().take(bytes).collect()
}

/// Bytes that do not.
pub(super) fn noise(bytes: usize) -> Bytes {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(bytes).collect()
}
