//! Linkspan, over each of its transports.

use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::Result;
use bytes::Bytes;
use futures_core::Stream;
use linkspan::rpc::{
    Body, CallError, Client, ClientConfig, Request, Response, Router, Server, ServerConfig,
};
use linkspan::session::Checksum;
use tokio::io::AsyncWriteExt;

use crate::peer::{Connection, Peer, Place};

#[linkspan::service]
pub(crate) trait Echo {
    async fn echo(&self, body: Bytes) -> Result<Bytes, CallError>;
}

struct Same;

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
}

pub(crate) struct Unix;
pub(crate) struct UnixUnchecked;
pub(crate) struct Tcp;
pub(crate) struct Memory;

impl Setup for Unix {
    const NAME: &'static str = "linkspan unix";
    const SCHEME: &'static str = "unix";
}

impl Setup for UnixUnchecked {
    const NAME: &'static str = "linkspan unix, no checksums";
    const SCHEME: &'static str = "unix";
    const CHECKSUM: Checksum = Checksum::Off;
}

impl Setup for Tcp {
    const NAME: &'static str = "linkspan tcp";
    const SCHEME: &'static str = "tcp";
}

impl Setup for Memory {
    const NAME: &'static str = "linkspan mem";
    const SCHEME: &'static str = "mem";
}

pub(crate) struct Linkspan<S>(PhantomData<S>);

impl<S: Setup> Peer for Linkspan<S> {
    const NAME: &'static str = S::NAME;
    const IN_PROCESS: bool = matches!(S::SCHEME.as_bytes(), b"mem");
    type Connection = Session;

    async fn serve(place: Place) -> Result<()> {
        let mut config = ServerConfig::default();
        config.session.checksum = S::CHECKSUM;
        config.transport.unix_socket.max_connections = 100_000;
        config.transport.tcp.max_connections = 100_000;
        let router = Router::new().service(EchoServer::new(Same)).raw_method("blast", blast);
        let address = match S::SCHEME {
            "unix" => format!("unix:{}", place.socket().display()),
            "tcp" => "tcp:127.0.0.1:0".to_owned(),
            _ => "mem:bench".to_owned(),
        };
        let serving = Server::new().config(config).service(router).listen(&address).await?;
        let address = serving.address().to_string();
        let fresh = place.file("address.new");
        let mut file = tokio::fs::File::create(&fresh).await?;
        file.write_all(address.as_bytes()).await?;
        file.flush().await?;
        tokio::fs::rename(fresh, place.file("address")).await?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }

    async fn connect(place: Place) -> Result<Session> {
        let address = tokio::fs::read_to_string(place.file("address")).await?;
        let mut config = ClientConfig::default();
        config.session.checksum = S::CHECKSUM;
        let client = Client::connect_with(&address, config, Router::new()).await?;
        Ok(Session { typed: EchoClient::new(client.clone()), client })
    }
}

/// Sends as many chunks of a size as the body says.
async fn blast(request: Request) -> Result<Response, CallError> {
    let body = request.body.collect().await?;
    let numbers: Vec<u64> = body.chunks_exact(8).map(|n| u64::from_be_bytes(n.try_into().expect("8 bytes"))).collect();
    let chunks = Chunks { left: numbers[0], chunk: vec![7; numbers[1] as usize].into() };
    Ok(Response::new(Body::streaming(Bytes::new(), chunks)))
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
    async fn echo(&self, body: Bytes) -> Result<usize> {
        Ok(self.typed.echo(body).await?.len())
    }

    async fn stream(&self, chunks: u64, size: usize) -> Result<u64> {
        let numbers = [chunks.to_be_bytes(), (size as u64).to_be_bytes()].concat();
        let response = self.client.call(Request::new("blast", Bytes::from(numbers))).await?;
        let (_, mut items) = response.body.split().await?;
        let mut bytes = 0;
        while let Some(chunk) =
            std::future::poll_fn(|cx| Pin::new(&mut items).poll_next(cx)).await
        {
            bytes += chunk?.len() as u64;
        }
        Ok(bytes)
    }
}
