//! Brokers and clients for the tests.

use std::time::Duration;

use linkspan::Address;
use linkspan::bus::{Broker, Client, ClientConfig, Config, Message, Serving, Subscription};
use linkspan_test::wait;
use tempfile::TempDir;

use crate::support;

/// A broker at one address.
pub(super) struct Scene {
    pub(super) serving: Serving,
    _directory: TempDir,
}

impl Scene {
    pub(super) async fn at(scheme: &str) -> Self {
        Self::with(scheme, Broker::new()).await
    }

    pub(super) async fn with(scheme: &str, broker: Broker) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = support::address(scheme, &directory);
        let serving = broker.listen(address).await.unwrap();
        Self {
            serving,
            _directory: directory,
        }
    }

    pub(super) fn address(&self) -> &Address {
        self.serving.address()
    }

    pub(super) async fn client(&self, name: &str) -> Client {
        Client::connect(self.address(), name).await.unwrap()
    }

    pub(super) async fn client_with(&self, name: &str, config: ClientConfig) -> Client {
        Client::connect_with(self.address(), name, config)
            .await
            .unwrap()
    }
}

/// A broker whose queues hold `messages`, and that waits no longer than `wait` for them.
pub(super) fn small(messages: usize, wait: Duration) -> Broker {
    let mut config = Config::default();
    config.queue_messages = messages;
    config.block_timeout = wait;
    Broker::new().config(config)
}

/// The next message, which has to come.
pub(super) async fn next(subscription: &mut Subscription) -> Message {
    let next = wait::within("a message", subscription.next()).await;
    next.unwrap().unwrap()
}

/// The next number, which has to come.
pub(super) async fn number(subscription: &mut Subscription) -> u64 {
    next(subscription).await.decode().unwrap()
}
