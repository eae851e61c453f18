//! Methods that only tests of the node need: slow ones. `linkspan up` serves them if it is told to.

use std::time::Duration;

use linkspan::rpc::{CallError, Context, Router};

/// `trial.sleep` waits, `trial.block` keeps its thread, for so many milliseconds.
pub(crate) fn trial_methods() -> Router {
    Router::new()
        .method("trial.sleep", async |millis: u64, _: Context| {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            Ok::<_, CallError>(())
        })
        .method("trial.block", async |millis: u64, _: Context| {
            std::thread::sleep(Duration::from_millis(millis));
            Ok::<_, CallError>(())
        })
}
