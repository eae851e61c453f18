//! New files for a plugin that runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use linkspan::plugin::host::{RunError, State};
use linkspan_test::wait;

use super::support::{Stage, is_alive, trusted};

fn script(answer: u32) -> String {
    format!("@plugin.method\ndef answer() -> int:\n    time.sleep(0.005)\n    return {answer}")
}

#[tokio::test]
async fn a_reload_under_load_fails_no_call() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.instances = Some(2);
    let plugin = stage.start("oracle", &script(1), terms).await;
    let (is_over, latest) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicU32::new(0)),
    );
    let callers = (0..16).map(|_| {
        let (plugin, is_over) = (plugin.clone(), Arc::clone(&is_over));
        let latest = Arc::clone(&latest);
        tokio::spawn(async move {
            let mut calls = 0;
            while !is_over.load(Ordering::Relaxed) {
                let answer: u32 = plugin.send_request("oracle.answer", &()).await.unwrap();
                latest.fetch_max(answer, Ordering::Relaxed);
                calls += 1;
            }
            calls
        })
    });
    let callers: Vec<_> = callers.collect();
    let before: Vec<_> = pids(&plugin);
    for generation in 2..5 {
        stage.write("oracle", &script(generation), "");
        wait::within("a reload", plugin.reload()).await.unwrap();
        let is_new = || latest.load(Ordering::Relaxed) == generation;
        wait::until("the new answer", is_new).await;
    }
    is_over.store(true, Ordering::Relaxed);
    let mut calls = 0;
    for caller in callers {
        calls += wait::within("a caller", caller).await.unwrap();
    }
    assert!(calls > 100, "{calls}");
    wait::until("the end of the first", || {
        !before.iter().any(|pid| is_alive(*pid))
    })
    .await;
    assert_eq!(
        (plugin.state(), plugin.status().restarts),
        (State::Running, 0)
    );
}

#[tokio::test]
async fn a_reload_that_fails_changes_nothing() {
    let stage = Stage::new();
    let plugin = stage.start("oracle", &script(1), trusted()).await;
    let before = pids(&plugin);
    stage.write("oracle", "sys.exit('not this time')", "");
    let error = wait::within("a reload", plugin.reload()).await.unwrap_err();
    assert_eq!(error.last_words(), ["not this time"]);
    stage.write("oracle", &script(2), "[methods.other]");
    let error = wait::within("a reload", plugin.reload()).await.unwrap_err();
    assert!(matches!(error, RunError::Methods { .. }), "{error}");
    let answer: u32 = plugin.send_request("oracle.answer", &()).await.unwrap();
    assert_eq!(answer, 1);
    wait::until("the end of the others", || {
        plugin.status().instances.len() == 1
    })
    .await;
    assert_eq!((pids(&plugin), plugin.state()), (before, State::Running));
}

#[tokio::test]
async fn a_stop_ends_a_reload() {
    let stage = Stage::new();
    let plugin = stage.start("oracle", &script(1), trusted()).await;
    let mark = stage.path().join("mark");
    let hanging = format!("open({mark:?}, 'w').close()\ntime.sleep(1000)");
    stage.write("oracle", &hanging, "");
    let reloading = plugin.clone();
    let reloading = tokio::spawn(async move { reloading.reload().await });
    wait::until("a new process", || mark.exists()).await;
    wait::within("a stop", plugin.stop()).await;
    let reloaded = wait::within("the reload's end", reloading).await.unwrap();
    assert!(matches!(reloaded, Err(RunError::Stopped)), "{reloaded:?}");
    assert!(plugin.status().instances.is_empty());
}

#[tokio::test]
async fn files_that_change_are_noticed_if_that_is_wanted() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.reload_on_change = true;
    let plugin = stage.start("oracle", &script(1), terms).await;
    let mut wanted = 1;
    for _ in 0..2 {
        wanted += 1;
        // The watcher needs a first look to see a difference.
        tokio::time::sleep(Duration::from_millis(600)).await;
        stage.write("oracle", &script(wanted), "");
        loop {
            let call = plugin.send_request::<u32>("oracle.answer", &());
            if wait::within("an answer", call).await.unwrap() == wanted {
                break;
            }
        }
    }
}

fn pids(plugin: &linkspan::plugin::host::Plugin) -> Vec<u32> {
    plugin
        .status()
        .instances
        .iter()
        .map(|one| one.pid)
        .collect()
}
