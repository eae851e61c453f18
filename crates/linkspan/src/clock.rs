//! The time, in one place, so that tests with a paused clock pause all of it.

use std::time::Instant;

pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}
