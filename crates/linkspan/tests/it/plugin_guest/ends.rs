//! How plugins end.

use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use linkspan::plugin::{LogLevel, Ready};
use linkspan::rpc::{CallError, Router, Streaming};
use linkspan_test::wait;
use rustix::process::{Pid, Signal, kill_process};
use serde::Serialize;

use super::{Logged, Plugin, command};

#[tokio::test]
async fn it_ends_with_its_connection() {
    let mut plugin = Plugin::start("stubborn", Router::new()).await;
    plugin.sever();
    assert!(plugin.end().await.success());
    let (printed, errors) = plugin.printed().await;
    assert_eq!((printed.as_str(), errors.as_str()), ("stopped\n", ""));
}

#[tokio::test]
async fn it_ends_with_its_host_though_every_thread_is_kept() {
    let mut plugin = Plugin::start("stubborn", Router::new()).await;
    for _ in 0..40 {
        let client = plugin.client.clone();
        let block = Millis { millis: 3_600_000 };
        tokio::spawn(async move { client.send_request::<u64>("stubborn.block", &block).await });
    }
    plugin.check_alive().await;
    plugin.sever();
    assert!(plugin.end().await.success());
}

#[tokio::test]
async fn it_ends_with_its_host_though_it_is_still_starting() {
    let mut plugin = Plugin::start_with("stubborn", &["hang"], Router::new()).await;
    let ready = plugin.client.send_request("linkspan.plugin.ready", &());
    let ready: Ready = wait::within("whether it is ready", ready).await.unwrap();
    assert_eq!(ready, Ready::new(false, "starting"));
    plugin.sever();
    assert!(plugin.end().await.success());
}

#[tokio::test]
async fn a_goodbye_lets_handlers_finish() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let client = plugin.client.clone();
    let waiting = Millis { millis: 300 };
    let block = client.send_request::<u64>("stubborn.block", &waiting);
    let wait = client.send_request::<u64>("stubborn.wait", &waiting);
    let (blocked, waited, status) = tokio::join!(block, wait, async {
        plugin.check_alive().await;
        plugin.stop().await
    });
    assert_eq!((blocked, waited), (Ok(300), Ok(300)));
    assert!(status.success());
}

#[tokio::test]
async fn sigterm_lets_handlers_finish_and_takes_nothing_new() {
    let mut plugin = Plugin::start("stubborn", Router::new()).await;
    let client = plugin.client.clone();
    let waiting = Millis { millis: 500 };
    let begun = tokio::spawn(async move {
        let answer = client.send_request::<u64>("stubborn.block", &waiting);
        answer.await
    });
    plugin.check_alive().await;
    let pid = i32::try_from(plugin.process.id().unwrap()).unwrap();
    // ^C on a terminal is for the host to see to.
    kill_process(Pid::from_raw(pid).unwrap(), Signal::INT).unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::TERM).unwrap();
    let client = plugin.client.clone();
    wait::until("its goodbye", || client.connection().is_none()).await;
    let refused = client.send_request::<u64>("stubborn.block", &Millis { millis: 0 });
    let refused = wait::within("a refusal", refused).await;
    assert!(matches!(refused, Err(CallError::NotAccepted { .. })));
    assert_eq!(wait::within("an answer", begun).await.unwrap(), Ok(500));
    assert!(plugin.end().await.success());
}

#[tokio::test]
async fn it_can_end_by_itself() {
    let mut plugin = Plugin::start("stubborn", Router::new()).await;
    let stop = plugin.client.send_request::<()>("stubborn.stop", &());
    wait::within("an answer", stop).await.unwrap();
    assert!(plugin.end().await.success());
}

#[tokio::test]
async fn one_that_dies_in_mid_stream_fails_its_callers() {
    let mut plugin = Plugin::start("stubborn", Router::new()).await;
    let numbers = NumbersClient::new(plugin.client.clone());
    let numbers = wait::within("a stream", numbers.die_after(3)).await;
    let mut numbers = numbers.unwrap();
    let mut read = Vec::new();
    let error = loop {
        match wait::within("an item", numbers.next()).await.unwrap() {
            Ok(number) => read.push(number),
            Err(error) => break error,
        }
    };
    assert_eq!(read, [1, 2, 3]);
    assert!(
        matches!(error, CallError::OutcomeUnknown { .. }),
        "{error:?}"
    );
    assert_eq!(plugin.end().await.signal(), Some(6));
}

#[tokio::test]
async fn one_that_cannot_start_says_why() {
    let logged = Logged::default();
    let mut plugin = Plugin::start_with("stubborn", &["fail"], logged.router()).await;
    assert_eq!(plugin.end().await.code(), Some(70));
    let record = logged.expect("why", |record| record.level == LogLevel::Error);
    let message = record.await.message;
    assert_eq!(message, "the plugin cannot start: there is no cache");
}

#[tokio::test]
async fn a_host_that_breaks_the_rules_is_told_and_left() {
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    let process = command("stubborn", &[])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    ours.write_all(&[b'x'; 200]).unwrap();
    let output = wait::within("its end", process.wait_with_output()).await;
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(76));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.starts_with("stubborn: "), "{text}");
}

/// Numbers, and no process any more.
#[linkspan::service(name = "stubborn")]
trait Numbers {
    async fn die_after(&self, number: u64) -> Result<Streaming<u64>, CallError>;
}

#[derive(Serialize)]
struct Millis {
    millis: u64,
}
