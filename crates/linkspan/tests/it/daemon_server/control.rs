//! Questions about the daemon, also when it has no place for anything else.

use std::time::Duration;

use bytes::Bytes;
use linkspan::daemon::EndReason;
use linkspan::daemon::wire::{
    ControlRequest, DaemonState, FromClient, FromDaemon, LogTail, Outcome, Verb,
};
use linkspan_test::wait;

use super::raw::Raw;
use super::trial::Daemon;

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_says_who_it_is_and_how_it_is_doing() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["exit", "0"]);
    assert_eq!(raw.end(1).code(), 0);
    raw.run(2, &["ignore"]);
    raw.accepted(2);
    let reply = raw.control(Verb::Status);
    let identity = reply.identity.unwrap();
    assert_eq!(identity.daemon_id, "trial");
    assert_eq!(identity.pid, std::process::id());
    assert_eq!(identity.build_timestamp_ms, Some(1_767_225_600_000));
    let status = reply.status.unwrap();
    assert_eq!(status.state, DaemonState::Accepting);
    assert_eq!((status.connections, status.commands), (1, 1));
    assert_eq!((status.commands_total, status.crashes), (2, 3));
    assert_eq!(status.startup, "after a crash, 3 in a row");
    assert!(status.memory_bytes > 0 && status.started_ms > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_to_end_reach_whoever_holds_the_daemon() {
    for (verb, reason) in [
        (Verb::Stop, EndReason::Stop),
        (Verb::Drain, EndReason::Drain),
    ] {
        let daemon = Daemon::start().await;
        let mut raw = Raw::connect(&daemon.address);
        let mut request = ControlRequest::new(verb);
        request.drain_ms = Some(1500);
        assert_eq!(raw.ask(request).error, None);
        let ending = wait::within("it is to end", daemon.serving().ending()).await;
        assert_eq!(ending.reason, reason);
        assert_eq!(ending.limit, Duration::from_millis(1500));
        raw.run(1, &["exit", "0"]);
        assert!(matches!(raw.end(1).outcome, Some(Outcome::Refused { .. })));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_needs_somebody_who_restarts() {
    let daemon = Daemon::start().await;
    let reply = Raw::connect(&daemon.address).control(Verb::Restart);
    assert_eq!(
        reply.error.unwrap(),
        "this daemon cannot be restarted from here"
    );
    let daemon = Daemon::of(|server| server.restartable()).await;
    assert_eq!(
        Raw::connect(&daemon.address).control(Verb::Restart).error,
        None
    );
    let ending = wait::within("it is to end", daemon.serving().ending()).await;
    assert_eq!(
        (ending.reason, ending.limit),
        (EndReason::Restart, Duration::from_secs(30))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_comes_as_far_as_it_fits() {
    let daemon = Daemon::start().await;
    let reply = Raw::connect(&daemon.address).control(Verb::Logs);
    assert_eq!(reply.error.unwrap(), "this daemon has no log file");
    let read = |_| {
        Ok(LogTail::new(
            "/var/trial.log".into(),
            Bytes::from(vec![b'x'; 1 << 20]),
        ))
    };
    let daemon = Daemon::of(|server| server.logs(read)).await;
    let mut raw = Raw::connect(&daemon.address);
    assert_eq!(raw.control(Verb::Logs).log.unwrap().tail.len(), 16 * 1024);
    let mut request = ControlRequest::new(Verb::Logs);
    request.tail_bytes = Some(u32::MAX);
    let log = raw.ask(request).log.unwrap();
    assert_eq!(
        (&log.path[..], log.tail.len()),
        (&b"/var/trial.log"[..], 57_344)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_verb_is_answered() {
    let daemon = Daemon::start().await;
    let reply = Raw::connect(&daemon.address).control(Verb::Unknown);
    assert_eq!(reply.verb, Verb::Unknown);
    assert_eq!(reply.error.unwrap(), "this verb is not known");
}

#[tokio::test(flavor = "multi_thread")]
async fn control_works_when_all_commands_run() {
    let daemon = Daemon::with(|config| config.max_commands = 2).await;
    let mut raw = Raw::connect(&daemon.address);
    for number in [1, 2] {
        raw.run(number, &["ignore"]);
        raw.accepted(number);
    }
    raw.run(3, &["exit", "0"]);
    let Some(FromDaemon::Busy(busy)) = raw.next() else {
        panic!("not busy");
    };
    assert_eq!((busy.command, busy.retry_after_ms), (Some(3), 250));
    assert_eq!(busy.reason, "2 commands run");
    let status = raw.control(Verb::Status).status.unwrap();
    assert_eq!((status.commands, status.busy_total), (2, 1));
    // A place that is given back is there at once.
    raw.cancel(1);
    raw.end(1);
    raw.run(4, &["exit", "4"]);
    assert_eq!(raw.end(4).code(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn control_works_when_all_connections_are_taken() {
    let daemon = Daemon::with(|config| config.max_connections = 2).await;
    let mut busy = Vec::new();
    for _ in 0..2 {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["ignore"]);
        raw.accepted(1);
        busy.push(raw);
    }
    let mut late = Raw::connect(&daemon.address);
    let Some(FromDaemon::Busy(answer)) = late.next() else {
        panic!("not busy");
    };
    assert_eq!(
        (answer.command, answer.reason.as_str()),
        (None, "2 connections")
    );
    assert_eq!(late.control(Verb::Status).status.unwrap().commands, 2);
    late.run(1, &["exit", "0"]);
    assert_eq!(late.control(Verb::Stop).error, None);
    let ending = wait::within("it is to end", daemon.serving().ending()).await;
    assert_eq!(ending.reason, EndReason::Stop);
    assert_eq!(daemon.serving().stats().accepted, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_questions_fills_no_memory() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.stream
        .set_write_timeout(Some(Duration::from_millis(200)))
        .unwrap();
    // Nobody reads the answers, so at some point the daemon reads no more questions.
    let question = || FromClient::Control(ControlRequest::new(Verb::Status));
    let sent = (0..1_000_000)
        .take_while(|_| raw.try_send(&question()).is_ok())
        .count();
    assert!(sent < 200_000, "{sent} questions were taken");
    let reply = Raw::connect(&daemon.address).control(Verb::Identify);
    assert!(reply.identity.is_some());
}
