//! Linkspan's exchanges, over each backend of local sockets.

use std::marker::PhantomData;

use anyhow::Result;
use bytes::Bytes;
use linkspan::exchange::{Client, ClientConfig, Context, IpcConfig, Server};
use linkspan::transport::Backend;

use crate::peer::{Connection, Peer, Place, Ready, verify_echo};
use crate::peers::linkspan::CONNECTIONS;

/// By what means.
pub(crate) trait Over: Send + Sync + 'static {
    const NAME: &'static str;
    const BACKEND: Backend;
}

pub(crate) struct Tokio;
pub(crate) struct Interprocess;
pub(crate) struct Legacy;

impl Over for Tokio {
    const NAME: &'static str = "exchange-tokio";
    const BACKEND: Backend = Backend::Tokio;
}

impl Over for Interprocess {
    const NAME: &'static str = "exchange-interprocess";
    const BACKEND: Backend = Backend::Interprocess;
}

impl Over for Legacy {
    const NAME: &'static str = "exchange-legacy";
    const BACKEND: Backend = Backend::Legacy;
}

pub(crate) struct Exchange<O>(PhantomData<O>);

impl<O: Over> Peer for Exchange<O> {
    const NAME: &'static str = O::NAME;
    type Connection = Asking;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let mut config = IpcConfig::default();
        config.transport = O::BACKEND;
        config.max_connections = CONNECTIONS;
        let serving = Server::new()
            .config(config)
            .handler(async |question: Bytes, _: Context| Ok::<_, Bytes>(question))
            .listen(format!("unix:{}", place.socket()).as_str())
            .await?;
        ready.listening(serving.address().to_string())?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }

    async fn connect(address: String) -> Result<Asking> {
        let mut config = ClientConfig::default();
        config.connections_per_endpoint = 1;
        config.transport.backend = O::BACKEND;
        let client = Client::builder().config(config).endpoint(address.as_str());
        Ok(Asking(client.connect().await?))
    }
}

#[derive(Clone)]
pub(crate) struct Asking(Client);

impl Connection for Asking {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let answer = self.0.send(body.clone()).await?;
        verify_echo(&body, &answer)
    }
}
