//! A daemon that never says that it is ready.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use linkspan::daemon::{ClientError, Config, DaemonClient, DaemonId, LifecycleConfig, StartError};

use super::bed::{Bed, read};
use super::library::call;

#[tokio::test]
async fn a_daemon_that_is_never_ready_is_ended_and_all_who_wait_are_told() {
    let bed = Bed::new();
    let directory = bed.runtime.path();
    let program = directory.join("program");
    // Its own start, and then nothing.
    let script =
        "#!/bin/sh\necho \"$$\" >> \"${0%/*}/started\"\necho 'about to hang' >&2\nexec sleep 600\n";
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let waiting: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let client = client(&bed);
            tokio::spawn(async move { client.capture(&call(&["pid"]), "").await })
        })
        .collect();
    for waiting in waiting {
        let error = waiting.await.unwrap().unwrap_err();
        let ClientError::Start(StartError::Failed { message }) = &error else {
            panic!("{error:?}");
        };
        assert!(
            message.starts_with("the daemon was not ready after "),
            "{message}"
        );
        assert!(message.ends_with("about to hang"), "{message}");
        assert_eq!(error.exit_code(), 125);
    }
    let started = read(&directory.join("started"));
    assert!(
        started.lines().count() < CLIENTS,
        "who waits does not try again: {started}"
    );
    for pid in started.lines() {
        let process = os::Process::find(pid.parse().unwrap()).unwrap();
        process.inspect(|process| super::bed::wait_end(*process));
    }
}

/// A client that starts the program, and waits for it for a second.
fn client(bed: &Bed) -> DaemonClient {
    let mut lifecycle = LifecycleConfig::default();
    lifecycle.runtime_directory = Some(bed.runtime.path().join("linkspan"));
    let mut config = Config::default();
    config.spawn_timeout = Duration::from_secs(1);
    let id = DaemonId::new("daemon-example").unwrap();
    let client = DaemonClient::builder(id)
        .lifecycle(lifecycle)
        .config(config);
    client
        .executable(bed.runtime.path().join("program"))
        .build()
        .unwrap()
}

const CLIENTS: usize = 8;
