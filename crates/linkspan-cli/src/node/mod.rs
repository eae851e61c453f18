//! The node: a server with the built-in services, and its life from start to stop.
//!
//! ```text
//!   Config ──► Node::start ──► Running { node.*, host.*, exchanges, bus }, Plugins ──► Node::stop
//!                  ▲ reload
//! ```

mod besides;
mod detection;
mod echo;
mod guard;
mod health;
mod host;
mod plugins;
mod processes;
mod rights;
mod running;
mod security;
mod service;
mod trial;
mod wire;

pub(crate) use besides::broker;
pub(crate) use guard::{Guard, NodeError};
pub(crate) use plugins::{
    LogLine, PluginControl, PluginControlClient, PluginProcess, PluginStatus,
};
pub(crate) use service::{Node as NodeService, NodeClient};
pub(crate) use trial::trial_methods;
pub(crate) use wire::{
    Answers, BusCounts, ConnectionStatus, ExchangeCounts, ListenerStatus, NodeInfo, NodeStatus,
    Ready, SecurityCounts, Switched, Times,
};

use std::sync::Arc;
use std::time::{Duration, Instant};

use linkspan::Address;
use linkspan::bus::{ConfigError, Rates, Schemas};
use linkspan::rpc::{MethodInfo, Router, Server, StopReport};
use linkspan::transport::ListenError;
use tokio::sync::RwLock;

use crate::config::Config;
use crate::node::besides::Besides;
use crate::node::host::{HostServer, ThisHost};
use crate::node::plugins::Plugins;
use crate::node::running::Running;
use crate::node::service::{NodeServer, ThisNode};

/// A node at work.
#[derive(Debug)]
pub(crate) struct Node {
    state: Arc<State>,
    methods: Vec<MethodInfo>,
}

/// What the node and its services have in common.
#[derive(Debug)]
pub(crate) struct State {
    started: Instant,
    /// Empty before it listens and once it stops.
    running: RwLock<Option<Running>>,
    plugins: Option<Arc<Plugins>>,
}

impl Node {
    /// Begins to serve calls at these addresses.
    pub(crate) async fn start(config: &Config, addresses: &[Address]) -> Result<Self, ListenError> {
        let (more, besides) = (Router::new(), Besides::default());
        Self::launch(config, addresses, more, besides, None, None).await
    }

    /// The same with further methods, with a broker, and with exchanges and plugins if they are
    /// configured.
    pub(crate) async fn start_with(
        config: &Config,
        addresses: &[Address],
        schemas: Schemas,
        more: Router,
    ) -> Result<Self, NodeError> {
        let guard = Guard::new(config)?;
        let besides = Besides::start(config, schemas, &guard).await?;
        let plugins = Plugins::new(config, &guard, besides.embedded());
        let (guard, of_node) = (Some(guard), Some(Arc::clone(&plugins)));
        let node = Self::launch(config, addresses, more, besides, guard, of_node).await?;
        plugins.apply(config.plugins.clone());
        Ok(node)
    }

    async fn launch(
        config: &Config,
        addresses: &[Address],
        more: Router,
        besides: Besides,
        guard: Option<Guard>,
        plugins: Option<Arc<Plugins>>,
    ) -> Result<Self, ListenError> {
        let state = Arc::new(State {
            started: Instant::now(),
            running: RwLock::default(),
            plugins,
        });
        let router = router(&state, more);
        let methods = router.methods();
        // What clients of the bus use is nothing that people call.
        let router = router.service(besides.bus_methods());
        if let Some(plugins) = &state.plugins {
            plugins.open(router.clone());
        }
        let settings = running::server(config, guard.as_ref());
        let mut server = Server::new().config(settings).service(router);
        if let Some(guard) = &guard {
            server = server.guard(guard.rights.clone());
        }
        let [first, more @ ..] = addresses else {
            return Ok(Self { state, methods });
        };
        let mut calls = server.listen(first.clone()).await?;
        for address in more {
            calls.also(address.clone()).await?;
        }
        *state.running.write().await = Some(Running::new(calls, besides, config, guard));
        Ok(Self { state, methods })
    }

    /// Where it listens.
    pub(crate) async fn addresses(&self) -> Vec<Address> {
        let running = self.state.running.read().await;
        let addresses = running.iter().flat_map(|running| running.calls.addresses());
        addresses.cloned().collect()
    }

    /// Where it answers exchanges.
    pub(crate) async fn exchanges(&self) -> Vec<Address> {
        let running = self.state.running.read().await;
        let besides = running.iter().map(|running| &running.besides);
        besides
            .flat_map(Besides::exchange_addresses)
            .cloned()
            .collect()
    }

    /// Where clients of its broker come.
    pub(crate) async fn bus(&self) -> Vec<Address> {
        let running = self.state.running.read().await;
        let besides = running.iter().map(|running| &running.besides);
        besides.flat_map(Besides::bus_addresses).cloned().collect()
    }

    /// What can be called.
    pub(crate) fn methods(&self) -> &[MethodInfo] {
        &self.methods
    }

    /// Takes other settings for connections that come from now on.
    pub(crate) async fn reconfigure(&self, config: &Config) -> Result<(), NodeError> {
        match &mut *self.state.running.write().await {
            Some(running) => running.reconfigure(config).await?,
            None => return Ok(()),
        }
        if let Some(plugins) = &self.state.plugins {
            plugins.apply(config.plugins.clone());
        }
        Ok(())
    }

    /// Has other rates and schemas hold for messages of the bus.
    pub(crate) async fn set_rules(
        &self,
        rates: &Rates,
        schemas: Schemas,
    ) -> Result<(), ConfigError> {
        match &*self.state.running.read().await {
            Some(running) => running.besides.set_rules(rates, schemas),
            None => Ok(()),
        }
    }

    /// Ends in order: no new connections, `limit` for what is under way.
    pub(crate) async fn stop(self, limit: Duration) -> StopReport {
        let running = self.state.running.write().await.take();
        match running {
            Some(running) => Box::pin(running.stop(limit, self.state.plugins.as_deref())).await,
            None => StopReport::default(),
        }
    }
}

/// Everything that the node answers.
fn router(state: &Arc<State>, more: Router) -> Router {
    let mut router = Router::new()
        .service(NodeServer::new(ThisNode::new(Arc::clone(state))))
        .service(HostServer::new(ThisHost))
        .service(more);
    if let Some(plugins) = &state.plugins {
        router = router.service(plugins.router());
    }
    service::with_methods(echo::with_echo(router), state.plugins.clone())
}
