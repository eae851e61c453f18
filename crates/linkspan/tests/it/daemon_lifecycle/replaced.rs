//! A program that is replaced while its daemon runs: Windows lets nobody write to it, but move it.

use std::fs;
use std::process::Command;

use super::bed::{Bed, example, find, pid, shown, wait_end};

#[test]
fn a_program_in_the_place_of_one_that_was_moved_aside_takes_over() {
    let bed = Bed::new();
    let directory = bed.runtime.path().join("program files ä");
    fs::create_dir(&directory).unwrap();
    let program = directory.join("the daemon.exe");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        bed.furnish(command.args(arguments)).output().unwrap()
    };
    let built = example("daemon").get_program().to_owned();
    fs::copy(&built, &program).unwrap();
    let old = find(pid(&run(&["pid"])));
    assert_eq!(pid(&run(&["pid"])), old.pid());

    fs::rename(&program, directory.join("the old one.exe")).unwrap();
    fs::copy(&built, &program).unwrap();
    let new = pid(&run(&["pid"]));
    assert_ne!(new, old.pid());
    assert_eq!(pid(&run(&["pid"])), new, "it stays");
    wait_end(old);
    let stopped = run(&["--daemon", "stop"]);
    assert!(stopped.status.success(), "{}", shown(&stopped));
}
