//! `linkspan call`.

use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;

use rustix::process::{Signal, kill_process};

use crate::support::{Lines, Place, finish, pid, run_with_input};

#[test]
fn values_come_back_as_they_went() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let address = node.address();
    for json in [
        "null",
        "17",
        r#""text with ünïcode""#,
        r#"{"b":1,"a":[true,{"c":0.5}]}"#,
    ] {
        let text = place
            .run(["call", &address, "node.echo", json, "--json"])
            .ok();
        assert_eq!(text.trim_end(), json);
    }
    let pretty = place
        .run(["call", &address, "node.echo", r#"{"a":[1]}"#])
        .ok();
    assert_eq!(pretty, "{\n  \"a\": [\n    1\n  ]\n}\n");
}

#[test]
fn parameters_come_from_files_and_standard_input() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    place.write("question.json", "[1, 2]");
    let from_file = place.run([
        "call",
        &node.address(),
        "node.echo",
        "@question.json",
        "--json",
    ]);
    assert_eq!(from_file.json(), serde_json::json!([1, 2]));
    let command = place.command(["call", &node.address(), "node.echo", "-", "--json"]);
    assert_eq!(
        run_with_input(command, "[3]").json(),
        serde_json::json!([3])
    );
    place
        .run(["call", &node.address(), "node.echo", "@missing.json"])
        .fails(1);
}

#[test]
fn items_go_out_and_come_back_one_by_one() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let lines: String = (0..1000)
        .map(|number| format!("{{\"number\":{number}}}\n"))
        .collect();
    place.write("items.jsonl", &lines);
    let text = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "--items",
            "items.jsonl",
            "--json",
        ])
        .ok();
    assert_eq!(text, lines);
    let command = place.command([
        "call",
        &node.address(),
        "node.echo",
        "--items",
        "-",
        "--json",
    ]);
    assert_eq!(run_with_input(command, &lines).ok(), lines);
}

#[test]
fn an_item_that_is_wrong_is_named_by_its_line() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let address = node.address();
    let complaint = |items: &[u8], code| {
        std::fs::write(place.path("items"), items).unwrap();
        let call = ["call", &address, "node.echo", "--items", "items", "--json"];
        let complaint = place.run(call).fails(code);
        let error: serde_json::Value = serde_json::from_str(&complaint).unwrap();
        error["error"]["message"].as_str().unwrap().to_owned()
    };
    assert_eq!(
        complaint(b"1\n\n{oops}\n4\n", 2),
        "line 3 of items is not JSON: key must be a string at column 2"
    );
    assert_eq!(complaint(b"1\n\xff\n", 2), "line 2 of items is not UTF-8");
    let unreadable = place.run(["call", &address, "node.echo", "--items", "."]);
    assert!(
        unreadable.fails(1).contains("cannot read line 1 of ."),
        "a directory has no lines"
    );
    let command = place.command(["call", &address, "node.echo", "--items", "-"]);
    let complaint = run_with_input(command, "1\n2 3\n").fails(2);
    assert!(
        complaint.contains("line 2 of standard input is not JSON"),
        "{complaint}"
    );
}

#[test]
fn an_interrupted_stream_ends_quietly_by_the_signal() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let mut call =
        Lines::start(place.command(["call", &node.address(), "host.processes", "--json"]));
    call.find("the table", |_| true);
    kill_process(pid(&call.child), Signal::INT).unwrap();
    assert_eq!(call.ends(), (None, String::new()));
    assert_eq!(call.child.wait().unwrap().signal(), Some(2));
}

#[test]
fn a_large_body_comes_back_whole() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let text = format!("\"{}\"", "x".repeat(5_000_000));
    place.write("large.json", &text);
    let back = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "@large.json",
            "--json",
        ])
        .ok();
    assert!(back.trim_end() == text, "{} bytes came back", back.len());
}

#[test]
fn failures_have_exit_codes_and_hints() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let address = node.address();
    let unknown = place.run(["call", &address, "node.ecko"]).fails(5);
    assert!(unknown.contains("the nearest are node.echo"), "{unknown}");
    let wrong = place
        .run([
            "call",
            &address,
            "host.processes",
            r#"{"interval_ms": "soon"}"#,
        ])
        .fails(5);
    assert!(wrong.contains("parameter interval_ms"), "{wrong}");
    let broken = place.run(["call", &address, "node.echo", "{oops"]).fails(2);
    assert!(
        broken.contains("not JSON") && broken.contains("hint:"),
        "{broken}"
    );
    let nobody = place
        .run(["call", "unix:/nowhere/x.sock", "node.echo"])
        .fails(4);
    assert!(
        nobody.contains("/nowhere/x.sock") && nobody.contains("hint:"),
        "{nobody}"
    );
    place.run(["call", "nonsense:x", "node.echo"]).fails(2);
    let late = place
        .run(["call", &address, "node.echo", "1", "--timeout", "0ms"])
        .fails(7);
    assert!(late.contains("deadline"), "{late}");
}

#[test]
fn failures_are_json_where_programs_read() {
    let place = Place::new();
    let complaint = place
        .run(["call", "unix:/nowhere/x.sock", "node.echo", "--json"])
        .fails(4);
    let error: serde_json::Value = serde_json::from_str(&complaint).unwrap();
    assert_eq!(error["error"]["kind"], "unreachable");
    assert!(error["error"]["hint"].is_string());
}

#[test]
fn something_that_is_not_linkspan_is_told_so() {
    let place = Place::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let talker = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        std::io::Write::write_all(&mut stream, &[b'?'; 4096]).unwrap();
        // It closes with the test's end of the pipe.
        std::io::Read::read_to_end(&mut stream, &mut Vec::new()).ok();
    });
    let complaint = place.run(["call", &address, "node.echo"]).fails(4);
    assert!(
        complaint.contains("no session with the server"),
        "{complaint}"
    );
    talker.join().unwrap();
}

#[test]
fn verbose_tells_who_answered_and_what_it_cost() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let ran = place.run(["call", "-v", &node.address(), "node.echo", "[1,2,3]"]);
    let told = &ran.stderr;
    assert!(
        told.contains(&format!("process {}", node.child.id())),
        "{told}"
    );
    for words in ["answered in", "processor", "peak memory", "in 7 B, out 7 B"] {
        assert!(told.contains(words), "{words}: {told}");
    }
    ran.ok();
}

#[test]
fn a_closed_pipe_is_no_error() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let mut command = place.command(["call", &node.address(), "host.processes", "--json"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // What `head` does.
    drop(child.stdout.take());
    let ran = finish(child);
    assert_eq!((ran.code, ran.stderr.as_str()), (Some(0), ""));
}

#[test]
fn colours_come_when_they_are_asked_for() {
    let place = Place::new();
    let node = place.node::<&str>([]);
    let always = place
        .run([
            "call",
            &node.address(),
            "node.echo",
            "[1]",
            "--color",
            "always",
        ])
        .ok();
    assert!(always.contains("\u{1b}["));
    let mut command = place.command(["call", &node.address(), "node.echo", "[1]"]);
    command
        .env("NO_COLOR", "1")
        .env("CLICOLOR_FORCE", "1")
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    assert!(!finish(command.spawn().unwrap()).ok().contains('\u{1b}'));
}
