//! What a plugin says, from pipes to followers.

use std::io::{PipeWriter, Write, pipe};

use linkspan_test::wait;

use super::*;
use crate::plugin::{LogLevel, LogRecord, LogValue};

/// A process's ends of its stdout and stderr.
fn started(logs: &Logs) -> ([PipeWriter; 2], Reading) {
    let ((stdout, ours), (stderr, other)) = (pipe().unwrap(), pipe().unwrap());
    let reading = Reading::start(logs, 0, stdout.into(), stderr.into());
    ([ours, other], reading.unwrap())
}

fn shown(logs: &Logs) -> Vec<String> {
    let recent = logs.recent(usize::MAX);
    recent.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn lines_of_both_streams_are_entries() {
    let logs = Logs::new(LogConfig::default());
    let ([mut stdout, mut stderr], reading) = started(&logs);
    stdout.write_all(b"hello\nW").unwrap();
    drop(stdout);
    wait::until("stdout", || logs.stats().entries == 2).await;
    stderr
        .write_all(b"thread 'main' panicked at a.rs:1:1:\noh\n")
        .unwrap();
    drop(stderr);
    wait::within("the end", reading.ended()).await;
    assert_eq!(
        shown(&logs),
        [
            "info  stdout 0: hello",
            "info  stdout 0: W",
            "error stderr 0: thread 'main' panicked at a.rs:1:1:",
            "error stderr 0: oh",
        ]
    );
    let last = reading.last_lines();
    assert_eq!(last, ["thread 'main' panicked at a.rs:1:1:", "oh"]);
    assert_eq!(logs.recent(1)[0].text, "oh");
}

#[tokio::test]
async fn nothing_of_it_reaches_a_terminal_as_it_is() {
    let logs = Logs::new(LogConfig::default());
    let ([mut stdout, stderr], reading) = started(&logs);
    stdout
        .write_all(b"\x1b[2J\0bell\x07 \xe2\x80\xae \xff\n")
        .unwrap();
    drop((stdout, stderr));
    wait::within("the end", reading.ended()).await;
    let expected = "info  stdout 0: \\u001b[2J\\u0000bell\\u0007 \\u202e \u{fffd}";
    assert_eq!(shown(&logs), [expected]);
    let mut record = LogRecord::new(LogLevel::Warn, "a\nb");
    record.target = "\u{9b}t".into();
    let value = LogValue::Text("\r".into());
    record.fields.insert("k\x1b".into(), value);
    logs.record(0, record);
    let expected = "warn  log 0: \\u009bt: a\\nb k\\u001b=\\r";
    assert_eq!(shown(&logs)[1], expected);
}

#[tokio::test]
async fn a_flood_takes_no_memory_and_hides_no_panic() {
    let logs = Logs::new(LogConfig::default());
    let ([mut stdout, mut stderr], reading) = started(&logs);
    // 64 MiB, of which part is one line.
    let flood = std::thread::spawn(move || {
        let lines = b"all work and no play\n".repeat(50_000);
        let line = vec![b'x'; 1 << 20];
        for _ in 0..32 {
            stdout.write_all(&lines).unwrap();
        }
        for _ in 0..32 {
            stdout.write_all(&line).unwrap();
        }
        stderr.write_all(&lines).unwrap();
        let panic = b"thread 'main' panicked at a.rs:1:1:\nthe cause\n";
        stderr.write_all(panic).unwrap();
    });
    wait::within("the end", reading.ended()).await;
    flood.join().unwrap();
    let stats = logs.stats();
    let config = LogConfig::default();
    assert!(stats.kept_entries <= config.max_entries, "{stats:?}");
    assert!(stats.kept_bytes <= config.max_bytes, "{stats:?}");
    assert!(stats.dropped > 1_000_000, "{stats:?}");
    assert!(stats.entries + stats.dropped >= 33 * 50_000, "{stats:?}");
    let recent = logs.recent(usize::MAX);
    let cause = recent.iter().find(|entry| entry.text == "the cause");
    assert_eq!(cause.unwrap().level, LogLevel::Error);
    assert!(recent.iter().any(|entry| entry.dropped > 0));
    let long = recent.iter().find(|entry| entry.cut_bytes > 0).unwrap();
    assert_eq!(long.text.len(), config.max_line_bytes);
    assert_eq!(reading.last_lines().last().unwrap(), "the cause");
}

#[tokio::test]
async fn records_are_cut_to_what_is_kept_of_a_line() {
    let logs = Logs::new(LogConfig {
        max_line_bytes: 10,
        ..LogConfig::default()
    });
    let mut record = LogRecord::new(LogLevel::Info, "12345678ä");
    record.fields.insert("name".into(), LogValue::Int(1));
    record.dropped = 3;
    record.stream = Some(5);
    logs.record(1, record);
    let entry = &logs.recent(1)[0];
    assert_eq!((&*entry.text, entry.cut_bytes), ("12345678ä", 4));
    assert_eq!(
        (entry.stream, entry.dropped, entry.instance),
        (Some(5), 3, 1)
    );
    assert!(entry.fields.is_empty());
    logs.record(1, LogRecord::new(LogLevel::Info, "123456789ä"));
    assert_eq!(logs.recent(1)[0].text, "123456789");
    assert_eq!(logs.stats().dropped, 3);
}

#[tokio::test]
async fn records_that_come_too_fast_are_counted() {
    let logs = Logs::new(LogConfig {
        lines_per_second: 1,
        burst_lines: 5,
        ..LogConfig::default()
    });
    let (_ends, _reading) = started(&logs);
    for _ in 0..1_000 {
        logs.record(0, LogRecord::new(LogLevel::Info, "again"));
    }
    let stats = logs.stats();
    assert_eq!(stats.entries + stats.dropped, 1_000);
    assert!((5..500).contains(&stats.entries), "{stats:?}");
}

#[tokio::test]
async fn followers_see_what_comes_and_how_much_they_missed() {
    let logs = Logs::new(LogConfig {
        max_entries: 3,
        ..LogConfig::default()
    });
    logs.note(0, LogLevel::Info, "old");
    let mut late = logs.follow(0);
    let mut follower = logs.follow(1);
    let text = |followed: Option<Followed>| match followed {
        Some(Followed::Entry(entry)) => entry.text.clone(),
        other => format!("{other:?}"),
    };
    assert_eq!(text(follower.next().await), "old");
    let next = tokio::spawn(async move { (text(follower.next().await), follower) });
    tokio::task::yield_now().await;
    logs.note(0, LogLevel::Info, "new");
    let (found, mut follower) = wait::within("an entry", next).await.unwrap();
    assert_eq!(found, "new");
    for number in 0..5 {
        logs.note(0, LogLevel::Info, number.to_string());
    }
    assert_eq!(follower.next().await, Some(Followed::Missed(2)));
    assert_eq!(text(follower.next().await), "2");
    assert_eq!(late.next().await, Some(Followed::Missed(3)));
    logs.close();
    assert_eq!(text(follower.next().await), "3");
    assert_eq!(text(follower.next().await), "4");
    assert_eq!(follower.next().await, None);
}

#[tokio::test]
async fn the_log_says_how_many_lines_were_dropped_last() {
    let logs = Logs::new(LogConfig {
        lines_per_second: 1,
        burst_lines: 1,
        ..LogConfig::default()
    });
    let ([mut stdout, stderr], reading) = started(&logs);
    stdout.write_all(&b"x\n".repeat(1_000)).unwrap();
    drop((stdout, stderr));
    wait::within("the end", reading.ended()).await;
    let last = logs.recent(1).remove(0);
    assert_eq!(last.source, LogSource::Host);
    assert!(
        last.text.ends_with("lines on stdout were dropped"),
        "{}",
        last.text
    );
}

/// That a process never waits: it writes far more than a pipe holds while nobody runs the runtime.
#[tokio::test]
async fn writing_never_waits_for_the_runtime() {
    let logs = Logs::new(LogConfig::default());
    let ([mut stdout, stderr], reading) = started(&logs);
    stdout.write_all(&vec![b'\n'; 4 << 20]).unwrap();
    drop((stdout, stderr));
    wait::within("the end", reading.ended()).await;
}
