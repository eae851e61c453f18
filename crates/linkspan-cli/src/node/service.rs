//! The service `node`: what the node is and does.

use std::sync::Arc;
use std::time::Duration;

use linkspan::auth::Method;
use linkspan::rpc::{CallError, Connection, Context, MethodInfo, Router};
use linkspan::{Category, Code, Failure};
use serde::de::IgnoredAny;

use crate::config::{BUILD, BackendChoice, VERSION};
use crate::node::State;
use crate::node::plugins::Plugins;
use crate::node::running::Running;
use crate::node::wire::{ConnectionStatus, NodeInfo, NodeReadiness, NodeStatus, Switched};

/// The node itself.
#[linkspan::service(name = "node", deadline = "5s", schema)]
pub(crate) trait Node {
    /// Which program this is, and since when it runs.
    #[linkspan(idempotent)]
    async fn info(&self) -> Result<NodeInfo, CallError>;

    /// What the node is doing: its listeners and its connections.
    #[linkspan(idempotent)]
    async fn status(&self, context: Context) -> Result<NodeStatus, CallError>;

    /// Whether the node does all that it is to do, its plugins included, and why not.
    #[linkspan(idempotent)]
    async fn ready(&self) -> Result<NodeReadiness, CallError>;

    /// Has another backend accept at the local sockets: tokio, interprocess or legacy.
    ///
    /// Connections that are open keep theirs. The configuration file stays as it is, and what it
    /// says holds again once it is read again. Only the node's own user may do this.
    #[linkspan(idempotent)]
    async fn switch_backend(
        &self,
        context: Context,
        backend: BackendChoice,
    ) -> Result<Vec<Switched>, CallError>;
}

/// The node that this process is.
#[derive(Debug)]
pub(crate) struct ThisNode(Arc<State>);

impl ThisNode {
    pub(crate) fn new(state: Arc<State>) -> Self {
        Self(state)
    }
}

impl Node for ThisNode {
    async fn info(&self) -> Result<NodeInfo, CallError> {
        let running = self.0.running.read().await;
        let addresses = running.iter().flat_map(|running| running.calls.addresses());
        Ok(NodeInfo {
            name: "linkspan".to_owned(),
            version: VERSION.to_owned(),
            build_id: BUILD.to_owned(),
            pid: std::process::id(),
            host: sysinfo::System::host_name().unwrap_or_default(),
            system: sysinfo::System::long_os_version().unwrap_or_default(),
            addresses: addresses.map(ToString::to_string).collect(),
            uptime_ms: millis(self.0.started.elapsed()),
        })
    }

    async fn status(&self, context: Context) -> Result<NodeStatus, CallError> {
        let principal = context.principal();
        let running = self.0.running.read().await;
        let listeners = running.iter().flat_map(Running::listeners);
        let connections = running
            .iter()
            .flat_map(|running| running.calls.connections());
        Ok(NodeStatus {
            pid: std::process::id(),
            uptime_ms: millis(self.0.started.elapsed()),
            resident_bytes: os::resident_memory_bytes().unwrap_or_default(),
            listeners: listeners.collect(),
            bus: running
                .iter()
                .find_map(|running| running.besides.bus_counts()),
            security: running.iter().find_map(Running::security),
            plugins: self
                .0
                .plugins
                .iter()
                .flat_map(|plugins| plugins.statuses_for(&principal))
                .collect(),
            connections: connections
                .map(|connection| status_of(&connection))
                .collect(),
        })
    }

    async fn ready(&self) -> Result<NodeReadiness, CallError> {
        let plugins = self.0.plugins.iter();
        let mut reasons: Vec<_> = plugins.flat_map(|plugins| plugins.obstacles()).collect();
        if self.0.running.read().await.is_none() {
            reasons.push("the node is ending".to_owned());
        }
        Ok(NodeReadiness {
            ready: reasons.is_empty(),
            reasons,
        })
    }

    async fn switch_backend(
        &self,
        context: Context,
        backend: BackendChoice,
    ) -> Result<Vec<Switched>, CallError> {
        if !is_owner(&context) {
            return Err(refusal(Category::Authorization, Code::DENIED, NOT_OWNER));
        }
        let mut running = self.0.running.write().await;
        let Some(running) = &mut *running else {
            return Ok(Vec::new());
        };
        running.switch(backend.into()).await.map_err(|error| {
            let message = format!("{:#}", anyhow::Error::new(error));
            refusal(Category::Handler, Code::UNAVAILABLE, &message)
        })
    }
}

/// Whether this process's own user asks, or root, by the kernel's word.
fn is_owner(context: &Context) -> bool {
    let Some(peer) = context.peer() else {
        return false;
    };
    let own = os::own_credentials();
    let is_own = |peer: os::PeerCredentials| {
        peer.uid() == Some(0) || (peer.uid(), peer.sid()) == (own.uid(), own.sid())
    };
    // What the kernel says of a plugin's end of the connection is who made both.
    let is_plugin = context.principal().method == Method::Host;
    !is_plugin && (peer.transport == "mem" || peer.credentials.is_some_and(is_own))
}

fn refusal(category: Category, code: Code, message: &str) -> CallError {
    CallError::Failed(Box::new(Failure::new(category, code, message)))
}

fn status_of(connection: &Connection) -> ConnectionStatus {
    let (peer, stats) = (connection.peer(), connection.stats());
    ConnectionStatus {
        transport: peer.transport.to_owned(),
        backend: peer.backend.map(|backend| backend.to_string()),
        principal: peer.principal().name,
        client: connection.peer_identity().name.clone(),
        pid: peer.credentials.and_then(|credentials| credentials.pid),
        address: peer.address.map(|address| address.to_string()),
        requests: stats.session.streams_accepted,
        in_progress: stats.session.streams_handled,
        received_bytes: stats.bytes_received,
        sent_bytes: stats.session.bytes_sent,
        stalled_ms: stats.stalled_for.map(millis),
        compression: stats.compression.map(Into::into),
    }
}

/// Adds `node.methods`: what a router has, itself included, and what the plugins have that run.
pub(crate) fn with_methods(router: Router, plugins: Option<Arc<Plugins>>) -> Router {
    let mut info = MethodInfo::named("node.methods");
    info.doc = "What can be called here, with parameters and results.".to_owned();
    info.result = "Vec<MethodInfo>".to_owned();
    info.idempotent = true;
    let mut methods = router.methods();
    let place = methods.partition_point(|method| method.name < info.name);
    methods.insert(place, info.clone());
    router.method(info, move |_: IgnoredAny, _: Context| {
        let mut methods = methods.clone();
        methods.extend(plugins.iter().flat_map(|plugins| plugins.methods()));
        async move { Ok::<_, CallError>(methods) }
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

const NOT_OWNER: &str =
    "only the node's own user may switch its backend, over a socket that tells who asks";
