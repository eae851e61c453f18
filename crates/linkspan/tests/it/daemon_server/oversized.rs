//! Commands as long as they may be, and longer.

use std::io::Write;

use bytes::Bytes;
use linkspan::daemon::wire::{FromClient, FromDaemon, Outcome, Refusal};
use linkspan_test::wait;

use super::raw::{Raw, command};
use super::trial::Daemon;

const LIMIT: u32 = 100_000;
/// What stands before a body: its length, and the kind `command`.
const HEADER_BYTES: usize = 5;

async fn daemon() -> Daemon {
    Daemon::with(|config| config.max_command_bytes = LIMIT).await
}

/// The frame of a command whose body has so many bytes.
fn frame(bytes: u32) -> Vec<u8> {
    use bytes::Buf;
    use linkspan::daemon::wire::{Encoder, Limits};
    use proto::frame::Segments;

    let encoded = |payload_bytes: usize| {
        let mut command = command(1, &["exit", "7"]);
        command.payload = Bytes::from(vec![b'x'; payload_bytes]);
        let mut out = Segments::new();
        let message = FromClient::Command(Box::new(command));
        message
            .encode(&Encoder::new(Limits::default()), &mut out)
            .unwrap();
        out.copy_to_bytes(out.remaining()).to_vec()
    };
    let bytes = usize::try_from(bytes).unwrap();
    // The payload's own header is as long for all of these lengths.
    let rest = encoded(bytes - 1000).len() - HEADER_BYTES - (bytes - 1000);
    let frame = encoded(bytes - rest);
    assert_eq!(frame.len(), HEADER_BYTES + bytes);
    frame
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_up_to_the_limit_is_run() {
    let daemon = daemon().await;
    for bytes in [LIMIT - 1, LIMIT] {
        let mut raw = Raw::connect(&daemon.address);
        raw.stream.write_all(&frame(bytes)).unwrap();
        assert_eq!(raw.end(1).code(), 7);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_beyond_the_limit_is_refused_in_words() {
    let daemon = daemon().await;
    for (number, bytes) in [LIMIT + 1, 7_000_000].into_iter().enumerate() {
        let mut raw = Raw::connect(&daemon.address);
        // All of it, though the daemon takes nothing in.
        raw.stream.write_all(&frame(bytes)).unwrap();
        let Some(FromDaemon::Exit(exit)) = raw.next() else {
            panic!("no answer");
        };
        assert_eq!(exit.command, 0);
        let refusal = Refusal::Other;
        let message = format!("command of {bytes} bytes exceeds the limit of {LIMIT} bytes");
        assert_eq!(exit.outcome, Outcome::Refused { refusal, message });
        raw.closed();
        let stats = daemon.serving().stats();
        assert_eq!((stats.malformed, stats.accepted), (number as u64 + 1, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_is_enough_for_the_answer() {
    let daemon = daemon().await;
    let mut raw = Raw::connect(&daemon.address);
    raw.run(1, &["ignore"]);
    raw.accepted(1);
    raw.stream.write_all(&[0xff, 0xff, 0xff, 0xff, 2]).unwrap();
    let Some(FromDaemon::Exit(exit)) = raw.next() else {
        panic!("no answer");
    };
    assert_eq!(exit.command, 0);
    raw.closed();
    wait::until("it ends", || daemon.serving().stats().commands == 0).await;
}
