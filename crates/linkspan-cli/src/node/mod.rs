//! The node: a server with the built-in services, and its life from start to stop.
//!
//! ```text
//!   Config ──► Node::start ──► Serving { node.*, host.* } ──► Node::stop
//!                  ▲ reload
//! ```

mod echo;
mod health;
mod host;
mod processes;
mod service;
mod trial;
mod wire;

pub(crate) use health::exchange_counts;
pub(crate) use service::{Node as NodeService, NodeClient};
pub(crate) use trial::trial_methods;
pub(crate) use wire::{
    ConnectionStatus, ListenerStatus, NodeInfo, NodeStatus, Ready, Switched, Times,
};

use std::sync::Arc;
use std::time::{Duration, Instant};

use linkspan::Address;
use linkspan::rpc::{MethodInfo, Router, Server, ServerConfig, Serving, StopReport};
use linkspan::transport::ListenError;
use tokio::sync::RwLock;

use crate::config::Config;
use crate::node::host::{HostServer, ThisHost};
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
}

/// A server with the settings that it has now.
#[derive(Debug)]
struct Running {
    serving: Serving,
    config: ServerConfig,
}

impl Running {
    async fn reconfigure(&mut self, config: ServerConfig) -> Result<(), ListenError> {
        self.serving.reconfigure(config.clone()).await?;
        self.config = config;
        Ok(())
    }
}

impl Node {
    /// Begins to serve at these addresses.
    pub(crate) async fn start(config: &Config, addresses: &[Address]) -> Result<Self, ListenError> {
        Self::start_with(config, addresses, Router::new()).await
    }

    /// The same with further methods.
    pub(crate) async fn start_with(
        config: &Config,
        addresses: &[Address],
        more: Router,
    ) -> Result<Self, ListenError> {
        let state = Arc::new(State {
            started: Instant::now(),
            running: RwLock::default(),
        });
        let router = router(&state, more);
        let methods = router.methods();
        let config = config.server();
        let server = Server::new().config(config.clone()).service(router);
        let [first, more @ ..] = addresses else {
            return Ok(Self { state, methods });
        };
        let mut serving = server.listen(first.clone()).await?;
        for address in more {
            serving.also(address.clone()).await?;
        }
        *state.running.write().await = Some(Running { serving, config });
        Ok(Self { state, methods })
    }

    /// Where it listens.
    pub(crate) async fn addresses(&self) -> Vec<Address> {
        let running = self.state.running.read().await;
        let addresses = running
            .iter()
            .flat_map(|running| running.serving.addresses());
        addresses.cloned().collect()
    }

    /// What can be called.
    pub(crate) fn methods(&self) -> &[MethodInfo] {
        &self.methods
    }

    /// Takes other settings for connections that come from now on.
    pub(crate) async fn reconfigure(&self, config: &Config) -> Result<(), ListenError> {
        match &mut *self.state.running.write().await {
            Some(running) => running.reconfigure(config.server()).await,
            None => Ok(()),
        }
    }

    /// Ends in order: no new connections, `limit` for what is under way.
    pub(crate) async fn stop(self, limit: Duration) -> StopReport {
        let running = self.state.running.write().await.take();
        match running {
            Some(running) => running.serving.stop(limit).await,
            None => StopReport::default(),
        }
    }
}

/// Everything that the node answers.
fn router(state: &Arc<State>, more: Router) -> Router {
    let router = Router::new()
        .service(NodeServer::new(ThisNode::new(Arc::clone(state))))
        .service(HostServer::new(ThisHost))
        .service(more);
    service::with_methods(echo::with_echo(router))
}
