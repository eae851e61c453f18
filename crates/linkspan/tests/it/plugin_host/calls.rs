//! Starting, calling and stopping.

use std::time::Duration;

use linkspan::plugin::host::{Cause, Exit, State};
use linkspan::rpc::{CallError, Streaming};
use linkspan_test::wait;

use super::support::{Stage, is_alive, trusted};

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, CallError>;
    async fn greet_all(&self, names: Streaming<String>) -> Result<String, CallError>;
    async fn letters(&self, name: String) -> Result<Streaming<String>, CallError>;
}

const GREETER: &str = r#"
@plugin.method
def greet(name: str) -> str:
    return f"Hello, {name}!"

@plugin.method
def greet_all(names: Iterable[str]) -> str:
    return f"Hello, {' and '.join(names)}!"

@plugin.stream
def letters(name: str):
    yield from name
"#;

#[tokio::test]
async fn a_generated_client_calls_and_streams_both_ways() {
    let stage = Stage::new();
    let plugin = stage.start("greeter", GREETER, trusted()).await;
    assert_eq!(plugin.state(), State::Running);
    let greeter = GreeterClient::new(plugin.clone());
    let greeted = wait::within("an answer", greeter.greet("Ada".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada!");
    let names = Streaming::from_values(["Ada", "Bo"].map(str::to_owned));
    let greeted = wait::within("an answer to items", greeter.greet_all(names)).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada and Bo!");
    let mut letters = greeter.letters("Ada".into()).await.unwrap();
    let mut spelt = Vec::new();
    while let Some(letter) = wait::within("a letter", letters.next()).await {
        spelt.push(letter.unwrap());
    }
    assert_eq!(spelt, ["A", "d", "a"]);
    let status = plugin.status();
    assert_eq!((status.restarts, status.instances.len()), (0, 1));
    let [instance] = status.instances.as_slice() else {
        panic!("{status:?}");
    };
    assert_eq!((instance.calls, instance.in_flight), (3, 0));
    assert!(instance.ready.ready && is_alive(instance.pid));

    wait::within("a stop", plugin.stop()).await;
    assert_eq!(plugin.state(), State::Stopped);
    assert!(!is_alive(instance.pid));
    let end = plugin.status().last_end.unwrap();
    assert!(matches!(end.cause, Cause::Asked(Exit::Code(0))), "{end}");
    let error = greeter.greet("Ada".into()).await.unwrap_err();
    assert!(error.to_string().contains("was stopped"), "{error}");
    assert!(!error.is_retryable());

    wait::within("another start", plugin.start()).await.unwrap();
    assert_eq!(greeter.greet("Bo".into()).await.unwrap(), "Hello, Bo!");
    wait::within("the host's stop", stage.host.stop()).await;
}

#[tokio::test]
async fn a_call_waits_for_a_plugin_that_starts() {
    let stage = Stage::new();
    let script = format!("time.sleep(0.3)\n{GREETER}");
    let plugin = stage.load("greeter", &script, trusted()).await;
    let greeter = GreeterClient::new(plugin.clone());
    let early = greeter.greet("Ada".into()).await.unwrap_err();
    assert!(early.to_string().contains("was not started"), "{early}");
    let starting = tokio::spawn(async move { plugin.start().await });
    let mut states = stage.host.plugin("greeter").unwrap().states();
    let is_coming = |state| state != State::Created;
    wait::within("its start", states.wait_for(is_coming)).await;
    let greeted = wait::within("an answer", greeter.greet("Ada".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada!");
    starting.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_dropped_host_leaves_nothing() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.instances = Some(3);
    let script = "import subprocess\nchild = subprocess.Popen(['sleep', '1000'])\n\
                  @plugin.method\ndef child_pid() -> int:\n    return child.pid";
    let plugin = stage.start("parent", script, terms).await;
    let status = plugin.status();
    let mut pids: Vec<u32> = status.instances.iter().map(|one| one.pid).collect();
    for _ in 0..3 {
        pids.push(plugin.send_request("parent.child_pid", &()).await.unwrap());
    }
    assert!(pids.iter().all(|pid| is_alive(*pid)));
    drop(stage);
    wait::until("their end", || !pids.iter().any(|pid| is_alive(*pid))).await;
    let error = plugin.start().await.unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
    let call = plugin.send_request::<u32>("parent.child_pid", &());
    wait::within("an answer", call).await.unwrap_err();
}

#[tokio::test]
async fn calls_are_spread_over_instances() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.instances = Some(3);
    let script = "@plugin.method\ndef pid(seconds: float) -> int:\n    time.sleep(seconds)\n    \
                  return os.getpid()";
    let plugin = stage.start("many", script, terms).await;
    let calls = (0..3).map(|_| plugin.send_request::<u32>("many.pid", &(0.2,)));
    let calls: Vec<_> = calls.map(Box::pin).collect();
    let mut pids = Vec::new();
    for call in join(calls).await {
        pids.push(call.unwrap());
    }
    pids.sort_unstable();
    pids.dedup();
    assert_eq!(pids.len(), 3);
    let status = plugin.status();
    assert!(
        status.instances.iter().all(|one| one.calls == 1),
        "{status:?}"
    );
    wait::within("a stop", plugin.stop()).await;
    assert!(!pids.iter().any(|pid| is_alive(*pid)));
}

/// Runs futures side by side.
async fn join<T>(futures: Vec<impl Future<Output = T> + Unpin>) -> Vec<T> {
    use std::task::Poll;
    let mut running: Vec<_> = futures.into_iter().map(Ok).collect();
    std::future::poll_fn(|cx| {
        for one in &mut running {
            if let Ok(future) = one
                && let Poll::Ready(output) = std::pin::Pin::new(future).poll(cx)
            {
                *one = Err(output);
            }
        }
        match running.iter().all(Result::is_err) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    running.into_iter().filter_map(Result::err).collect()
}

#[tokio::test]
async fn deadlines_and_cancelling_go_through() {
    let stage = Stage::new();
    let script = "cancelled = []\n\
                  @plugin.method\ndef slow(cx: Context):\n    cx.wait(60)\n    cancelled.append(1)\n\
                  @plugin.method\ndef count() -> int:\n    return len(cancelled)";
    let plugin = stage.start("slow", script, trusted()).await;
    let mut request = linkspan::rpc::Request::new("slow.slow", vec![0xc0]);
    request.timeout = Some(Duration::from_millis(50));
    let error = wait::within("a deadline", plugin.call(request)).await;
    assert_eq!(error.unwrap_err(), CallError::DeadlineExceeded);
    let call = plugin.send_request::<()>("slow.slow", &());
    tokio::time::timeout(Duration::from_millis(50), call)
        .await
        .unwrap_err();
    let mut count = 0;
    while count < 2 {
        count = wait::within("a count", plugin.send_request::<u32>("slow.count", &()))
            .await
            .unwrap();
    }
    assert_eq!(plugin.status().instances[0].in_flight, 0);
}
