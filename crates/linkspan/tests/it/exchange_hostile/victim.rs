//! A server under attack, and a client of it that must not notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use linkspan::exchange::{
    Client, ClientConfig, Context, ExchangeStats, IpcConfig, Server, Serving,
};
use linkspan::transport::TransportHealth;
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::raw::Raw;

/// A server, with a witness that keeps exchanging with it.
pub(super) struct Victim {
    pub(super) serving: Serving,
    witness: JoinHandle<u64>,
    is_over: Arc<AtomicBool>,
    _directory: TempDir,
}

/// What a server counted that was not the witness's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) frames: u64,
    pub(super) answered: u64,
    pub(super) bytes_received: u64,
    pub(super) bytes_sent: u64,
}

impl Victim {
    /// A server that answers in capitals, or with as many bytes as are asked for.
    pub(super) async fn start(place: Place, adjust: impl FnOnce(&mut IpcConfig)) -> Self {
        Self::start_server(place, Server::new().handler(answer), adjust).await
    }

    pub(super) async fn start_server(
        place: Place,
        server: Server,
        adjust: impl FnOnce(&mut IpcConfig),
    ) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = ipc(place);
        adjust(&mut config);
        let client_config = ClientConfig::from(&config);
        let listening = server.config(config).listen(place.address(&directory));
        let serving = listening.await.unwrap();
        let is_over = Arc::<AtomicBool>::default();
        let builder = Client::builder().config(client_config);
        let client = builder.endpoint(serving.address()).build().unwrap();
        let witness = tokio::spawn(witness(client, Arc::clone(&is_over)));
        let victim = Self {
            serving,
            witness,
            is_over,
            _directory: directory,
        };
        wait::until("the witness has its answer", || victim.stats().answered > 0).await;
        victim
    }

    pub(super) async fn attacker(&self) -> Raw {
        Raw::connect(self.serving.address()).await
    }

    /// Sends bytes and nothing more; expects the end of the connection, and nothing before it.
    pub(super) async fn expect_closed(&self, bytes: &[u8]) {
        let mut attacker = self.attacker().await;
        attacker.try_send(bytes).await.ok();
        assert_eq!(attacker.rest().await, b"", "to {bytes:02x?}");
    }

    pub(super) fn stats(&self) -> ExchangeStats {
        self.serving.stats().next().unwrap().1
    }

    /// Expects that the witness noticed nothing, and that exactly these failures were counted.
    pub(super) async fn expect(self, expected: &[(&str, u64)]) -> Figures {
        self.is_over.store(true, Ordering::Relaxed);
        let (serving, witness) = (self.serving, self.witness);
        let exchanges = wait::within("the witness", witness).await.unwrap();
        let (stats, health) = settled(&serving).await;
        assert_eq!(failures(&stats), expected);
        let totals = health.totals;
        let failed = expected.iter().map(|(_, count)| count).sum::<u64>();
        assert_eq!((totals.errors, totals.accept_errors), (failed, 0));
        let tick_bytes = exchanges * (8 + TICK.len() as u64);
        let figures = Figures {
            frames: stats.frames - exchanges,
            answered: stats.answered - exchanges,
            bytes_received: stats.bytes_received - tick_bytes,
            bytes_sent: stats.bytes_sent - tick_bytes,
        };
        serving.stop(Duration::from_secs(1)).await;
        figures
    }
}

/// Settings that have time for everything.
pub(super) fn ipc(place: Place) -> IpcConfig {
    let mut config = IpcConfig::default();
    config.transport = place.backend();
    config.accept_timeout = Duration::from_secs(60);
    config.read_timeout = Duration::from_secs(60);
    config.write_timeout = Duration::from_secs(60);
    config
}

/// What was counted when all connections have ended.
pub(super) async fn settled(serving: &Serving) -> (ExchangeStats, TransportHealth) {
    let health = || serving.health().next().unwrap().1;
    wait::until("all connections have ended", || {
        health().connection_count == 0
    })
    .await;
    (serving.stats().next().unwrap().1, health())
}

/// The failures that were counted.
pub(super) fn failures(stats: &ExchangeStats) -> Vec<(&'static str, u64)> {
    let all = [
        ("bad_length", stats.bad_length),
        ("bad_crc", stats.bad_crc),
        ("undecodable", stats.undecodable),
        ("silent", stats.silent),
        ("read_timeouts", stats.read_timeouts),
        ("write_timeouts", stats.write_timeouts),
        ("truncated", stats.truncated),
        ("broken", stats.broken),
        ("handler_timeouts", stats.handler_timeouts),
        ("panics", stats.panics),
        ("unsendable", stats.unsendable),
        ("not_bytes", stats.not_bytes),
    ];
    all.into_iter().filter(|(_, count)| *count > 0).collect()
}

pub(super) async fn answer(question: Bytes, _: Context) -> Result<Bytes, Bytes> {
    let Some(count) = question.strip_prefix(LARGE) else {
        return Ok(question.to_ascii_uppercase().into());
    };
    let count = std::str::from_utf8(count).unwrap().parse().unwrap();
    Ok(vec![b'x'; count].into())
}

/// Exchanges until all is over, without a failure, on one connection; says how often.
async fn witness(client: Client, is_over: Arc<AtomicBool>) -> u64 {
    let mut pace = tokio::time::interval(Duration::from_millis(2));
    while !is_over.load(Ordering::Relaxed) {
        let answer = client.send(TICK).await.unwrap();
        assert_eq!(answer, TICK.to_ascii_uppercase());
        pace.tick().await;
    }
    let stats = client.stats();
    assert_eq!((stats.connects, stats.sent), (1, stats.answered));
    stats.answered
}

/// A string as a protobuf message, so that every server under test understands it.
const TICK: &[u8] = b"\x0a\x04tick";
/// Before the number of bytes that the answer shall have.
pub(super) const LARGE: &[u8] = b"large ";
