//! The client as a library: output in memory, many commands on one connection.

use std::time::Duration;

use linkspan::daemon::{
    Build, BuildPolicy, ClientError, Config, DaemonClient, DaemonId, Invocation, LifecycleConfig,
    StartError,
};

use super::bed::{Bed, example, find};

/// A client of the example's daemon in the test's own directory.
pub(super) fn client(bed: &Bed) -> DaemonClient {
    let mut lifecycle = LifecycleConfig::default();
    // The program finds the same by the variable that its clients are given.
    lifecycle.runtime_directory = Some(bed.runtime.path().join("linkspan"));
    let id = DaemonId::new("daemon-example").unwrap();
    let client = DaemonClient::builder(id).lifecycle(lifecycle);
    client
        .executable(example("daemon").get_program())
        .build()
        .unwrap()
}

pub(super) fn call(words: &[&str]) -> Invocation {
    Invocation::new(std::iter::once("daemon").chain(words.iter().copied()))
}

#[tokio::test]
async fn many_commands_at_once_share_a_connection() {
    let bed = Bed::new();
    let daemon = bed.pid();
    let client = client(&bed);
    let tasks = (0..50_u32).map(|number| {
        let client = client.clone();
        tokio::spawn(async move {
            let input = number.to_le_bytes().repeat(20_000);
            let output = client
                .capture(&call(&["cat"]), input.clone())
                .await
                .unwrap();
            assert!(output.stdout == input && output.finished.code() == Some(0));
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    let status = bed.run(["--daemon", "status"]);
    let status = super::bed::text(&status.stdout);
    assert!(
        status.contains("51 were accepted, 2 connections"),
        "{status}"
    );
    let output = client.capture(&call(&["pid"]), "").await.unwrap();
    assert_eq!(output.stdout, format!("{daemon}\n"));
    let failed = client.capture(&call(&["fail"]), "").await.unwrap();
    assert_eq!(failed.finished.code(), Some(1));
    assert!(
        failed
            .finished
            .error
            .unwrap()
            .message
            .contains("no such word")
    );
}

#[tokio::test]
async fn a_deadline_cancels_the_command_only() {
    let bed = Bed::new();
    let daemon = bed.pid();
    let client = client(&bed);
    let mut slow = call(&["sleep", "60", "--silent"]);
    slow.deadline = Some(Duration::from_millis(100));
    let error = client.capture(&slow, "").await.unwrap_err();
    assert!(matches!(error, ClientError::Deadline { .. }), "{error}");
    assert_eq!(error.exit_code(), 124);
    linkspan_test::wait::until("the command is gone", || {
        let status = bed.run(["--daemon", "status"]);
        super::bed::text(&status.stdout).contains("\n0 commands run")
    })
    .await;
    let output = client.capture(&call(&["pid"]), "").await.unwrap();
    assert_eq!(output.stdout, format!("{daemon}\n"));
}

#[tokio::test]
async fn a_client_outlives_its_daemons() {
    let bed = Bed::new();
    let client = client(&bed);
    for _ in 0..3 {
        let output = client.capture(&call(&["exit", "3"]), "").await.unwrap();
        assert_eq!(output.finished.code(), Some(3));
        let daemon = find(bed.pid());
        daemon.kill().unwrap();
        super::bed::wait_end(daemon);
        let output = client.capture(&call(&["exit", "4"]), "").await.unwrap();
        assert_eq!(output.finished.code(), Some(4));
        let stopped = bed.run(["--daemon", "stop"]);
        assert!(stopped.status.success(), "{}", super::bed::shown(&stopped));
    }
}

#[tokio::test]
async fn a_command_that_was_accepted_is_repeated_only_if_that_is_declared_harmless() {
    let bed = Bed::new();
    let client = client(&bed);
    for is_idempotent in [true, false] {
        let daemon = find(bed.pid());
        let mut slow = call(&["sleep", "1", "--silent"]);
        slow.is_idempotent = is_idempotent;
        let running = {
            let client = client.clone();
            tokio::spawn(async move { client.capture(&slow, "").await })
        };
        linkspan_test::wait::until("the command runs", || {
            let status = bed.run(["--daemon", "status"]);
            super::bed::text(&status.stdout).contains("\n1 commands run")
        })
        .await;
        daemon.kill().unwrap();
        let result = running.await.unwrap();
        match is_idempotent {
            true => assert_eq!(result.unwrap().finished.code(), Some(0)),
            false => assert!(matches!(result, Err(ClientError::Lost(_))), "{result:?}"),
        }
    }
}

#[tokio::test]
async fn no_more_than_some_daemons_finish_commands_and_then_clients_wait() {
    let bed = Bed::new();
    let first = bed.pid();
    let sleeping = {
        let client = client(&bed);
        tokio::spawn(async move { client.capture(&call(&["sleep", "60"]), "").await })
    };
    linkspan_test::wait::until("the command runs", || {
        let status = bed.run(["--daemon", "status"]);
        super::bed::text(&status.stdout).contains("\n1 commands run")
    })
    .await;
    // Each is of another build than the daemon.
    let second = impatient(&bed, "second")
        .capture(&call(&["pid"]), "")
        .await
        .unwrap();
    assert_ne!(second.stdout, format!("{first}\n"));
    let third = impatient(&bed, "third");
    let error = third.capture(&call(&["pid"]), "").await.unwrap_err();
    let drainers = matches!(
        &error,
        ClientError::Start(StartError::Drainers { drainers: 1, .. })
    );
    assert!(drainers && error.exit_code() == 126, "{error}");
    let first = find(first);
    sleeping.abort();
    let gone = || !first.is_alive().unwrap();
    linkspan_test::wait::until("the first has ended", gone).await;
    let output = third.capture(&call(&["pid"]), "").await.unwrap();
    assert_ne!(output.stdout, second.stdout);
}

#[tokio::test]
async fn builds_that_are_declared_compatible_share_a_daemon() {
    let bed = Bed::new();
    let daemon = bed.pid();
    let mut lifecycle = LifecycleConfig::default();
    lifecycle.runtime_directory = Some(bed.runtime.path().join("linkspan"));
    lifecycle.build_policy = BuildPolicy::Share;
    let id = DaemonId::new("daemon-example").unwrap();
    let client = DaemonClient::builder(id)
        .lifecycle(lifecycle)
        .build_id(Build::named("another"))
        .build()
        .unwrap();
    let output = client.capture(&call(&["pid"]), "").await.unwrap();
    assert_eq!(output.stdout, format!("{daemon}\n"));
}

/// A client that lets one daemon finish its commands, and waits 2 s for more.
fn impatient(bed: &Bed, build: &str) -> DaemonClient {
    let mut lifecycle = LifecycleConfig::default();
    lifecycle.runtime_directory = Some(bed.runtime.path().join("linkspan"));
    lifecycle.executable = Some(example("daemon").get_program().into());
    lifecycle.build_policy = BuildPolicy::Replace;
    lifecycle.max_drainers = 1;
    let mut config = Config::default();
    config.spawn_timeout = Duration::from_secs(1);
    let id = DaemonId::new("daemon-example").unwrap();
    let client = DaemonClient::builder(id)
        .lifecycle(lifecycle)
        .config(config);
    client.build_id(Build::named(build)).build().unwrap()
}
