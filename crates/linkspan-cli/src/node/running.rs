//! What a node serves: calls at its addresses, and besides them what is configured.

use std::time::{Duration, SystemTime};

use linkspan::Address;
use linkspan::exchange::IpcConfig;
use linkspan::rpc::{ServerConfig, Serving, StopReport};
use linkspan::transport::{Backend, ListenError};
use tracing::error;

use crate::config::Config;
use crate::node::besides::Besides;
use crate::node::guard::{Guard, NodeError};
use crate::node::plugins::Plugins;
use crate::node::wire::{ListenerStatus, SecurityCounts, Switched};

/// Servers with the settings that they have now.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) calls: Serving,
    pub(crate) besides: Besides,
    settings: Settings,
    guard: Option<Guard>,
}

#[derive(Debug, Clone)]
struct Settings {
    calls: ServerConfig,
    exchanges: IpcConfig,
}

impl Running {
    pub(crate) fn new(
        calls: Serving,
        besides: Besides,
        config: &Config,
        guard: Option<Guard>,
    ) -> Self {
        Self {
            calls,
            besides,
            settings: Settings::new(config, guard.as_ref()),
            guard,
        }
    }

    /// Takes other settings for connections that come from now on.
    ///
    /// Keys that are gone end the sessions that are open by them.
    pub(crate) async fn reconfigure(&mut self, config: &Config) -> Result<(), NodeError> {
        let guard = self.guard.as_ref();
        let prepared = guard.map(|guard| guard.prepare(config)).transpose()?;
        self.apply(Settings::new(config, guard)).await?;
        if let (Some(guard), Some(prepared)) = (&self.guard, prepared) {
            guard.take(prepared);
        }
        Ok(())
    }

    /// Has another backend accept from now on.
    pub(crate) async fn switch(&mut self, backend: Backend) -> Result<Vec<Switched>, ListenError> {
        let before = self.listeners();
        let mut settings = self.settings.clone();
        settings.calls.transport.backend = backend;
        settings.exchanges.transport = backend;
        self.apply(settings).await?;
        let switched = |(before, now): (ListenerStatus, ListenerStatus)| Switched {
            address: now.address,
            from: before.backend,
            to: now.backend,
        };
        let pairs = before.into_iter().zip(self.listeners());
        Ok(pairs.map(switched).collect())
    }

    /// Takes other settings everywhere or nowhere.
    async fn apply(&mut self, settings: Settings) -> Result<(), ListenError> {
        let earlier = self.settings.clone();
        let Err(failed) = self.set(&settings).await else {
            self.settings = settings;
            return Ok(());
        };
        // What has them already goes back.
        if let Err(problem) = self.set(&earlier).await {
            error!(%problem, "some listeners keep settings that others could not take");
        }
        Err(failed)
    }

    async fn set(&mut self, settings: &Settings) -> Result<(), ListenError> {
        self.calls.reconfigure(settings.calls.clone()).await?;
        let exchanges = settings.exchanges.clone();
        self.besides.reconfigure(exchanges).await
    }

    /// How each listener is doing.
    pub(crate) fn listeners(&self) -> Vec<ListenerStatus> {
        let since_1970 = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let millis = since_1970.unwrap_or_default().as_millis();
        let now_ms = u64::try_from(millis).unwrap_or(u64::MAX);
        let mut listeners = Vec::new();
        for (address, health) in self.calls.health() {
            let limit = self.max_connections(address);
            listeners.push(ListenerStatus::new(address, health, limit, now_ms));
        }
        let max_exchanges = self.settings.exchanges.max_connections;
        listeners.extend(self.besides.listeners(max_exchanges, now_ms));
        listeners
    }

    /// What was counted of who came and what they wanted.
    pub(crate) fn security(&self) -> Option<SecurityCounts> {
        self.guard.as_ref().map(Guard::counts)
    }

    fn max_connections(&self, address: &Address) -> Option<usize> {
        let transport = &self.settings.calls.transport;
        match address {
            Address::Unix(_) | Address::UnixTls(_) => Some(transport.unix_socket.max_connections),
            Address::Pipe(_) => Some(transport.named_pipe.max_connections),
            Address::Tcp(_) | Address::Tls(_) => Some(transport.tcp.max_connections),
            Address::Ws(_) | Address::Wss(_) => Some(transport.web_socket.max_connections),
            _ => None,
        }
    }

    /// Ends in order; `limit` is for what is under way.
    pub(crate) async fn stop(self, limit: Duration, plugins: Option<&Plugins>) -> StopReport {
        let besides = async {
            // What they have to say at last still goes to somebody.
            if let Some(plugins) = plugins {
                plugins.end(limit).await;
            }
            self.besides.stop(limit).await
        };
        let (mut report, besides) = tokio::join!(self.calls.stop(limit), besides);
        report.connections += besides.connections;
        report.cut += besides.cut;
        report
    }
}

impl Settings {
    fn new(config: &Config, guard: Option<&Guard>) -> Self {
        let mut calls = config.server();
        calls.session.authentication = guard.map(|guard| guard.authentication.clone());
        Self {
            calls,
            exchanges: config.ipc.exchange(),
        }
    }
}

/// Settings of calls, with what clients are asked for.
pub(super) fn server(config: &Config, guard: Option<&Guard>) -> ServerConfig {
    Settings::new(config, guard).calls
}
