//! tarpc over a Unix socket, with bincode.

use anyhow::{Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use tarpc::client::Config;
use tarpc::context;
use tarpc::serde_transport::unix;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use crate::peer::{Connection, Peer, Place};

#[tarpc::service]
pub(crate) trait Echo {
    async fn echo(body: Bytes) -> Bytes;
}

#[derive(Clone)]
struct Same;

impl Echo for Same {
    async fn echo(self, _: context::Context, body: Bytes) -> Bytes {
        body
    }
}

pub(crate) struct Tarpc;

impl Peer for Tarpc {
    const NAME: &'static str = "tarpc";
    type Connection = EchoClient;

    async fn serve(place: Place) -> Result<()> {
        let mut listener = unix::listen(place.socket(), Bincode::default).await?;
        listener.config_mut().max_frame_length(64 << 20);
        while let Some(transport) = listener.next().await {
            let channel = BaseChannel::with_defaults(transport?);
            tokio::spawn(channel.execute(Same.serve()).for_each(async |answer| {
                tokio::spawn(answer);
            }));
        }
        Ok(())
    }

    async fn connect(place: Place) -> Result<EchoClient> {
        let mut connecting = unix::connect(place.socket(), Bincode::default);
        connecting.config_mut().max_frame_length(64 << 20);
        Ok(EchoClient::new(Config::default(), connecting.await?).spawn())
    }
}

impl Connection for EchoClient {
    async fn echo(&self, body: Bytes) -> Result<usize> {
        Ok(EchoClient::echo(self, context::current(), body).await?.len())
    }

    async fn stream(&self, _: u64, _: usize) -> Result<u64> {
        bail!("tarpc has no streams")
    }
}
