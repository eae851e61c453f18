//! Hosts on runtimes whose threads for what blocks are all taken.

use std::sync::mpsc::channel;

use linkspan::plugin::host::{RunError, State};
use linkspan_test::wait;

use super::support::{Stage, trusted};

const NOTHING: &str = "@plugin.method\ndef nothing():\n    pass";

#[test]
fn a_stop_waits_for_nothing_that_is_being_prepared() {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(1).build();
    runtime.unwrap().block_on(async {
        let stage = Stage::new();
        let plugin = stage.load("idle", NOTHING, trusted()).await;
        let (end, ended) = channel::<()>();
        let taken = tokio::task::spawn_blocking(move || ended.recv());
        let mut states = plugin.states();
        let started = plugin.clone();
        let starting = tokio::spawn(async move { started.start().await });
        let is_starting = states.wait_for(|state| state == State::Starting);
        wait::within("its start", is_starting).await;
        wait::within("its stop", plugin.stop()).await;
        let error = wait::within("no start", starting).await.unwrap();
        assert!(matches!(error, Err(RunError::Stopped)), "{error:?}");
        assert_eq!(plugin.state(), State::Stopped);

        drop(end);
        taken.await.unwrap().unwrap_err();
        wait::within("another start", plugin.start()).await.unwrap();
        wait::within("the host's stop", stage.host.stop()).await;
    });
}
