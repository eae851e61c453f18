//! Our broker, and clients that speak its own protocol.

use anyhow::Result;
use bytes::Bytes;
use linkspan::bus::{self, Broker, Remote, Serving, Subscription};
use linkspan::codec::Raw;
use linkspan_bench_plugin::{Echo, EchoClient, EchoServer, Same};

use crate::bus::{Bus, Client, Publisher, Subscriber};
use crate::peer::{Connection, Place, Ready, verify_echo};

pub(crate) struct LinkspanBus;

impl Bus for LinkspanBus {
    const NAME: &'static str = "linkspan-bus";
    type Client = bus::Client;

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        let serving = listen(&place.socket()).await?;
        ready.listening(serving.address().to_string())?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }

    async fn connect(address: String, name: String) -> Result<bus::Client> {
        Ok(bus::Client::connect(address.as_str(), &name).await?)
    }
}

/// Serves at the path of a socket, with default settings.
pub(super) async fn listen(path: &str) -> Result<Serving> {
    let address = format!("unix:{path}");
    Ok(Broker::new().listen(address.as_str()).await?)
}

impl Client for bus::Client {
    type Publisher = Topic;
    type Subscriber = Subscription;
    type Caller = Caller;
    type Callee = Self;

    async fn publisher(self, topic: &'static str) -> Result<Topic> {
        let client = self;
        Ok(Topic { client, topic })
    }

    async fn subscriber(self, topic: &'static str) -> Result<Subscription> {
        Ok(self.subscribe(topic).await?)
    }

    async fn answer(self) -> Result<Self> {
        self.serve(EchoServer::new(Same));
        Ok(self)
    }

    async fn caller(self, callee: &'static str) -> Result<Caller> {
        Ok(Caller(EchoClient::new(self.remote(callee))))
    }
}

pub(crate) struct Topic {
    client: bus::Client,
    topic: &'static str,
}

impl Publisher for Topic {
    async fn publish(&mut self, body: Bytes) -> Result<()> {
        Ok(self.client.publish_unacked(self.topic, &Raw(body)).await?)
    }

    async fn flush(&mut self) -> Result<()> {
        // Nothing is held back.
        Ok(())
    }
}

impl Subscriber for Subscription {
    type Message = Bytes;

    async fn next(&mut self) -> Option<Bytes> {
        let message = Self::next(self).await?.ok()?;
        Some(message.payload())
    }
}

#[derive(Clone)]
pub(crate) struct Caller(EchoClient<Remote>);

impl Connection for Caller {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let reply = self.0.echo(body.clone()).await?;
        verify_echo(&body, &reply)
    }
}
