//! The service `node`: what the node is and does.

use std::sync::Arc;
use std::time::Duration;

use linkspan::rpc::{CallError, Connection, Context, MethodInfo, Router, Serving};
use serde::de::IgnoredAny;

use crate::config::{BUILD, VERSION};
use crate::node::State;
use crate::node::wire::{ConnectionStatus, ListenerStatus, NodeInfo, NodeStatus};

/// The node itself.
#[linkspan::service(name = "node", deadline = "5s", schema)]
pub(crate) trait Node {
    /// Which program this is, and since when it runs.
    #[linkspan(idempotent)]
    async fn info(&self) -> Result<NodeInfo, CallError>;

    /// What the node is doing: its listeners and its connections.
    #[linkspan(idempotent)]
    async fn status(&self) -> Result<NodeStatus, CallError>;
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
        let serving = self.0.serving.read().await;
        let addresses = serving
            .iter()
            .flat_map(Serving::addresses)
            .map(ToString::to_string);
        Ok(NodeInfo {
            name: "linkspan".to_owned(),
            version: VERSION.to_owned(),
            build_id: BUILD.to_owned(),
            pid: std::process::id(),
            host: sysinfo::System::host_name().unwrap_or_default(),
            system: sysinfo::System::long_os_version().unwrap_or_default(),
            addresses: addresses.collect(),
            uptime_ms: millis(self.0.started.elapsed()),
        })
    }

    async fn status(&self) -> Result<NodeStatus, CallError> {
        let serving = self.0.serving.read().await;
        let stats = serving.iter().flat_map(Serving::stats);
        let listeners =
            stats.map(|(address, stats)| ListenerStatus::new(address.to_string(), &stats));
        let connections = serving.iter().flat_map(Serving::connections);
        Ok(NodeStatus {
            pid: std::process::id(),
            uptime_ms: millis(self.0.started.elapsed()),
            resident_bytes: os::resident_memory_bytes().unwrap_or_default(),
            listeners: listeners.collect(),
            connections: connections
                .map(|connection| status_of(&connection))
                .collect(),
        })
    }
}

fn status_of(connection: &Connection) -> ConnectionStatus {
    let (peer, stats) = (connection.peer(), connection.stats());
    ConnectionStatus {
        transport: peer.transport.to_owned(),
        principal: peer.principal().name,
        client: connection.peer_identity().name.clone(),
        pid: peer.credentials.and_then(|credentials| credentials.pid),
        address: peer.address.map(|address| address.to_string()),
        requests: stats.session.streams_accepted,
        in_progress: stats.session.streams_handled,
        received_bytes: stats.bytes_received,
        sent_bytes: stats.session.bytes_sent,
    }
}

/// Adds `node.methods`: what a router has, itself included.
pub(crate) fn with_methods(router: Router) -> Router {
    let mut info = MethodInfo::named("node.methods");
    info.doc = "What can be called here, with parameters and results.".to_owned();
    info.result = "Vec<MethodInfo>".to_owned();
    info.idempotent = true;
    let mut methods = router.methods();
    let place = methods.partition_point(|method| method.name < info.name);
    methods.insert(place, info.clone());
    let methods = Arc::new(methods);
    router.method(info, move |_: IgnoredAny, _: Context| {
        let methods = Arc::clone(&methods);
        async move { Ok::<_, CallError>(methods.to_vec()) }
    })
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
