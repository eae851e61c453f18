//! Commands that are cancelled, cut off, lost and stuck; daemons that stop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use linkspan::daemon::wire::{CancelReason, FromDaemon, Outcome, Refusal};
use linkspan::daemon::{CancelCause, EndReason};
use linkspan_test::wait;

use super::raw::Raw;
use super::trial::Daemon;

/// The promise.
const PROMPT: Duration = Duration::from_millis(50);

/// The best of several measurements: a loaded machine is not what is measured.
fn best(mut measure: impl FnMut() -> Duration) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..10 {
        best = best.min(measure());
        if best < PROMPT {
            break;
        }
    }
    best
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_fires_when_the_client_says_so() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    let mut number = 0;
    let took = best(|| {
        number += 1;
        raw.run(number, &["wait"]);
        raw.accepted(number);
        let began = Instant::now();
        raw.cancel(number);
        let (at, cause) = daemon.shared.fired();
        assert_eq!(cause, CancelCause::Client(CancelReason::Interrupt));
        assert_eq!(raw.end(number).outcome, Some(Outcome::Cancelled));
        at - began
    });
    assert!(took < PROMPT, "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_fires_when_the_client_is_gone() {
    let daemon = Daemon::start().await;
    let took = best(|| {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["wait"]);
        raw.accepted(1);
        let began = Instant::now();
        drop(raw);
        let (at, cause) = daemon.shared.fired();
        assert_eq!(cause, CancelCause::Disconnected);
        at - began
    });
    assert!(took < PROMPT, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_fires_while_handlers_block_all_threads() {
    let daemon = Daemon::with(|config| config.cancel_grace = Duration::from_secs(60)).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["block"]);
    raw.run(2, &["block"]);
    raw.cancel(1);
    // The runtime's own time stands still, too.
    let began = Instant::now();
    while daemon.serving().stats().cancelled == 0 {
        assert!(began.elapsed() < wait::PATIENCE, "it was not cancelled");
        std::thread::yield_now();
    }
    daemon.shared.release();
    assert_eq!(raw.end(2).code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_ignores_its_token_is_cut_off() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    let began = Instant::now();
    raw.cancel(1);
    let message = "the command did not end within 200ms after it was cancelled".to_owned();
    assert_eq!(raw.end(1).outcome, Some(Outcome::Aborted { message }));
    assert!(began.elapsed() >= Duration::from_millis(200));
    wait::until("it is over", || daemon.serving().stats().commands == 0).await;
    let stats = daemon.serving().stats();
    assert_eq!((stats.aborted, stats.stuck), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_blocks_is_reported_and_the_daemon_offers_itself() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["block"]);
    raw.accepted(1);
    raw.cancel(1);
    assert!(matches!(raw.end(1).outcome, Some(Outcome::Aborted { .. })));
    let ending = wait::within("it offers itself", daemon.serving().ending()).await;
    assert_eq!(ending.reason, EndReason::Stuck);
    assert_eq!(daemon.serving().status().stuck, 1);
    // It goes on until it is replaced.
    raw.run(2, &["exit", "5"]);
    assert_eq!(raw.end(2).code(), 5);
    daemon.shared.release();
    wait::until("it is over", || daemon.serving().stats().stuck == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_waits_for_commands_then_cancels_them() {
    let mut daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["wait"]);
    raw.accepted(1);
    raw.run(2, &["cat"]);
    raw.accepted(2);
    assert!(matches!(raw.next(), Some(FromDaemon::Credit(_))));
    raw.stdin(2, b"");
    assert_eq!(raw.end(2).code(), 0);
    let serving = daemon.serving.take().unwrap();
    let began = Instant::now();
    let stopping = tokio::spawn(serving.stop(Duration::from_millis(100)));
    let (at, cause) = daemon.shared.fired();
    assert_eq!(cause, CancelCause::Stopping);
    assert!(at - began >= Duration::from_millis(100));
    assert_eq!(raw.end(1).outcome, Some(Outcome::Cancelled));
    raw.closed();
    let report = wait::within("it stops", stopping).await.unwrap();
    assert_eq!((report.cancelled, report.finished, report.stuck), (1, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_daemon_refuses_and_finishes() {
    let mut daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["cat"]);
    raw.accepted(1);
    assert!(matches!(raw.next(), Some(FromDaemon::Credit(_))));
    daemon.serving.as_mut().unwrap().drain().await;
    // A successor could listen there now.
    let successor = Daemon::at(&daemon.address).await;
    drop(successor);
    raw.run(2, &["exit", "0"]);
    let refused = raw.end(2).outcome;
    assert!(
        matches!(
            refused,
            Some(Outcome::Refused {
                refusal: Refusal::Draining,
                ..
            })
        ),
        "{refused:?}"
    );
    raw.stdin(1, b"still here");
    raw.stdin(1, b"");
    assert_eq!(raw.end(1).stdout, b"still here");
    let serving = daemon.serving.take().unwrap();
    let stopping = serving.stop(Duration::from_secs(60));
    wait::within("nothing is left to wait for", stopping).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_daemon_takes_its_commands_along() {
    let mut daemon = Daemon::with(|config| config.cancel_grace = Duration::from_secs(60)).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["wait"]);
    raw.run(2, &["hold"]);
    raw.accepted(1);
    raw.accepted(2);
    // Also one whose client has gone, and that does not care.
    let mut gone = Raw::connect(&daemon.address);
    gone.run(1, &["hold"]);
    gone.accepted(1);
    drop(gone);
    wait::until("it is cancelled", || {
        daemon.serving().stats().cancelled == 1
    })
    .await;
    wait::until("they hold", || Arc::strong_count(&daemon.shared.held) == 3).await;
    drop(daemon.serving.take());
    raw.closed();
    wait::until("they are dropped", || {
        Arc::strong_count(&daemon.shared.held) == 1
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_daemon_ends_and_a_busy_one_does_not() {
    let daemon = Daemon::with(|config| config.idle_exit = Duration::from_millis(100)).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["cat"]);
    raw.accepted(1);
    let early = tokio::time::timeout(Duration::from_millis(300), daemon.serving().ending());
    assert!(early.await.is_err(), "a command runs");
    raw.stdin(1, b"");
    assert_eq!(raw.end(1).code(), 0);
    let ending = wait::within("it is idle", daemon.serving().ending()).await;
    assert_eq!(ending.reason, EndReason::Idle);
    raw.run(2, &["exit", "0"]);
    assert!(matches!(raw.end(2).outcome, Some(Outcome::Refused { .. })));
}
