//! What clients may not do, and what it costs them.

use std::io::Write;
use std::time::{Duration, Instant};

use linkspan::daemon::wire::{Chunk, FromClient, Outcome, Refusal, Role, VersionCheck};
use linkspan::daemon::{Config, DaemonServer, ServeError};
use linkspan_test::wait;

use super::raw::{Raw, command};
use super::trial::Daemon;

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_client_is_closed_at_the_deadline() {
    let limit = Duration::from_millis(100);
    let daemon = Daemon::with(|config| config.handshake_timeout = limit).await;
    let began = Instant::now();
    let mut silent = Raw::silent(&daemon.address);
    // A beginning is not enough.
    silent.stream.write_all(&[0, 0, 0, 9, 1]).unwrap();
    silent.closed();
    assert!(began.elapsed() >= limit);
    wait::until("it is counted", || daemon.serving().stats().silent == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_that_are_none_end_the_connection() {
    let daemon = Daemon::start().await;
    let malformed: [&[u8]; 6] = [
        b"GET / HTTP/1.1\r\n\r\n",
        // No kind; a kind that is not known; a body that is no map; one that no client sends.
        &[0, 0, 0, 0],
        &[0, 0, 0, 1, 99],
        &[0, 0, 0, 2, 8, 0xC0],
        &[0, 0, 0, 5, 4, 0, 0, 0, 1],
        // A second version check.
        &[0, 0, 0, 2, 1, 0x80],
    ];
    for (number, bytes) in malformed.iter().enumerate() {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["ignore"]);
        raw.accepted(1);
        raw.stream.write_all(bytes).unwrap();
        raw.closed();
        let malformed = number as u64 + 1;
        wait::until("it is counted", || {
            daemon.serving().stats().malformed == malformed
        })
        .await;
    }
    wait::until("they end", || daemon.serving().stats().commands == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_commands_only_grow() {
    let daemon = Daemon::start().await;
    for (first, second) in [(5, 5), (5, 4)] {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(first, &["exit", "0"]);
        raw.run(second, &["exit", "0"]);
        raw.closed();
    }
    let mut raw = Raw::connect(&daemon.address);
    raw.run(0, &["exit", "0"]);
    raw.closed();
    let mut raw = Raw::connect(&daemon.address);
    raw.cancel(1);
    raw.closed();
    wait::until("they are counted", || {
        daemon.serving().stats().malformed == 4
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_over_the_limit_is_not_read() {
    let daemon = Daemon::with(|config| config.max_command_bytes = 70_000).await;
    let mut raw = Raw::connect(&daemon.address);
    let mut fitting = command(1, &["exit", "6"]);
    fitting.payload = vec![0; 69_000].into();
    raw.send(FromClient::Command(Box::new(fitting)));
    assert_eq!(raw.end(1).code(), 6);
    // Its header is enough.
    raw.stream.write_all(&[0, 1, 0x11, 0x72, 2]).unwrap();
    raw.closed();
    wait::until("it is counted", || daemon.serving().stats().malformed == 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_begun_once() {
    let daemon = Daemon::start().await;
    let mut command = command(1, &["exit", "7"]);
    let mut raw = Raw::connect(&daemon.address);
    raw.send(FromClient::Command(Box::new(command.clone())));
    assert_eq!(raw.end(1).code(), 7);
    // Elsewhere, later: the intention counts.
    let mut raw = Raw::connect(&daemon.address);
    raw.send(FromClient::Command(Box::new(command.clone())));
    let message = "a command with this request id was begun before".to_owned();
    let refusal = Refusal::Duplicate;
    assert_eq!(
        raw.end(1).outcome,
        Some(Outcome::Refused { refusal, message })
    );
    assert_eq!(daemon.serving().stats().duplicates, 1);
    // What does no harm may be done again.
    command.idempotent = true;
    command.command = 2;
    raw.send(FromClient::Command(Box::new(command)));
    assert_eq!(raw.end(2).code(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_request_may_come_again() {
    let daemon = Daemon::with(|config| config.max_commands = 1).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    let mut command = command(2, &["exit", "7"]);
    raw.send(FromClient::Command(Box::new(command.clone())));
    assert!(!raw.end(2).is_accepted);
    raw.cancel(1);
    raw.end(1);
    command.command = 3;
    raw.send(FromClient::Command(Box::new(command)));
    assert_eq!(raw.end(3).code(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_nobody_uses_makes_room() {
    let daemon = Daemon::with(|config| config.max_connections = 1).await;
    let mut idle = Raw::connect(&daemon.address);
    idle.run(1, &["exit", "0"]);
    assert_eq!(idle.end(1).code(), 0);
    let attempt = || {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["exit", "0"]);
        match raw.next() {
            Some(linkspan::daemon::wire::FromDaemon::Accepted(_)) => true,
            Some(linkspan::daemon::wire::FromDaemon::Busy(_)) => false,
            other => panic!("{other:?}"),
        }
    };
    wait::until("it has made room", attempt).await;
    idle.closed();
    assert_eq!(daemon.serving().stats().evicted, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_cut_as_the_client_takes_them() {
    let daemon = Daemon::with(|config| config.chunk_bytes = 1 << 20).await;
    let mut check = VersionCheck::new(Role::Client, "trial", "b1");
    check.limits.max_chunk_bytes = 65_536;
    let mut raw = Raw::connect_as(&daemon.address, check);
    raw.run(1, &["blast", "300000"]);
    let mut all = 0;
    while all < 300_000 {
        if let Some(linkspan::daemon::wire::FromDaemon::Stdout(Chunk { data, .. })) = raw.next() {
            assert!(data.len() <= 65_536);
            all += data.len();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_that_cannot_work_are_refused() {
    let mut config = Config::default();
    config.chunk_bytes = 2 << 20;
    let handler = async |_: linkspan::daemon::Command| {
        Ok::<_, std::io::Error>(linkspan::daemon::ExitCode::SUCCESS)
    };
    let server = DaemonServer::new("trial", handler).config(config);
    let refused = server.listen("mem:trial").await.unwrap_err();
    assert!(matches!(refused, ServeError::Config(_)));
    assert_eq!(
        refused.to_string(),
        "chunk_bytes of 2097152 is not between 1 and 1048576"
    );
}
