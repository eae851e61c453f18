//! Much data: every byte arrives, and none of it stays in the daemon.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::thread;

use super::bed::{Bed, example, scaled, shown, text};

#[test]
fn what_goes_through_a_daemon_arrives_byte_by_byte() {
    let bed = Bed::new();
    let daemon = bed.pid();
    let pieces = scaled(64, 1024);
    let mut client = bed.command(["cat"]).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = client.stdin.take().unwrap();
    let mut stdout = client.stdout.take().unwrap();
    let writer = thread::spawn(move || {
        let mut piece = noise();
        for number in 0..pieces {
            mark(&mut piece, number);
            stdin.write_all(&piece).unwrap();
        }
    });
    let (mut expected, mut piece) = (noise(), vec![0; PIECE_BYTES]);
    for number in 0..pieces {
        mark(&mut expected, number);
        stdout.read_exact(&mut piece).unwrap();
        assert!(piece == expected, "piece {number} is another");
    }
    assert_eq!(stdout.read(&mut piece).unwrap(), 0, "there is more");
    writer.join().unwrap();
    let output = client.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", shown(&output));
    assert_eq!(bed.pid(), daemon);
    #[cfg(target_os = "linux")]
    assert_flat(daemon);
}

/// Memory was never more than what is promised, or than twice that without optimisation.
#[cfg(target_os = "linux")]
fn assert_flat(daemon: u32) {
    let status = super::bed::read(format!("/proc/{daemon}/status").as_ref());
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = line.and_then(|line| line.split_whitespace().next());
    let peak: u64 = peak.unwrap().parse().unwrap();
    super::bed::note(&format!("peak memory of the daemon: {peak} KiB"));
    let most = if cfg!(debug_assertions) { 16 } else { 8 };
    assert!(peak < most * 1024, "{peak} KiB");
}

#[test]
fn a_pipeline_that_has_enough_is_quiet() {
    let bed = Bed::new();
    let mut command = Command::new("sh");
    let script = r#"{ "$0" blast 1000000000; echo "code $?" >&2; } | head -c 10"#;
    bed.furnish(&mut command).args(["-c", script]);
    let output = command
        .arg(example("daemon").get_program())
        .output()
        .unwrap();
    assert_eq!(output.stdout, b"xxxxxxxxxx", "{}", shown(&output));
    // As of a program that SIGPIPE has ended.
    assert_eq!(text(&output.stderr), "code 141\n");
    bed.wait_running(0);
}

/// Bytes without a pattern, always the same; their number fits no buffer.
fn noise() -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(PIECE_BYTES + 8);
    while bytes.len() < PIECE_BYTES {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(PIECE_BYTES);
    bytes
}

/// Makes a piece another than all others.
fn mark(piece: &mut [u8], number: usize) {
    let beginning = piece.get_mut(..8).unwrap();
    beginning.copy_from_slice(&(number as u64).to_le_bytes());
}

/// About 1 MiB, and more than that.
const PIECE_BYTES: usize = 1_048_583;
