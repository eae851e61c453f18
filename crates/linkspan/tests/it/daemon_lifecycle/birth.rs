//! What a daemon has of the client that started it: nothing but what was declared.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::bed::{Bed, example, pid, read, shown, text};

#[test]
fn a_daemon_has_nothing_of_the_client_that_started_it() {
    let bed = Bed::new();
    let mut command = Command::new("sh");
    let script = r#"umask 000; cd /tmp; exec 9<"$1"; SECRET=x exec "$0" pid"#;
    bed.furnish(&mut command).args(["-c", script]);
    let open = bed.runtime.path().join("open");
    fs::write(&open, "").unwrap();
    command.arg(example("daemon").get_program()).arg(&open);
    let daemon = pid(&command.output().unwrap());
    let file = |name: &str| Path::new("/proc").join(daemon.to_string()).join(name);

    let environment = read(&file("environ"));
    assert!(environment.contains("PATH="), "{environment:?}");
    assert!(!environment.contains("SECRET"), "{environment:?}");
    assert_eq!(fs::read_link(file("cwd")).unwrap(), Path::new("/"));
    let descriptors = fs::read_dir(file("fd")).unwrap().flatten();
    let mut files = descriptors.filter_map(|entry| fs::read_link(entry.path()).ok());
    assert!(!files.any(|file| file == open));
    assert_eq!(fs::read_link(file("fd/0")).unwrap(), Path::new("/dev/null"));
    let log = fs::canonicalize(bed.place().join("log")).unwrap();
    for output in ["fd/1", "fd/2"] {
        assert_eq!(fs::read_link(file(output)).unwrap(), log);
    }
    assert!(read(&file("status")).contains("\nUmask:\t0077\n"));
    let words = read(&file("cmdline"));
    let words: Vec<_> = words.split_terminator('\0').collect();
    let [
        _,
        "--daemon-id",
        "daemon-example",
        "--build-timestamp",
        time,
    ] = words[..]
    else {
        panic!("{words:?}");
    };
    time.parse::<u64>().unwrap();
}

#[test]
fn a_daemon_that_is_busy_says_so_at_once() {
    let bed = Bed::new();
    let run = |words: &[&str]| {
        let mut command = bed.command(words);
        command.env(super::bed::CONFIG, r#"{ "max_commands": 1 }"#);
        command
    };
    pid(&run(&["pid"]).output().unwrap());
    let mut working = run(&["sleep", "60"]).spawn().unwrap();
    bed.wait_running(1);
    let refused = run(&["pid"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(126), "{}", shown(&refused));
    let said = text(&refused.stderr);
    assert!(
        said.starts_with("daemon: daemon: the daemon is busy"),
        "{said}"
    );
    // Who only asks is heard.
    assert_eq!(bed.running(), 1);
    working.kill().unwrap();
    working.wait().unwrap();
    bed.wait_running(0);
    pid(&run(&["pid"]).output().unwrap());
}
