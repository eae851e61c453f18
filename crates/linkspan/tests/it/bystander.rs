//! A client that means no harm, on a server that is attacked: nothing of the attack may reach it.

use std::sync::Arc;

use linkspan::rpc::{CallError, Client, Router, StreamSender, Streaming};
use linkspan_test::wait::within;
use tokio::sync::Mutex;

/// One with a call now and then, and a stream that was open before the attack.
pub(crate) struct Bystander {
    /// Reconnecting would hide that it was cut: it does not.
    client: Client,
    heart: HeartClient,
    pulse: Streaming<u64>,
    beats: u64,
}

/// What it needs of its server.
#[linkspan::service]
trait Heart {
    /// Comes back, and goes into the pulse.
    async fn beat(&self, number: u64) -> Result<u64, CallError>;

    /// All beats.
    async fn pulse(&self) -> Result<Streaming<u64>, CallError>;
}

#[derive(Clone, Default)]
struct Beating(Arc<Mutex<Option<StreamSender<u64>>>>);

impl Heart for Beating {
    async fn beat(&self, number: u64) -> Result<u64, CallError> {
        if let Some(pulse) = &*self.0.lock().await {
            pulse.send(Ok(number)).await.ok();
        }
        Ok(number)
    }

    async fn pulse(&self) -> Result<Streaming<u64>, CallError> {
        let (sender, pulse) = Streaming::channel(10);
        *self.0.lock().await = Some(sender);
        Ok(pulse)
    }
}

impl Bystander {
    /// What its server has to have besides its own.
    pub(crate) fn methods() -> Router {
        HeartServer::new(Beating::default()).into()
    }

    /// A client that does not reconnect.
    pub(crate) async fn of(client: Client) -> Self {
        let heart = HeartClient::new(client.clone());
        let pulse = within("the pulse", heart.pulse()).await.unwrap();
        Self {
            client,
            heart,
            pulse,
            beats: 0,
        }
    }

    /// Its calls are answered, and its stream goes on without a gap.
    pub(crate) async fn is_undisturbed(&mut self, attack: &str) {
        self.beats += 1;
        assert!(self.client.connection().is_some(), "{attack}");
        let beat = within(attack, self.heart.beat(self.beats)).await;
        assert_eq!(beat, Ok(self.beats), "{attack}");
        let next = within(attack, self.pulse.next()).await;
        assert_eq!(next, Some(Ok(self.beats)), "{attack}");
    }
}
