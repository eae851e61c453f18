//! Handlers that block: how long questions wait for one of their threads, and what that counts as.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::exchange::{
    Client, Context, ExchangeError, ExchangeStats, IpcConfig, Server, Serving,
};
use linkspan_test::wait;
use tempfile::TempDir;
use tokio::task::JoinHandle;

use crate::support::{LOCAL, address};

#[tokio::test]
async fn the_wait_for_a_thread_is_no_part_of_the_handlers_time() {
    let gate = Arc::new(Gate::default());
    let (serving, _directory) = gated(&gate, Duration::from_secs(60)).await;
    let asking: Vec<_> = (0..THREADS + 1).map(|_| ask(&serving)).collect();
    wait::until(
        "every thread is at work and one more question is there",
        || gate.waiting() == THREADS && stats(&serving).frames == asking.len() as u64,
    )
    .await;
    let waited = Instant::now();
    let pause = Duration::from_millis(50);
    wait::until("it has waited", || waited.elapsed() >= pause).await;
    gate.open();
    for one in asking {
        wait::within("its answer", one).await.unwrap().unwrap();
    }
    let (_, health) = serving.health().next().unwrap();
    assert!(health.waiting.max >= pause, "{:?}", health.waiting);
    assert!(health.waiting.p50 < pause, "{:?}", health.waiting);
}

#[tokio::test]
async fn a_question_that_gets_no_thread_ends_its_connection() {
    let gate = Arc::new(Gate::default());
    let (serving, _directory) = gated(&gate, Duration::from_millis(100)).await;
    let held: Vec<_> = (0..THREADS).map(|_| ask(&serving)).collect();
    wait::until("every thread is at work", || gate.waiting() == THREADS).await;
    for one in held {
        wait::within("its error", one).await.unwrap().unwrap_err();
    }
    let more = wait::within("its error", ask(&serving)).await.unwrap();
    assert!(
        matches!(more, Err(ExchangeError::OutcomeUnknown { .. })),
        "{more:?}"
    );
    let (_, health) = serving.health().next().unwrap();
    assert_eq!(
        health.last_error.unwrap().message,
        "no thread was free for the handler within 100ms"
    );
    assert_eq!(stats(&serving).handler_timeouts, THREADS as u64 + 1);
    gate.open();
}

/// Threads that a server has for handlers that block.
const THREADS: usize = 16;

/// What handlers wait at, on their threads.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, usize)>,
    opened: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        drop(
            self.opened
                .wait_while(state, |(is_open, _)| !*is_open)
                .unwrap(),
        );
    }

    fn waiting(&self) -> usize {
        self.state.lock().unwrap().1
    }

    fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.opened.notify_all();
    }
}

/// A server whose handlers wait at the gate.
async fn gated(gate: &Arc<Gate>, limit: Duration) -> (Serving, TempDir) {
    let gate = Arc::clone(gate);
    let handler = move |question: Bytes, _: Context| {
        gate.pass();
        Ok::<_, Bytes>(question)
    };
    let mut ipc = IpcConfig::default();
    ipc.max_connections = 100;
    let server = Server::new().config(ipc).handler_timeout(limit);
    let directory = tempfile::tempdir().unwrap();
    let server = server.blocking_handler(handler);
    let serving = server.listen(&address(LOCAL, &directory)).await.unwrap();
    (serving, directory)
}

fn stats(serving: &Serving) -> ExchangeStats {
    serving.stats().next().unwrap().1
}

fn ask(serving: &Serving) -> JoinHandle<Result<Bytes, ExchangeError>> {
    let address = serving.address().clone();
    tokio::spawn(async move { Client::connect(&address).await?.send("question").await })
}
