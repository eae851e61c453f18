//! What the daemon has beside its commands: a broker, and the collector in its sandbox.

use std::env;
use std::fs;
use std::sync::Arc;

use linkspan::auth::Principal;
use linkspan::bus::{Broker, Client, Embedded};
use linkspan::codec::Decode;
use linkspan::plugin::Pins;
use linkspan::plugin::host::{
    Doing, HostConfig, Inherited, Inlet, Plugin, PluginEvent, PluginHost, Surroundings,
};
use linkspan::rpc::Router;
use linkspan::{Category, Code};
use procwatch::wire::{Event, TASKS_VARIABLE};
use tempfile::TempDir;

use crate::Failure;
use crate::tasks::Tasks;

/// A broker, and a plugin that publishes by it. When it is dropped, the plugin ends.
#[derive(Debug)]
pub(crate) struct House {
    pub(crate) bus: Client,
    pub(crate) tasks: Arc<Tasks>,
    pub(crate) collector: Plugin,
    _broker: Embedded,
    _host: PluginHost,
}

impl House {
    /// Starts all of it.
    pub(crate) async fn build() -> Result<Self, Failure> {
        let broker = Broker::new().embed()?;
        let mut config = HostConfig::default();
        // It comes with this program, by the same hand: a pin would say nothing more.
        config.plugins.pins = Pins::Optional;
        config.surroundings = Arc::new(Outside(broker.connect("collector").await?));
        let host = PluginHost::new(config);
        let tasks = Arc::new(Tasks::default());
        Ok(Self {
            bus: broker.connect("procwatchd").await?,
            collector: start(&host, &tasks).await?,
            tasks,
            _broker: broker,
            _host: host,
        })
    }

    /// Whether the collector runs, or is about to.
    pub(crate) fn has_collector(&self) -> bool {
        !self.collector.state().is_at_rest()
    }
}

/// Starts the collector with what it is granted, and a connection for tasks.
async fn start(host: &PluginHost, tasks: &Arc<Tasks>) -> Result<Plugin, Failure> {
    let mut terms = procwatch::terms()?;
    let tasks = Arc::clone(tasks);
    terms.descriptors = vec![Inherited::new(TASKS_NUMBER, move |_| tasks.connect())];
    terms.environment = [(TASKS_VARIABLE.to_owned(), TASKS_NUMBER.to_string())].into();
    let folder = tokio::task::spawn_blocking(folder).await??;
    let collector = host.load(folder.path(), terms).await?;
    collector.start().await?;
    // What runs is a copy in memory that nobody can change, so the folder can go.
    Ok(collector)
}

/// Makes a plugin's folder of the program beside this one.
fn folder() -> std::io::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("procwatch-").tempdir()?;
    let program = format!("procwatch-collector{}", env::consts::EXE_SUFFIX);
    let installed = env::current_exe()?.with_file_name(&program);
    fs::copy(&installed, folder.path().join("procwatch-collector")).map_err(|error| {
        std::io::Error::new(error.kind(), format!("{}: {error}", installed.display()))
    })?;
    fs::write(folder.path().join("plugin.toml"), procwatch::MANIFEST)?;
    Ok(folder)
}

/// What there is around the collector: a bus to publish by.
#[derive(Debug)]
struct Outside(Client);

impl Surroundings for Outside {
    fn services(&self) -> Router {
        Router::new()
    }

    fn publish(&self, _: &Principal, event: PluginEvent) -> Doing {
        let bus = self.0.clone();
        Box::pin(async move {
            let failed = |error: &dyn std::error::Error| {
                linkspan::Failure::new(Category::Plugin, Code::UNAVAILABLE, error.to_string())
            };
            let seen = Event::decode(&event.payload).map_err(|error| failed(&error))?;
            let published = bus.publish_unacked(&event.topic, &seen).await;
            published.map_err(|error| failed(&error))
        })
    }

    fn subscribe(&self, _: &Principal, _: &str, _: Inlet) -> Doing {
        // It was granted nothing to hear of.
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The descriptor behind that of the plugin's session.
const TASKS_NUMBER: u32 = 4;
