//! Commands and wishes that their clients may not have.

use std::num::NonZeroU32;

use linkspan::auth::policy::{Guard, Policy, Role, Roles};
use linkspan::auth::quota::{Quota, Quotas};
use linkspan::daemon::DaemonServer;
use linkspan::daemon::wire::{FromDaemon, Outcome, Refusal, Verb};
use linkspan_test::wait;

use super::raw::Raw;
use super::trial::Daemon;

/// A policy where this user may do what `rights` say, and no more.
fn policy(rights: &[&str]) -> Policy {
    let user = os::own_credentials().user.to_string();
    let rights = rights.iter().map(|right| right.parse().unwrap());
    let role = Role::new(rights).with_members([user]);
    Policy::new(Roles::new().with("tester", role)).without_owner()
}

async fn daemon(guard: &Guard) -> Daemon {
    let guard = guard.clone();
    Daemon::of(|server: DaemonServer| server.guard(guard)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_not_permitted_is_refused_and_another_policy_holds_at_once() {
    let guard = Guard::new(policy(&["daemon.command:another"]));
    let daemon = daemon(&guard).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["exit", "7"]);
    let Some(Outcome::Refused { refusal, message }) = raw.end(1).outcome else {
        panic!("it was not refused");
    };
    assert_eq!(refusal, Refusal::Denied);
    assert!(
        message.ends_with("may not daemon.command:trial"),
        "{message}"
    );
    guard.replace(policy(&["daemon.command:trial"]));
    raw.run(2, &["exit", "7"]);
    assert_eq!(raw.end(2).code(), 7);
    assert_eq!(daemon.serving().stats().denied, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn wishes_about_the_daemon_are_asked_about_one_by_one() {
    let guard = Guard::new(policy(&["daemon.control:status"]));
    let daemon = daemon(&guard).await;
    let mut raw = Raw::connect(&daemon.address);
    assert!(raw.control(Verb::Status).status.is_some());
    // Who it is, it has said before.
    assert_eq!(raw.control(Verb::Identify).error, None);
    for verb in [Verb::Stop, Verb::Drain, Verb::Restart, Verb::Logs] {
        let reply = raw.control(verb);
        let error = reply.error.unwrap();
        assert!(error.contains("may not daemon.control:"), "{error}");
        assert!(reply.log.is_none());
    }
    raw.run(1, &["exit", "0"]);
    assert!(matches!(raw.end(1).outcome, Some(Outcome::Refused { .. })));
    assert!(raw.control(Verb::Status).status.is_some());
    assert_eq!(daemon.serving().stats().denied, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_has_its_place_until_it_has_ended() {
    let guard = Guard::new(policy(&["daemon.command:*"]));
    let mut quotas = Quotas::new(Quota::default().at_once(NonZeroU32::MIN));
    quotas.owner_is_exempt = false;
    guard.replace_quotas(quotas);
    let daemon = daemon(&guard).await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["wait"]);
    raw.accepted(1);
    raw.run(2, &["exit", "0"]);
    match raw.next() {
        Some(FromDaemon::Busy(busy)) => {
            assert_eq!(busy.command, Some(2));
            assert!(busy.retry_after_ms > 0);
        }
        other => panic!("{other:?}"),
    }
    raw.cancel(1);
    raw.end(1);
    raw.run(3, &["exit", "0"]);
    assert_eq!(raw.end(3).code(), 0);
    // A client that is gone gives its place back, too.
    raw.run(4, &["wait"]);
    raw.accepted(4);
    drop(raw);
    wait::until("the end of the command", || {
        daemon.serving().stats().commands == 0
    })
    .await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["exit", "0"]);
    assert_eq!(raw.end(1).code(), 0);
    assert_eq!(daemon.serving().stats().limited, 1);
}
