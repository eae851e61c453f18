//! Daemons and clients that speak the frames by hand.

mod control;
mod ending;
mod limits;
mod oversized;
mod raw;
mod rights;
mod stream;
mod streams;
mod trial;

use std::collections::HashMap;

use bytes::Bytes;
use linkspan::codec::{Codec, Encode};
use linkspan::daemon::wire::{FromClient, Outcome, Resize, Signal, Size};

use raw::{Raw, command};
use trial::Daemon;

#[tokio::test(flavor = "multi_thread")]
async fn every_exit_code_arrives_as_it_is() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    for code in 0..=255 {
        raw.run(code + 1, &["exit", &code.to_string()]);
        assert_eq!(raw.end(code + 1).code(), code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_stay_apart() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["both"]);
    let ended = raw.end(1);
    assert!(ended.is_accepted);
    assert_eq!(ended.stdout, b"to stdout");
    assert_eq!(ended.stderr, b"to stderr");
    assert_eq!(ended.code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_sees_what_the_client_was_called_with() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    let mut command = command(1, &["facts"]);
    command.arguments.push(Bytes::from_static(ODD.0));
    command.cwd = Bytes::from_static(ODD.0);
    command.environment = vec![(Bytes::from_static(b"LANG"), Bytes::from_static(b"C"))];
    command.payload = vec![1_u32, 2].encode(Codec::Msgpack).unwrap().bytes;
    raw.send(FromClient::Command(Box::new(command)));
    let text = String::from_utf8(raw.end(1).stdout).unwrap();
    let odd = ODD.1;
    let expected = format!(
        r#"["trial", "facts", "{odd}"] "{odd}" [("LANG", "C")] [1, 2] after a crash, 3 in a row Some("C") "#
    );
    let principal = text.strip_prefix(&expected);
    let is_user = principal.is_some_and(|name| name.starts_with(USER));
    assert!(is_user, "{text}");
}

/// A name that is no Unicode, and how it is shown: any bytes on Unix, half a pair of UTF-16 on Windows.
const ODD: (&[u8], &str) = match cfg!(windows) {
    true => (b"a\xED\xA0\xBD.txt", r"a\u{d83d}.txt"),
    false => (b"a\xff.txt", r"a\xFF.txt"),
};
/// How users are named.
const USER: &str = if cfg!(windows) { "sid:" } else { "uid:" };

#[tokio::test(flavor = "multi_thread")]
async fn sizes_and_signals_reach_the_handler() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["size"]);
    raw.run(2, &["signal"]);
    raw.send(FromClient::Resize(Resize::new(1, Size::new(120, 50))));
    raw.send(FromClient::Signal(Signal::new(2, 10)));
    let mut all = HashMap::new();
    raw.ends(&[1, 2], &mut all);
    assert_eq!(all[&1].stdout, b"120x50");
    assert_eq!(all[&2].outcome, Some(Outcome::Signal { signal: 10 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_comes_with_its_causes() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["fail"]);
    let ended = raw.end(1);
    let error = ended.error.as_ref().unwrap();
    assert_eq!(error.message, "cannot read words.txt");
    assert_eq!(error.chain, ["no such file"]);
    assert_eq!(ended.code(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_ends_its_command_only() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["cat"]);
    raw.accepted(1);
    raw.run(2, &["panic"]);
    let ended = raw.end(2);
    let message = "the handler panicked: out of spells".to_owned();
    assert_eq!(ended.outcome, Some(Outcome::Aborted { message }));
    assert_eq!(daemon.serving().stats().panics, 1);
    raw.stdin(1, b"");
    assert_eq!(raw.end(1).code(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_of_its_own_leaves_a_client_with_control() {
    use linkspan::daemon::wire::{Role, Verb, VersionCheck};

    let daemon = Daemon::start().await;
    let mut check = VersionCheck::new(Role::Client, "trial", "b9");
    check.versions = proto::message::VersionRange::new(7, 9);
    let mut raw = Raw::connect_as(&daemon.address, check);
    let identity = raw.control(Verb::Identify).identity.unwrap();
    assert_eq!(identity.build_id, "b7");
    raw.run(1, &["exit", "0"]);
    raw.closed();
    assert_eq!(daemon.serving().stats().malformed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_another_daemon_runs_nothing_here() {
    use linkspan::daemon::wire::{Refusal, Role, VersionCheck};

    let daemon = Daemon::start().await;
    let check = VersionCheck::new(Role::Client, "other", "b7");
    let mut raw = Raw::connect_as(&daemon.address, check);
    raw.run(1, &["exit", "0"]);
    let refusal = Refusal::Other;
    let message = "this is daemon trial, not other".to_owned();
    assert_eq!(
        raw.end(1).outcome,
        Some(Outcome::Refused { refusal, message })
    );
}
