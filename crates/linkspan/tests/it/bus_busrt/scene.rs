//! Brokers for the tests, on the local socket, on TCP and on WebSocket.

use std::time::Duration;

use linkspan::Address;
use linkspan::bus::{Broker, BrokerStats, Config, Serving};
use linkspan_test::wait::{self, PATIENCE};
use tempfile::TempDir;

use super::raw::Client;
use crate::support::{self, LOCAL};

/// A broker at three addresses.
pub(crate) struct Scene {
    pub(crate) serving: Serving,
    pub(crate) local: Address,
    pub(crate) tcp: Address,
    pub(crate) web_socket: Address,
    _directory: TempDir,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub(crate) async fn with(adjust: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        // Clients of the tests say nothing while they wait, however slow the machine is.
        config.timeout = 3 * PATIENCE;
        adjust(&mut config);
        Self::of(Broker::new().config(config)).await
    }

    pub(crate) async fn of(broker: Broker) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let local = support::address(LOCAL, &directory);
        let mut serving = broker.listen(local).await.unwrap();
        let tcp = serving.also("tcp:127.0.0.1:0").await.unwrap();
        let web_socket = serving.also("ws:127.0.0.1:0").await.unwrap();
        Self {
            local: serving.address().clone(),
            serving,
            tcp,
            web_socket,
            _directory: directory,
        }
    }

    pub(crate) fn addresses(&self) -> [&Address; 3] {
        [&self.local, &self.tcp, &self.web_socket]
    }

    /// A client at the local socket.
    pub(crate) async fn client(&self, name: &str) -> Client {
        Client::join(&self.local, name).await
    }

    pub(crate) fn stats(&self) -> BrokerStats {
        self.serving.stats()
    }

    /// Waits until so many clients are there.
    pub(crate) async fn until_clients(&self, count: usize) {
        wait::until("clients to come or go", || self.stats().clients == count).await;
    }

    pub(crate) async fn stop(self) {
        self.serving.stop(Duration::ZERO).await;
    }
}
