//! Plugins that crash, hang or are only busy.

use std::process::Command;
use std::time::Duration;

use linkspan::plugin::RestartPolicy;
use linkspan::plugin::host::{Cause, Exit, RunError, State, Terms};
use linkspan::rpc::{CallError, Request};
use linkspan_test::wait;

use super::support::{Stage, is_alive, trusted};

const CRASHER: &str = "@plugin.method\ndef pid() -> int:\n    return os.getpid()\n\
    @plugin.method\ndef die(code: int):\n    print('a last word', file=sys.stderr, flush=True)\n    \
    os._exit(code)\n";

/// Terms of a plugin that is started again soon.
fn restarted(max_crashes: u32) -> Terms {
    let mut terms = trusted();
    let mut restart = linkspan::plugin::Restart::default();
    restart.backoff = Duration::from_millis(20);
    restart.max_crashes = max_crashes;
    terms.restart = Some(restart);
    terms
}

#[tokio::test]
async fn a_crash_loop_is_backed_off_and_given_up_with_the_last_words() {
    let stage = Stage::new();
    let script = "print('no config found', file=sys.stderr)\nsys.exit(3)";
    let plugin = stage.load("looper", script, restarted(3)).await;
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    let RunError::GivenUp {
        crashes: 3, last, ..
    } = &error
    else {
        panic!("{error}");
    };
    assert_eq!(error.last_words(), ["no config found"]);
    let why = "it ended with code 3 before it was ready";
    assert!(last.to_string().ends_with(why), "{last}");
    assert_eq!(plugin.state(), State::Failed);
    let status = plugin.status();
    assert_eq!((status.restarts, status.instances.len()), (2, 0));
    let failed = plugin
        .send_request::<()>("looper.x", &())
        .await
        .unwrap_err();
    assert!(
        failed.to_string().contains("given up after 3 crashes"),
        "{failed}"
    );
    let causes = failed.causes().join(", ");
    assert!(causes.contains("before it was ready"), "{failed:?}");
    // What it wrote is for those who may read its logs.
    assert!(!causes.contains("no config"), "{failed:?}");
    // Once it is repaired, a start begins anew.
    stage.write("looper", CRASHER, "");
    wait::within("a start", plugin.start()).await.unwrap();
    assert_eq!(plugin.status().restarts, 0);
}

#[tokio::test]
async fn a_crash_cuts_calls_off_and_is_followed_by_another_process() {
    let stage = Stage::new();
    let plugin = stage.start("crasher", CRASHER, restarted(5)).await;
    let pid: u32 = plugin.send_request("crasher.pid", &()).await.unwrap();
    let cut_off = wait::within("an error", plugin.send_request::<()>("crasher.die", &(7,))).await;
    let CallError::OutcomeUnknown { reason } = cut_off.unwrap_err() else {
        panic!("the outcome is known");
    };
    assert_eq!(reason, "plugin crasher ended with code 7");
    let next = wait::within("an answer", plugin.send_request::<u32>("crasher.pid", &())).await;
    assert_ne!(next.unwrap(), pid);
    assert!(!is_alive(pid));
    let status = plugin.status();
    assert_eq!(status.restarts, 1);
    let end = status.last_end.unwrap();
    assert!(matches!(end.cause, Cause::Exited(Exit::Code(7))), "{end}");
    assert_eq!(
        (end.pid, end.last_words),
        (Some(pid), vec!["a last word".to_owned()])
    );
}

#[tokio::test]
async fn an_idempotent_call_that_was_cut_off_goes_to_the_next_process() {
    let stage = Stage::new();
    let mark = stage.path().join("mark");
    let script = format!(
        "@plugin.method\ndef once() -> str:\n    mark = {mark:?}\n    \
         if not os.path.exists(mark):\n        open(mark, 'w').close()\n        os._exit(1)\n    \
         return 'done'"
    );
    let plugin = stage.start("once", &script, restarted(5)).await;
    let mut request = Request::new("once.once", vec![0xc0]);
    request.idempotent = true;
    let response = wait::within("an answer", plugin.call(request))
        .await
        .unwrap();
    let body = response.collect().await.unwrap();
    assert!(body.bytes.ends_with(b"done"));
}

#[tokio::test]
async fn a_plugin_that_ends_in_order_is_left_alone() {
    let stage = Stage::new();
    let plugin = stage.start("crasher", CRASHER, restarted(5)).await;
    let die = plugin.send_request::<()>("crasher.die", &(0,));
    wait::within("an error", die).await.unwrap_err();
    let mut states = plugin.states();
    let is_stopped = |state| state == State::Stopped;
    wait::within("its rest", states.wait_for(is_stopped)).await;
    assert_eq!(plugin.status().restarts, 0);
    let mut terms = restarted(5);
    terms.restart.as_mut().unwrap().policy = RestartPolicy::Always;
    let plugin = stage
        .start("always", &CRASHER.replace("crasher", "always"), terms)
        .await;
    let die = plugin.send_request::<()>("always.die", &(0,));
    wait::within("an error", die).await.unwrap_err();
    wait::until("another process", || plugin.status().restarts == 1).await;
    let pid = wait::within("an answer", plugin.send_request::<u32>("always.pid", &())).await;
    pid.unwrap();
}

#[tokio::test]
async fn a_busy_plugin_is_never_killed_for_that() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.liveness_timeout = Some(Duration::from_secs(5));
    // All threads compute, and none gives way by itself.
    let script = "@plugin.method\ndef spin(seconds: float) -> int:\n    \
                  end = time.monotonic() + seconds\n    \
                  while time.monotonic() < end:\n        pass\n    return os.getpid()";
    let plugin = stage.start("busy", script, terms).await;
    let pid = plugin.status().instances[0].pid;
    let spins = (0..8).map(|_| {
        let plugin = plugin.clone();
        tokio::spawn(async move { plugin.send_request::<u32>("busy.spin", &(7.0,)).await })
    });
    for spin in spins.collect::<Vec<_>>() {
        assert_eq!(wait::within("an answer", spin).await.unwrap().unwrap(), pid);
    }
    assert_eq!(plugin.status().restarts, 0);
}

#[tokio::test]
async fn a_plugin_without_a_sign_of_life_is_killed_and_replaced() {
    let stage = Stage::new();
    let mut terms = restarted(5);
    terms.liveness_timeout = Some(Duration::from_secs(1));
    let plugin = stage.start("crasher", CRASHER, terms).await;
    let pid = plugin.status().instances[0].pid;
    signal("STOP", pid);
    wait::until("its end", || !is_alive(pid)).await;
    wait::until("another process", || plugin.state() == State::Running).await;
    let end = plugin.status().last_end.unwrap();
    assert!(matches!(end.cause, Cause::Silent { .. }), "{end}");
}

#[tokio::test]
async fn what_does_not_take_its_connection_is_given_up_in_time() {
    let stage = Stage::new();
    let mut terms = restarted(1);
    terms.start_timeout = Duration::from_millis(500);
    let plugin = stage.load("deaf", "time.sleep(1000)", terms).await;
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    let last = match &error {
        RunError::GivenUp { last, .. } => last,
        error => panic!("{error}"),
    };
    assert!(
        matches!(last.cause, Cause::NotRun(RunError::TimedOut { .. })),
        "{last}"
    );
    assert!(plugin.status().instances.is_empty());
}

#[tokio::test]
async fn a_plugin_that_is_not_ready_gets_no_calls() {
    let stage = Stage::new();
    let script = "@plugin.method\ndef rest(seconds: float):\n    \
                  plugin.set_ready(False, 'the cache is cold')\n    \
                  threading.Timer(seconds, plugin.set_ready, [True]).start()\n\
                  @plugin.method\ndef pid() -> int:\n    return os.getpid()";
    let mut terms = trusted();
    terms.patience = Duration::from_millis(300);
    let plugin = stage.start("lazy", script, terms).await;
    plugin
        .send_request::<()>("lazy.rest", &(1.0,))
        .await
        .unwrap();
    wait::until("its word", || !plugin.status().instances[0].ready.ready).await;
    let error = plugin
        .send_request::<u32>("lazy.pid", &())
        .await
        .unwrap_err();
    assert!(error.to_string().contains("the cache is cold"), "{error}");
    assert!(error.is_retryable());
    let mut request = Request::new("lazy.pid", vec![0xc0]);
    request.timeout = Some(wait::PATIENCE);
    wait::within("an answer", plugin.call(request))
        .await
        .unwrap();

    let never = "@plugin.on_start\ndef start():\n    time.sleep(1000)";
    let mut terms = restarted(1);
    terms.ready_timeout = Some(Duration::from_millis(300));
    let plugin = stage.load("never", never, terms).await;
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    assert!(
        error.to_string().contains("not ready within 300ms"),
        "{error}"
    );
}

#[tokio::test]
async fn who_ignores_everything_is_stopped_nevertheless() {
    let stage = Stage::new();
    let script = "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\
                  signal.signal = lambda *_: None\n\
                  os._exit = lambda _: time.sleep(1000)\n\
                  sys.exit = os._exit\n\
                  @plugin.method\ndef forever():\n    time.sleep(1000)";
    let mut terms = trusted();
    terms.drain_timeout = Duration::from_millis(200);
    terms.exit_timeout = Duration::from_millis(200);
    let plugin = stage.start("stubborn", script, terms).await;
    let pid = plugin.status().instances[0].pid;
    let caller = plugin.clone();
    let call =
        tokio::spawn(async move { caller.send_request::<()>("stubborn.forever", &()).await });
    wait::until("a call", || plugin.status().instances[0].in_flight == 1).await;
    wait::within("a stop", plugin.stop()).await;
    assert!(!is_alive(pid));
    wait::within("the call's end", call)
        .await
        .unwrap()
        .unwrap_err();
    let end = plugin.status().last_end.unwrap();
    assert!(matches!(end.cause, Cause::Asked(Exit::Killed)), "{end}");
}

/// Sends a signal by its name.
fn signal(name: &str, pid: u32) {
    let status = Command::new("kill")
        .args([format!("-{name}"), pid.to_string()])
        .status();
    assert!(status.unwrap().success());
}
