//! The node: a server with the built-in services, and its life from start to stop.
//!
//! ```text
//!   Config ──► Node::start ──► Serving { node.*, host.* } ──► Node::stop
//!                  ▲ reload
//! ```

mod echo;
mod host;
mod processes;
mod service;
mod wire;

pub(crate) use service::{Node as NodeService, NodeClient};
pub(crate) use wire::{NodeInfo, NodeStatus, Ready};

use std::sync::Arc;
use std::time::{Duration, Instant};

use linkspan::Address;
use linkspan::rpc::{MethodInfo, Router, Server, Serving, StopReport};
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
    serving: RwLock<Option<Serving>>,
}

impl Node {
    /// Begins to serve at these addresses.
    pub(crate) async fn start(config: &Config, addresses: &[Address]) -> Result<Self, ListenError> {
        let state = Arc::new(State {
            started: Instant::now(),
            serving: RwLock::default(),
        });
        let router = router(&state);
        let methods = router.methods();
        let server = Server::new().config(config.server()).service(router);
        let [first, more @ ..] = addresses else {
            return Ok(Self { state, methods });
        };
        let mut serving = server.listen(first.clone()).await?;
        for address in more {
            serving.also(address.clone()).await?;
        }
        *state.serving.write().await = Some(serving);
        Ok(Self { state, methods })
    }

    /// Where it listens.
    pub(crate) async fn addresses(&self) -> Vec<Address> {
        let serving = self.state.serving.read().await;
        serving
            .iter()
            .flat_map(Serving::addresses)
            .cloned()
            .collect()
    }

    /// What can be called.
    pub(crate) fn methods(&self) -> &[MethodInfo] {
        &self.methods
    }

    /// Takes other settings for connections that come from now on.
    pub(crate) async fn reconfigure(&self, config: &Config) -> Result<(), ListenError> {
        match &mut *self.state.serving.write().await {
            Some(serving) => serving.reconfigure(config.server()).await,
            None => Ok(()),
        }
    }

    /// Ends in order: no new connections, `limit` for what is under way.
    pub(crate) async fn stop(self, limit: Duration) -> StopReport {
        let serving = self.state.serving.write().await.take();
        match serving {
            Some(serving) => serving.stop(limit).await,
            None => StopReport::default(),
        }
    }
}

/// Everything that the node answers.
fn router(state: &Arc<State>) -> Router {
    let router = Router::new()
        .service(NodeServer::new(ThisNode::new(Arc::clone(state))))
        .service(HostServer::new(ThisHost));
    service::with_methods(echo::with_echo(router))
}
