//! Waiting for what must happen.

use std::time::{Duration, Instant};

/// Longest time that a test waits for something that should happen soon.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until a condition holds, looking every few milliseconds.
///
/// # Panics
///
/// If it does not hold within [`PATIENCE`].
#[track_caller]
pub fn until(what: &str, condition: impl FnMut() -> bool) -> impl Future<Output = ()> {
    let caller = std::panic::Location::caller();
    wait(format!("{what} ({caller})"), condition)
}

async fn wait(what: String, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Waits for a future.
///
/// # Panics
///
/// If it is not done within [`PATIENCE`].
#[track_caller]
pub fn within<F: Future>(what: &str, future: F) -> impl Future<Output = F::Output> {
    let text = format!("{what} ({})", std::panic::Location::caller());
    async move {
        match tokio::time::timeout(PATIENCE, future).await {
            Ok(output) => output,
            Err(_) => panic!("waited in vain: {text}"),
        }
    }
}
