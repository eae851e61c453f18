//! Plugins that no host has started, and what of the connection is left to others.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use linkspan::plugin::Ready;
use linkspan::rpc::Router;
use linkspan_test::wait;
use serde::Serialize;

use super::{Plugin, command, read_proc};

#[tokio::test]
async fn by_hand_it_explains_itself() {
    let (code, text) = run(command("greeter", &[]).env_remove(VARIABLE)).await;
    assert_eq!(code, Some(64));
    for words in [
        "greeter 1.0 is a plugin",
        "1 to 1",
        "greeter.greet, greeter.greet_all",
        "linkspan plugin install DIR",
        "linkspan plugin call DIR",
    ] {
        assert!(text.contains(words), "{words} is not in {text}");
    }
}

#[tokio::test]
async fn what_is_no_connection_is_refused() {
    for (value, words) in [
        ("three", r#""three" is not the number"#),
        ("1", r#""1" is not the number"#),
        ("-1", r#""-1" is not the number"#),
        ("77", "descriptor 77 is no connected stream socket"),
        ("3", "descriptor 3 is no connected stream socket"),
    ] {
        let (code, text) = run(command("greeter", &[]).env(VARIABLE, value)).await;
        assert_eq!(code, Some(64), "{text}");
        assert!(text.starts_with("greeter: LINKSPAN_PLUGIN_FD: "), "{text}");
        assert!(text.contains(words), "{text}");
    }
}

#[tokio::test]
async fn names_of_linkspan_are_not_for_plugins() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let mut command = command("stubborn", &["reserved"]);
    let process = command.stdin(std::os::fd::OwnedFd::from(theirs));
    let process = process.stderr(Stdio::piped()).spawn().unwrap();
    let output = wait::within("its end", process.wait_with_output()).await;
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(70));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("linkspan.mine"), "{text}");
    drop(ours);
}

#[tokio::test]
async fn its_children_find_nothing_of_the_connection() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let child = plugin.client.send_request("stubborn.child", &());
    let child: String = wait::within("a child", child).await.unwrap();
    assert_eq!(child, "no variable, sockets: 0");
    // The environment that it was started with is not what it hands on.
    assert!(read_proc(&plugin.process, "environ").contains(VARIABLE));
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn its_output_is_its_own() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let print = plugin
        .client
        .send_request::<()>("stubborn.print", &Lines { lines: 100 });
    wait::within("an answer", print).await.unwrap();
    plugin.check_alive().await;
    let Plugin {
        client, process, ..
    } = plugin;
    client.close(wait::PATIENCE).await;
    let output = wait::within("its output", process.wait_with_output()).await;
    let output = output.unwrap();
    let lines = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap().lines().count();
    assert_eq!((lines(&output.stdout), lines(&output.stderr)), (101, 100));
}

#[tokio::test]
async fn readiness_is_told_when_it_changes() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let readiness = Arc::clone(&told);
    let router = Router::new().on_event("linkspan.plugin.ready", move |ready: Ready, _| {
        readiness.lock().unwrap().push(ready);
        std::future::ready(())
    });
    let plugin = Plugin::start("stubborn", router).await;
    wait::until("that it is ready", || told.lock().unwrap().len() == 1).await;
    for _ in 0..2 {
        let unready = Readiness {
            ready: false,
            reason: "cache is being built",
        };
        let set = plugin
            .client
            .send_request::<()>("stubborn.set_ready", &unready);
        wait::within("an answer", set).await.unwrap();
    }
    wait::until("that it is not", || told.lock().unwrap().len() == 2).await;
    let ready = plugin.client.send_request("linkspan.plugin.ready", &());
    let ready: Ready = wait::within("whether it is ready", ready).await.unwrap();
    assert_eq!(ready, Ready::new(false, "cache is being built"));
    assert_eq!(*told.lock().unwrap(), [Ready::new(true, ""), ready]);
    assert!(plugin.stop().await.success());
}

/// Runs to the end; gives the exit code and what was said on standard error.
async fn run(command: &mut tokio::process::Command) -> (Option<i32>, String) {
    let output = command.stdin(Stdio::null()).output();
    let output = wait::within("its end", output).await.unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[derive(Serialize)]
struct Lines {
    lines: u64,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reason: &'static str,
}

const VARIABLE: &str = "LINKSPAN_PLUGIN_FD";
