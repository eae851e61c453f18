//! Input and output: whole, apart, at once, and without filling memory.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::daemon::CancelCause;
use linkspan::daemon::wire::{Chunk, FromClient, FromDaemon, Outcome, Role, Stream, VersionCheck};
use linkspan::transport::{self, Backend};
use linkspan_test::wait;

use super::raw::{Ended, Raw};
use super::trial::Daemon;

const MIB: usize = 1 << 20;

/// Bytes that repeat only after long.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut noise = Vec::with_capacity(bytes + 8);
    while noise.len() < bytes {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        noise.extend_from_slice(&state.to_le_bytes());
    }
    noise.truncate(bytes);
    noise
}

/// Sends input as credit comes, and gives credit for output as it comes.
fn echo(raw: &mut Raw, input: &[u8], pause: Option<Duration>) -> Ended {
    let mut ended = Ended::default();
    let (mut sent, mut credit, mut is_complete) = (0, 0, false);
    loop {
        let piece = credit.min(input.len() - sent).min(48 * 1024);
        if piece > 0 {
            raw.stdin(1, input.get(sent..sent + piece).unwrap());
            (sent, credit) = (sent + piece, credit - piece);
        }
        if sent == input.len() && !is_complete {
            raw.stdin(1, b"");
            is_complete = true;
        }
        if piece > 0 && sent < input.len() && credit > 0 {
            continue;
        }
        match raw.next().unwrap() {
            FromDaemon::Credit(more) => credit += usize::try_from(more.bytes).unwrap(),
            FromDaemon::Stdout(chunk) => {
                ended.stdout.extend_from_slice(&chunk.data);
                raw.credit(1, Stream::Stdout, chunk.data.len());
                // A slow reader: not to wait for something, but to let everything fill up.
                pause.into_iter().for_each(std::thread::sleep);
            }
            FromDaemon::Exit(exit) => {
                ended.outcome = Some(exit.outcome);
                return ended;
            }
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_in_comes_out_byte_by_byte() {
    let daemon = Daemon::start().await;
    for (bytes, pause) in [(64 * MIB, None), (4 * MIB, Some(Duration::from_millis(2)))] {
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["cat"]);
        let input = noise(bytes);
        let ended = echo(&mut raw, &input, pause);
        assert_eq!(ended.code(), 0);
        assert!(
            ended.stdout == input,
            "{} bytes came back",
            ended.stdout.len()
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_backend_carries_commands() {
    for backend in Backend::ALL
        .into_iter()
        .filter(|backend| backend.check().is_ok())
    {
        let mut config = transport::Config::default();
        config.backend = backend;
        let daemon = Daemon::of(|server| server.transport(config)).await;
        let mut raw = Raw::connect(&daemon.address);
        raw.run(1, &["cat"]);
        let input = noise(2 * MIB);
        let ended = echo(&mut raw, &input, None);
        assert!(
            ended.stdout == input,
            "{backend}: {} bytes came back",
            ended.stdout.len()
        );
        raw.run(2, &["wait"]);
        raw.accepted(2);
        drop(raw);
        assert_eq!(daemon.shared.fired().1, CancelCause::Disconnected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn input_in_single_bytes_arrives_whole() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["cat"]);
    raw.accepted(1);
    assert!(matches!(raw.next(), Some(FromDaemon::Credit(_))));
    let input = noise(20_000);
    for byte in &input {
        raw.stdin(1, &[*byte]);
    }
    raw.stdin(1, b"");
    assert_eq!(raw.end(1).stdout, input);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_asked_for_input_gets_no_credit() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["both"]);
    loop {
        match raw.next().unwrap() {
            FromDaemon::Credit(credit) => panic!("{credit:?}"),
            FromDaemon::Exit(_) => break,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_on_one_connection_do_not_wait_for_each_other() {
    let daemon = Daemon::start().await;
    let mut check = VersionCheck::new(Role::Client, "trial", "b1");
    check.stream_credit = 100_000;
    let mut raw = Raw::connect_as(&daemon.address, check);
    raw.run(1, &["blast", "10000000"]);
    let mut held = 0;
    // The first command comes to the end of its credit, and stops there.
    while held < 100_000 {
        if let Some(FromDaemon::Stdout(chunk)) = raw.next() {
            held += chunk.data.len();
        }
    }
    for number in 2..10 {
        raw.run(number, &["both"]);
        assert_eq!(raw.end(number).stdout, b"to stdout");
    }
    raw.credit(1, Stream::Stdout, 10_000_000);
    let ended = raw.end(1);
    assert_eq!(held + ended.stdout.len(), 10_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn interleaved_commands_get_their_own_output() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    let numbers: Vec<u32> = (1..=8).collect();
    for number in &numbers {
        raw.run(*number, &["blast", &(3_000_000 + number).to_string()]);
    }
    let mut all = HashMap::new();
    raw.ends(&numbers, &mut all);
    for number in numbers {
        assert_eq!(all[&number].stdout.len(), 3_000_000 + number as usize);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_readers_at_once_all_get_everything() {
    let daemon = Daemon::start().await;
    let readers: Vec<_> = (0..32)
        .map(|_| Raw::connect(&daemon.address))
        .map(|mut raw| {
            std::thread::spawn(move || {
                raw.run(1, &["blast", "8000000"]);
                raw.end(1).stdout.len()
            })
        })
        .collect();
    for reader in readers {
        assert_eq!(reader.join().unwrap(), 8_000_000);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_reads_nothing_stops_the_handler() {
    let daemon = Daemon::start().await;
    let mut check = VersionCheck::new(Role::Client, "trial", "b1");
    // Credit is no bound here: the socket is.
    check.stream_credit = 1 << 40;
    let mut readers = Vec::new();
    for _ in 0..20 {
        let mut raw = Raw::connect_as(&daemon.address, check.clone());
        raw.run(1, &["blast", "1000000000"]);
        raw.accepted(1);
        readers.push(raw);
    }
    let before = os::peak_memory_bytes().unwrap();
    // The daemon is alive, and answers others; nothing more happens to these.
    let mut other = Raw::connect(&daemon.address);
    for number in 1..=200 {
        other.run(number, &["both"]);
        assert_eq!(other.end(number).code(), 0);
    }
    let grown = os::peak_memory_bytes().unwrap() - before;
    assert!(grown < 16 * MIB as u64, "{grown} bytes for 20 readers");
    wait::until("only they run", || daemon.serving().stats().commands == 20).await;
    drop(readers);
    wait::until("they end", || daemon.serving().stats().commands == 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_bytes_come_while_the_handler_waits() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["cat"]);
    raw.accepted(1);
    assert!(matches!(raw.next(), Some(FromDaemon::Credit(_))));
    for _ in 0..10 {
        let began = Instant::now();
        raw.stdin(1, b"key");
        let Some(FromDaemon::Stdout(chunk)) = raw.next() else {
            panic!("no echo");
        };
        assert_eq!(chunk.data, "key");
        assert!(began.elapsed() < Duration::from_secs(1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_input_than_credit_ends_the_connection() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    raw.stdin(1, b"unasked");
    raw.closed();
    assert_eq!(daemon.serving().stats().malformed, 1);
    wait::until("the command ends", || {
        daemon.serving().stats().commands == 0
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_after_the_end_of_input_ends_the_connection() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    raw.stdin(1, b"");
    let late = Chunk::new(1, Bytes::from_static(b"late"));
    raw.send(FromClient::Stdin(late));
    raw.closed();
    assert_eq!(daemon.serving().stats().malformed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn credit_that_cannot_be_counted_ends_the_connection() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    raw.credit(1, Stream::Stdout, usize::MAX);
    raw.closed();
    assert_eq!(daemon.serving().stats().malformed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_crosses_the_end_of_a_command_is_ignored() {
    let daemon = Daemon::start().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["exit", "3"]);
    assert_eq!(raw.end(1).code(), 3);
    raw.stdin(1, b"late");
    raw.credit(1, Stream::Stdout, 5);
    raw.cancel(1);
    raw.run(2, &["exit", "4"]);
    assert_eq!(raw.end(2).outcome, Some(Outcome::Code { code: 4 }));
}
