//! A method that only tests of the node need: a slow one. `linkspan up` serves it if it is told to.

use std::time::Duration;

use linkspan::rpc::{CallError, Context, Router};

/// `trial.sleep` answers after so many milliseconds.
pub(crate) fn trial_methods() -> Router {
    Router::new().method("trial.sleep", async |millis: u64, _: Context| {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok::<_, CallError>(())
    })
}
