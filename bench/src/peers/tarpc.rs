//! tarpc over a Unix socket, with bincode.

use anyhow::{Result, bail};
use bytes::Bytes;
use futures::StreamExt;
use tarpc::client::Config;
use tarpc::context;
use tarpc::serde_transport::unix;
use tarpc::server::{BaseChannel, Channel};
use tarpc::tokio_serde::formats::Bincode;

use crate::peer::{Connection, Peer, Place, Ready, verify_echo};

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

/// The longest frame, in bytes: as long as Linkspan's longest message.
const FRAME: usize = 64 << 20;

impl Peer for Tarpc {
    const NAME: &'static str = "tarpc";
    type Connection = EchoClient;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let mut listener = unix::listen(place.socket(), Bincode::default).await?;
        listener.config_mut().max_frame_length(FRAME);
        ready.listening(place.socket())?;
        while let Some(transport) = listener.next().await {
            let channel = BaseChannel::with_defaults(transport?);
            tokio::spawn(channel.execute(Same.serve()).for_each(async |answer| {
                tokio::spawn(answer);
            }));
        }
        Ok(())
    }

    async fn connect(address: String) -> Result<EchoClient> {
        let mut connecting = unix::connect(address, Bincode::default);
        connecting.config_mut().max_frame_length(FRAME);
        Ok(EchoClient::new(Config::default(), connecting.await?).spawn())
    }
}

impl Connection for EchoClient {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let reply = Self::echo(self, context::current(), body.clone()).await?;
        verify_echo(&body, &reply)
    }

    async fn stream(&self, _: u64, _: usize) -> Result<u64> {
        bail!("tarpc has no streams")
    }
}
