//! tonic over a Unix socket.

use std::pin::Pin;

use anyhow::Result;
use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use hyper_util::rt::TokioIo;
use tokio::net::{UnixListener, UnixStream};
use tonic::transport::{Channel, Endpoint, Server, Uri};
use tonic::{Response, Status};
use tower::service_fn;

use crate::peer::{Connection, FILL, Peer, Place, Ready, verify_chunk, verify_echo};

#[expect(
    clippy::all,
    clippy::allow_attributes,
    clippy::allow_attributes_without_reason,
    clippy::doc_markdown,
    clippy::too_many_lines,
    unreachable_pub,
    unused_qualifications,
    reason = "generated"
)]
mod schema {
    tonic::include_proto!("bench");
}

use schema::echo_client::EchoClient;
use schema::echo_server::{Echo, EchoServer};
use schema::{Blasted, Data};

pub(crate) struct Tonic;

/// The longest message, in bytes: as long as Linkspan's longest one.
const MESSAGE: usize = 64 << 20;

struct Same;

#[tonic::async_trait]
impl Echo for Same {
    type BlastStream = Pin<Box<dyn Stream<Item = Result<Data, Status>> + Send>>;

    async fn echo(&self, request: tonic::Request<Data>) -> Result<Response<Data>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn blast(
        &self,
        request: tonic::Request<Blasted>,
    ) -> Result<Response<Self::BlastStream>, Status> {
        let Blasted { chunks, size } = request.into_inner();
        let size = usize::try_from(size).map_err(|_| Status::invalid_argument("chunk size"))?;
        let body = Bytes::from(vec![FILL; size]);
        let data = move |_| Ok(Data { body: body.clone() });
        Ok(Response::new(Box::pin(stream::iter((0..chunks).map(data)))))
    }
}

impl Peer for Tonic {
    const NAME: &'static str = "tonic";
    type Connection = EchoClient<Channel>;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let listener = UnixListener::bind(place.socket())?;
        ready.listening(place.socket())?;
        let accepted = stream::unfold(listener, async |listener| {
            Some((listener.accept().await.map(|(stream, _)| stream), listener))
        });
        Server::builder()
            .add_service(EchoServer::new(Same).max_decoding_message_size(MESSAGE))
            .serve_with_incoming(accepted)
            .await?;
        Ok(())
    }

    async fn connect(address: String) -> Result<EchoClient<Channel>> {
        let connector = service_fn(move |_: Uri| {
            let path = address.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(connector)
            .await?;
        Ok(EchoClient::new(channel).max_decoding_message_size(MESSAGE))
    }
}

impl Connection for EchoClient<Channel> {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let mut client = self.clone();
        let reply = Self::echo(&mut client, Data { body: body.clone() }).await?;
        verify_echo(&body, &reply.into_inner().body)
    }

    async fn stream(&self, chunks: u64, chunk_bytes: usize) -> Result<u64> {
        let mut client = self.clone();
        let blasted = Blasted {
            chunks,
            size: chunk_bytes as u64,
        };
        let mut pieces = client.blast(blasted).await?.into_inner();
        let mut bytes = 0;
        while let Some(piece) = pieces.next().await {
            bytes += verify_chunk(&piece?.body)?;
        }
        Ok(bytes)
    }
}
