//! Clients of BUS/RT by its own library, with its own broker and with ours.

use std::env;
use std::marker::PhantomData;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use busrt::broker::{Broker, ServerConfig};
use busrt::client::AsyncClient;
use busrt::rpc::{Rpc, RpcClient, RpcEvent, RpcHandlers, RpcResult};
use busrt::{EventChannel, Frame, QoS, async_trait, ipc};
use bytes::Bytes;
use tokio::task::JoinHandle;

use crate::bus::{Bus, Client, Publisher, Subscriber};
use crate::keeper::Keeper;
use crate::peer::{Connection, Place, Ready, verify_echo};
use crate::peers::linkspan_bus;

/// Whose broker it is.
pub(crate) trait Side: Send + Sync + 'static {
    const NAME: &'static str;
    const BROUGHT_BY: Option<&'static str> = None;

    fn serve(path: String, ready: Ready) -> impl Future<Output = Result<()>> + Send;
}

/// That of the library, in our process.
pub(crate) struct Theirs;
/// That of the program busrtd, which is brought along.
pub(crate) struct Daemon;
pub(crate) struct Ours;

impl Side for Theirs {
    const NAME: &'static str = "busrt";

    async fn serve(path: String, ready: Ready) -> Result<()> {
        let mut broker = Broker::new();
        broker.init_default_core_rpc().await?;
        broker
            .spawn_unix_server(&path, ServerConfig::default())
            .await?;
        ready.listening(path)?;
        std::future::pending::<()>().await;
        drop(broker);
        Ok(())
    }
}

impl Side for Daemon {
    const NAME: &'static str = "busrtd";
    const BROUGHT_BY: Option<&'static str> = Some(BUSRT_DIRECTORY);

    async fn serve(path: String, ready: Ready) -> Result<()> {
        // With its default for queues it does not always get through the benchmark.
        let words = ["--bind", &path, "--queue-size", "1000000"];
        let log = format!("{path}.log");
        let mut keeper = Keeper::start(&busrt_program("busrtd")?, words, Path::new(&log))?;
        keeper.wait_for(|| UnixStream::connect(&path).ok())?;
        ready.listening_in(keeper.process, path)?;
        std::future::pending::<()>().await;
        drop(keeper);
        Ok(())
    }
}

impl Side for Ours {
    const NAME: &'static str = "linkspan-busrt";

    async fn serve(path: String, ready: Ready) -> Result<()> {
        let serving = linkspan_bus::listen(&path).await?;
        ready.listening(path)?;
        std::future::pending::<()>().await;
        drop(serving);
        Ok(())
    }
}

pub(crate) struct Busrt<S>(PhantomData<S>);

impl<S: Side> Bus for Busrt<S> {
    const NAME: &'static str = S::NAME;
    const BROUGHT_BY: Option<&'static str> = S::BROUGHT_BY;
    type Client = ipc::Client;

    fn version() -> Result<String> {
        let version = Command::new(busrt_program("busrtd")?)
            .arg("--version")
            .output()?;
        Ok(String::from_utf8(version.stdout)?.trim().to_owned())
    }

    async fn serve(place: Place, ready: Ready) -> Result<()> {
        // The library tells a path from a host by its end.
        let path = place.directory().join("bus.sock");
        S::serve(path.display().to_string(), ready).await
    }

    async fn connect(address: String, name: String) -> Result<ipc::Client> {
        Ok(ipc::Client::connect(&ipc::Config::new(&address, &name)).await?)
    }
}

impl Client for ipc::Client {
    type Publisher = Topic;
    type Subscriber = Subscription;
    type Caller = Caller;
    type Callee = RpcClient;

    async fn publisher(self, topic: &'static str) -> Result<Topic> {
        Ok(Topic {
            client: self,
            topic,
        })
    }

    async fn subscriber(mut self, topic: &'static str) -> Result<Subscription> {
        let frames = self.take_event_channel().context("no channel of frames")?;
        let subscribed = self.subscribe(topic, QoS::Processed).await?;
        subscribed
            .context("no acknowledgement is on its way")?
            .await??;
        let pinging = tokio::spawn(ping(self));
        Ok(Subscription { frames, pinging })
    }

    async fn answer(self) -> Result<RpcClient> {
        Ok(RpcClient::new(self, Echo))
    }

    async fn caller(self, callee: &'static str) -> Result<Caller> {
        let rpc = Arc::new(RpcClient::new0(self));
        Ok(Caller { rpc, callee })
    }
}

/// The broker sends away who says nothing for long; calls have a task for this in the library.
async fn ping(mut client: ipc::Client) -> Result<(), busrt::Error> {
    loop {
        client.ping().await?;
        tokio::time::sleep(PING).await;
    }
}

pub(crate) struct Topic {
    client: ipc::Client,
    topic: &'static str,
}

impl Publisher for Topic {
    async fn publish(&mut self, body: Bytes) -> Result<()> {
        let body = body.as_ref().into();
        self.client.publish(self.topic, body, QoS::No).await?;
        Ok(())
    }

    async fn flush(&mut self) -> Result<()> {
        Ok(self.client.ping().await?)
    }
}

pub(crate) struct Subscription {
    frames: EventChannel,
    pinging: JoinHandle<Result<(), busrt::Error>>,
}

impl Subscriber for Subscription {
    type Message = Payload;

    async fn next(&mut self) -> Option<Payload> {
        self.frames.recv().await.ok().map(Payload)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.pinging.abort();
    }
}

pub(crate) struct Payload(Frame);

impl AsRef<[u8]> for Payload {
    fn as_ref(&self) -> &[u8] {
        self.0.payload()
    }
}

struct Echo;

#[async_trait]
impl RpcHandlers for Echo {
    async fn handle_call(&self, event: RpcEvent) -> RpcResult {
        Ok(Some(event.payload().to_vec()))
    }
}

#[derive(Clone)]
pub(crate) struct Caller {
    rpc: Arc<RpcClient>,
    callee: &'static str,
}

impl Connection for Caller {
    async fn echo(&self, body: Bytes) -> Result<()> {
        let payload = body.as_ref().into();
        // As its own benchmark calls: what is urgent is not held back in the client's buffer.
        let called = self
            .rpc
            .call(self.callee, "echo", payload, QoS::RealtimeProcessed);
        let answer = called.await.map_err(|error| anyhow::anyhow!("{error}"))?;
        verify_echo(&body, answer.payload())
    }
}

/// The path of one of its programs, which are brought along together.
pub(crate) fn busrt_program(name: &str) -> Result<PathBuf> {
    let directory = env::var_os(BUSRT_DIRECTORY);
    let directory = directory.with_context(|| format!("{BUSRT_DIRECTORY} is not set"))?;
    Ok(Path::new(&directory).join(name))
}

/// Names the directory of its programs.
const BUSRT_DIRECTORY: &str = "LINKSPAN_BENCH_BUSRT";
/// Half of what the library's default broker waits for.
const PING: Duration = Duration::from_millis(500);
