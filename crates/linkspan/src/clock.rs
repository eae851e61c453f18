//! The time, in one place, so that tests with a paused clock pause all of it.

use std::time::{Duration, Instant};

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// When `limit` after `from` is; a limit that nobody lives to see is as good as none.
pub(crate) fn after(from: Instant, limit: Duration) -> Instant {
    from + limit.min(LONGEST)
}

/// About ten years.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
