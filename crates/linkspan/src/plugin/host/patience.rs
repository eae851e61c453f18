//! Waiting with a limit that is fair to clocks that jump.

use std::pin::pin;
use std::time::Duration;

/// Waits for something, but not longer than `limit`. Time in which this process itself stood still, as
/// under a debugger or on a machine that was suspended, counts for a small part of the limit at most:
/// whoever is waited for may have stood still, too.
pub(super) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..STEPS {
        if let Ok(output) = tokio::time::timeout(limit / STEPS, future.as_mut()).await {
            return Some(output);
        }
    }
    None
}

/// In so many parts the limit is waited for.
const STEPS: u32 = 20;

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_limit_holds() {
        let before = tokio::time::Instant::now();
        assert_eq!(within(Duration::from_secs(20), pending::<()>()).await, None);
        assert!(before.elapsed() >= Duration::from_secs(20));
        assert!(before.elapsed() < Duration::from_secs(21));
        assert_eq!(within(Duration::ZERO, ready(7)).await, Some(7));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_jumps_takes_a_step_and_no_more() {
        let waiting = tokio::spawn(within(Duration::from_secs(20), async {
            tokio::time::sleep(Duration::from_secs(3603)).await;
            "in time"
        }));
        tokio::task::yield_now().await;
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert_eq!(waiting.await.unwrap(), Some("in time"));
    }
}
