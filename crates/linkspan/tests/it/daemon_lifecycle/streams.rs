//! What goes in comes out: bytes, arguments, codes.

use std::ffi::OsString;
use std::io::{Read, Write};
#[cfg(unix)]
use std::os::unix::ffi::OsStringExt;
#[cfg(windows)]
use std::os::windows::ffi::OsStringExt;
use std::process::{ExitStatus, Stdio};
use std::thread;

use super::bed::{Bed, shown, text};

#[test]
fn every_exit_code_is_exact() {
    let bed = Bed::new();
    for code in 0..=255 {
        let output = bed.run(["exit", &code.to_string()]);
        assert_eq!(output.status.code(), Some(code), "{}", shown(&output));
    }
}

#[test]
fn bytes_and_names_that_are_no_text_survive() {
    let bed = Bed::new();
    let mut names = vec![odd()];
    names.extend(["a b", "", "\n", "ä", r#"C:\a "b" \\"#, "*"].map(OsString::from));
    let output = bed.run([&[OsString::from("args")], &names[..]].concat());
    let terminated = |name: &OsString| [name.as_encoded_bytes(), b"\0"].concat();
    let expected: Vec<u8> = names.iter().flat_map(terminated).collect();
    assert_eq!(output.stdout, expected, "{}", shown(&output));

    let input: Vec<u8> = (0..3_000_000_u32)
        .flat_map(|number| (number / 3).to_le_bytes())
        .collect();
    for prefix in [&[][..], &["--no-daemon"]] {
        let arguments = prefix.iter().chain(&["cat"]);
        let mut client = bed
            .command(arguments)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = client.stdin.take().unwrap();
        let writing = input.clone();
        let writer = thread::spawn(move || stdin.write_all(&writing).unwrap());
        let output = client.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(
            output.stdout == input,
            "{} bytes came back",
            output.stdout.len()
        );
    }
}

#[test]
fn stdin_that_nobody_asks_for_is_not_taken() {
    let bed = Bed::new();
    bed.pid();
    let (mut reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(b"for the next program").unwrap();
    drop(writer);
    let stdin = reader.try_clone().unwrap();
    let output = bed.command(["exit", "0"]).stdin(stdin).output().unwrap();
    assert!(output.status.success());
    let mut left = String::new();
    reader.read_to_string(&mut left).unwrap();
    assert_eq!(left, "for the next program");
}

#[test]
fn a_reader_that_has_enough_ends_the_command_quietly() {
    let bed = Bed::new();
    let daemon = bed.pid();
    for _ in 0..5 {
        let mut client = bed.start(["blast", "1000000000"]);
        let mut beginning = [0; 10];
        client
            .stdout
            .take()
            .unwrap()
            .read_exact(&mut beginning)
            .unwrap();
        assert_eq!(&beginning, b"xxxxxxxxxx");
        let output = client.wait_with_output().unwrap();
        assert!(is_by_closed_pipe(output.status), "{}", shown(&output));
        assert_eq!(text(&output.stderr), "");
    }
    assert_eq!(bed.pid(), daemon);
}

#[test]
fn errors_are_printed_with_their_causes() {
    let bed = Bed::new();
    let output = bed.run(["fail"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).starts_with("daemon: "),
        "{}",
        shown(&output)
    );
    assert!(
        text(&output.stderr).contains("no such word"),
        "{}",
        shown(&output)
    );
}

#[test]
fn without_a_daemon_all_is_the_same_and_nothing_stays() {
    let bed = Bed::new();
    let output = bed.run(["--no-daemon", "exit", "42"]);
    assert_eq!(output.status.code(), Some(42), "{}", shown(&output));
    let client = bed.start(["--no-daemon", "pid"]);
    let own = client.id();
    let output = client.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).trim(), own.to_string());
    assert!(!bed.runtime.path().join("linkspan").exists());
}

/// A name that is no Unicode.
#[cfg(unix)]
fn odd() -> OsString {
    OsString::from_vec(b"\xff\xfe".to_vec())
}

/// A name that is no Unicode: half a pair.
#[cfg(windows)]
fn odd() -> OsString {
    OsString::from_wide(&[0x61, 0xD83D, 0x62])
}

/// Whether a program ended because nobody read its output.
#[cfg(unix)]
fn is_by_closed_pipe(status: ExitStatus) -> bool {
    std::os::unix::process::ExitStatusExt::signal(&status) == Some(13)
}

/// The same, where no signal says so.
#[cfg(windows)]
fn is_by_closed_pipe(status: ExitStatus) -> bool {
    status.code() == Some(128 + 13)
}
