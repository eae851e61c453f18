//! `linkspan exchange`: real processes on both sides.

use std::fs;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use rustix::process::{Signal, kill_process};
use serde_json::Value;

use crate::support::{Lines, Place, finish, pid, run_with_input, until};

/// A server of exchanges.
struct Echo {
    lines: Lines,
    address: String,
}

impl Echo {
    #[track_caller]
    fn start(place: &Place, address: &str, options: &[&str]) -> Self {
        let mut command = place.command(["exchange", "serve", address, "--echo", "--json"]);
        command.args(options);
        let lines = Lines::start(command);
        let ready = lines.find("it is ready", |line| line["event"] == "ready");
        let address = ready["address"].as_str().unwrap().to_owned();
        Self { lines, address }
    }

    /// Stops it; gives what it counted, and its log.
    #[track_caller]
    fn stop(mut self) -> (Value, String) {
        kill_process(pid(&self.lines.child), Signal::INT).unwrap();
        let mut last = self
            .lines
            .find("its report", |line| line["event"] == "stopped");
        let (code, log) = self.lines.ends();
        assert_eq!(code, Some(0), "{log}");
        (last["exchange"].take(), log)
    }
}

/// Bytes of every value, also such as are no text.
fn message(length: usize) -> Vec<u8> {
    (0..=250).cycle().step_by(7).take(length).collect()
}

#[test]
fn bytes_come_back_over_every_transport_backend_and_variant() {
    let place = Place::new();
    fs::write(place.path("message.bin"), message(1 << 20)).unwrap();
    let unix = format!("unix:{}", place.path("echo.sock").display());
    for (address, options) in [
        (unix.as_str(), &["--crc32", "ieee"][..]),
        (
            &unix,
            &["--crc32", "Castagnoli", "--backend", "interprocess"],
        ),
        (&unix, &["--backend", "legacy"]),
        ("tcp:127.0.0.1:0", &["--crc32", "castagnoli"]),
        ("tcp:127.0.0.1:0", &[]),
    ] {
        let echo = Echo::start(&place, address, options);
        let send = ["exchange", "send", &echo.address, "--file", "message.bin"];
        let to_file = ["--output", "answer.bin"];
        place.run(send.iter().chain(options).chain(&to_file)).ok();
        assert!(fs::read(place.path("answer.bin")).unwrap() == message(1 << 20));

        let mut command = place.command(send.iter().chain(options));
        let child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        let sent = child.unwrap().wait_with_output().unwrap();
        assert!(sent.stdout == message(1 << 20), "{address} {options:?}");
        let (counts, log) = echo.stop();
        assert_eq!(
            (&counts["answered"], log.as_str()),
            (&2.into(), ""),
            "{counts}"
        );
        fs::remove_file(place.path("answer.bin")).unwrap();
    }
}

#[test]
fn messages_come_from_words_files_and_standard_input() {
    let place = Place::new();
    let echo = Echo::start(
        &place,
        &format!("unix:{}", place.path("e.sock").display()),
        &[],
    );
    let send = ["exchange", "send", &echo.address];
    let run = |more: &[&str]| place.run(send.iter().chain(more));
    assert_eq!(run(&["--text", "hello"]).ok(), "hello");
    assert_eq!(run(&["--text", "hello", "--hex"]).ok(), "68656c6c6f\n");
    assert_eq!(
        run_with_input(place.command(send), "from a pipe").ok(),
        "from a pipe"
    );
    let many = run(&["--text", "ab", "--count", "50"]);
    assert_eq!(many.stdout, "ab".repeat(50));
    assert!(many.stderr.starts_with("50 exchanges in "), "{many:?}");
    let shown = run(&["--text", "ab", "--json"]).json();
    assert_eq!(
        (&shown["answer_hex"], &shown["sent_bytes"]),
        (&"6162".into(), &2.into())
    );
    assert!(shown["took_us"].as_f64().unwrap() > 0.0);
    run(&["--file", "x", "--text", "y"]).fails(2);
    run(&["--file", "missing"]).fails(1);
    assert_eq!(echo.stop().0["answered"], 54);
}

#[test]
fn what_does_not_fit_is_told_on_both_sides() {
    let place = Place::new();
    let address = format!("unix:{}", place.path("e.sock").display());
    let echo = Echo::start(&place, &address, &["--max-frame", "1000"]);
    let send = |more: &[&str]| place.run(["exchange", "send", &address].iter().chain(more));
    let (fits, over) = ("x".repeat(1000), "x".repeat(1001));
    assert_eq!(send(&["--text", &fits]).ok(), fits);
    let own = send(&["--text", &over, "--max-frame", "1000"]).fails(5);
    assert!(
        own.contains("1001 bytes exceeds the limit of 1000 bytes"),
        "{own}"
    );
    assert!(own.contains("--max-frame"), "{own}");
    let empty = send(&["--text", ""]).fails(2);
    assert!(empty.contains("a message of 0 bytes"), "{empty}");
    let servers = send(&["--text", &over]).fails(4);
    assert!(servers.contains("too long for them"), "{servers}");
    let variant = send(&["--text", "x", "--crc32", "castagnoli"]).fails(4);
    assert!(variant.contains("--crc32 ieee"), "{variant}");
    // Others are served as before.
    assert_eq!(send(&["--text", "x"]).ok(), "x");

    let (counts, log) = echo.stop();
    let failed = (
        &counts["bad_length"],
        &counts["bad_crc"],
        &counts["answered"],
    );
    assert_eq!(failed, (&1.into(), &1.into(), &2.into()), "{counts}");
    assert!(log.contains("1001 bytes exceeds the limit"), "{log}");
    assert!(log.contains("checksum"), "{log}");
}

#[test]
fn an_answer_of_another_variant_is_told() {
    let place = Place::new();
    let path = place.path("other.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let server = std::thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        client.read_exact(&mut [0; 9]).unwrap();
        // Length 1, the Castagnoli sum of "x" (and not the other), "x".
        let frame = [1, 0, 0, 0, 0x93, 0x5f, 0x3c, 0xa9, b'x'];
        client.write_all(&frame).unwrap();
        client.read_to_end(&mut Vec::new()).unwrap();
    });
    let address = format!("unix:{}", path.display());
    let complaint = place
        .run(["exchange", "send", &address, "--text", "x"])
        .fails(1);
    assert!(complaint.contains("checksum"), "{complaint}");
    assert!(complaint.contains("--crc32 castagnoli"), "{complaint}");
    server.join().unwrap();
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for() {
    let place = Place::new();
    let path = place.path("silent.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let address = format!("unix:{}", path.display());
    let send = [
        "exchange",
        "send",
        &address,
        "--text",
        "x",
        "--timeout",
        "200ms",
    ];
    let complaint = place.run(send).fails(7);
    assert!(complaint.contains("--timeout"), "{complaint}");
    assert!(complaint.contains("nothing within 200ms"), "{complaint}");
    drop(listener);
    let nobody = place.run(send).fails(4);
    assert!(nobody.contains("exchange serve"), "{nobody}");
    place
        .run(["exchange", "send", "nowhere", "--text", "x"])
        .fails(2);
}

#[test]
fn serving_without_an_answer_says_what_there_is() {
    let place = Place::new();
    let address = format!("unix:{}", place.path("e.sock").display());
    let complaint = place.run(["exchange", "serve", &address]).fails(2);
    assert!(complaint.contains("--echo"), "{complaint}");
    let _echo = Echo::start(&place, &address, &[]);
    let taken = place
        .run(["exchange", "serve", &address, "--echo"])
        .fails(1);
    assert!(taken.contains("in use by process"), "{taken}");
}

#[test]
fn people_are_told_what_to_send_and_what_was_served() {
    let place = Place::new();
    let path = place.path("e.sock");
    let address = format!("unix:{}", path.display());
    let mut command = place.command(["exchange", "serve", &address, "--echo"]);
    let child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("it listens", || UnixStream::connect(&path).is_ok());
    place
        .run(["exchange", "send", &address, "--text", "x"])
        .ok();
    kill_process(pid(&child), Signal::TERM).unwrap();
    let served = finish(child);
    assert_eq!(served.code, Some(0));
    for words in [&format!("exchange send {address}"), "1MiB", "ieee", "tokio"] {
        assert!(served.stdout.contains(words), "{words}: {served:?}");
    }
    assert!(
        served
            .stderr
            .contains("exchanges served: 1, 9 B in and 9 B out"),
        "{served:?}"
    );
}
