//! Servers that are killed, or hang, beside others that work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::exchange::{Client, ClientConfig, Context, ExchangeError, Server, Serving};
use linkspan::layer::BreakerState;
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tempfile::TempDir;

use super::child::Process;
use super::fake::Fake;
use super::victim::ipc;

/// A question that the killed server had is sent to the other one only if it is idempotent.
pub(super) async fn killed_servers(place: Place) {
    for is_idempotent in [false, true] {
        let mut process = Process::start(place);
        let other = Counting::start(place).await;
        let builder = Client::builder().config(ClientConfig::from(&ipc(place)));
        let builder = builder.endpoint(&process.address);
        let client = builder
            .fallback(other.serving.address(), 1)
            .build()
            .unwrap();
        let asking = {
            let client = client.clone();
            tokio::spawn(async move {
                let question = client.question("hang");
                match is_idempotent {
                    true => question.idempotent().send().await,
                    false => question.send().await,
                }
            })
        };
        let count = async { while client.send("count").await.unwrap() != "1" {} };
        wait::within("the question is being handled", count).await;
        process.kill();
        let result = wait::within("the result", asking).await.unwrap();
        let asked = other.asked.load(Ordering::Relaxed);
        match is_idempotent {
            true => assert_eq!((result.unwrap(), asked), (Bytes::from("other"), 1)),
            false => {
                assert!(matches!(result, Err(ExchangeError::OutcomeUnknown { .. })));
                assert_eq!((asked, client.stats().outcome_unknown), (0, 1));
            }
        }
        // Whoever asks from now on is answered by the other one.
        let next = client.question("next").idempotent();
        assert_eq!(next.send().await.unwrap(), "other");
    }
}

/// One takes connections and says nothing. Calls go on within their time, and it is left alone.
pub(super) async fn hanging_servers(place: Place) {
    let hanging = Fake::start(place, |mut peer, _| async move {
        peer.rest().await;
    })
    .await;
    let other = Counting::start(place).await;
    let builder = Client::builder().config(hasty(place));
    let builder = builder.endpoint(hanging.address());
    let client = builder.endpoint(other.serving.address()).build().unwrap();
    let mut slow = 0;
    for _ in 0..100 {
        let began = Instant::now();
        let question = client.question("hello").idempotent();
        assert_eq!(question.send().await.unwrap(), "other");
        slow += usize::from(began.elapsed() >= ANSWER);
    }
    let stats = client.stats();
    assert_eq!((stats.answered, stats.outcome_unknown), (100, 0));
    let [first, second] = &stats.endpoints[..] else {
        panic!("{stats:?}")
    };
    assert_eq!((second.failures, second.breaker), (0, BreakerState::Closed));
    assert!(first.breaker_counts.opened >= 1);
    assert_eq!(first.failures, first.calls);
    // A few until its breaker opens, and then the probes.
    assert!((1..20).contains(&slow), "{slow} calls met the hanging one");
    assert_eq!(slow as u64, first.calls);
}

/// What hung is asked again when it works again, even if the other one is gone then.
pub(super) async fn recovered_servers(place: Place) {
    let directory = tempfile::tempdir().unwrap();
    let hangs = Arc::new(AtomicBool::new(true));
    let flag = Arc::clone(&hangs);
    let server = Server::new().handler(move |_: Bytes, _: Context| {
        let flag = Arc::clone(&flag);
        async move {
            match flag.load(Ordering::Relaxed) {
                true => std::future::pending().await,
                false => Ok::<_, Bytes>(Bytes::from("recovered")),
            }
        }
    });
    let listening = server.config(ipc(place)).listen(place.address(&directory));
    let recovering = listening.await.unwrap();
    let other = Counting::start(place).await;
    let builder = Client::builder().config(hasty(place));
    let builder = builder.endpoint(recovering.address());
    let client = builder.endpoint(other.serving.address()).build().unwrap();
    let ask = || client.question("hello").idempotent().send();
    let breaker = || client.stats().endpoints[0].breaker;
    let opening = async {
        while breaker() != BreakerState::Open {
            ask().await.unwrap();
        }
    };
    wait::within("its breaker opens", opening).await;

    hangs.store(false, Ordering::Relaxed);
    let used = async { while ask().await.unwrap() != "recovered" {} };
    wait::within("it is asked again", used).await;
    // One at a time would go to the faster one only.
    let closing = async {
        while breaker() != BreakerState::Closed {
            let answers = tokio::join!(ask(), ask(), ask(), ask());
            answers
                .0
                .and(answers.1)
                .and(answers.2)
                .and(answers.3)
                .unwrap();
        }
    };
    wait::within("its breaker closes", closing).await;
    other.serving.stop(Duration::from_secs(1)).await;
    assert_eq!(ask().await.unwrap(), "recovered");
}

/// A server that counts what it answers.
struct Counting {
    serving: Serving,
    asked: Arc<AtomicUsize>,
    _directory: TempDir,
}

impl Counting {
    async fn start(place: Place) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let asked = Arc::<AtomicUsize>::default();
        let counter = Arc::clone(&asked);
        let server = Server::new().handler(move |_: Bytes, _: Context| {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Ok::<_, Bytes>(Bytes::from("other")))
        });
        let listening = server.config(ipc(place)).listen(place.address(&directory));
        Self {
            serving: listening.await.unwrap(),
            asked,
            _directory: directory,
        }
    }
}

/// Soon gives up an endpoint that does not answer, and looks again soon.
fn hasty(place: Place) -> ClientConfig {
    let mut config = ClientConfig::from(&ipc(place));
    config.answer_timeout = ANSWER;
    config.balance.breaker.minimum_calls = const { std::num::NonZeroU32::new(3).unwrap() };
    config.balance.breaker.open_for = Duration::from_millis(500);
    config
}

const ANSWER: Duration = Duration::from_millis(300);
