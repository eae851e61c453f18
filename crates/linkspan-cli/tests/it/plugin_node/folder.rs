//! One plugin in its folder, without a node.

use rustix::process::Signal;

use super::{PROGRAM, Scene, is_gone};
use crate::support::{Place, finish, pid, until};

#[test]
fn what_a_template_begins_can_be_called_at_once() {
    let place = Place::new();
    place
        .run(["plugin", "new", "--lang", "python", "greeter"])
        .ok();
    let called = place.run(["plugin", "call", "./greeter", "greet", r#"{"name": "Ada"}"#]);
    assert_eq!(called.ok(), "\"Hello, Ada!\"\n");
}

#[test]
fn what_it_says_and_publishes_goes_to_standard_error() {
    let scene = Scene::new(
        "  grants: { indexer: ['bus.publish:index/#'] }\n",
        &["indexer"],
    );
    let folder = scene.folder("indexer").display().to_string();
    let called = scene.plugin(["call", &folder, "add", r#"{"text": "hello"}"#]);
    assert!(
        called.stderr.contains("adds hello") && called.stderr.contains("adding hello"),
        "{called:?}"
    );
    assert!(
        called
            .stderr
            .contains("publishes 12 bytes under index/added"),
        "{called:?}"
    );
    assert_eq!(called.ok(), "5\n");
    let count = scene.plugin(["call", &folder, "indexer.count", r#"{"to": 2}"#, "--json"]);
    assert_eq!(count.ok(), "0\n1\n");
    scene.plugin(["call", &folder, "fail"]).fails(6);

    scene.write("indexer", "main.py", "import nowhere_to_be_found");
    let failed = scene.plugin(["call", &folder, "add"]).fails(1);
    assert!(failed.contains("nowhere_to_be_found"), "{failed}");
    let nothing = scene.plugin(["call", "./nothing", "add"]).fails(2);
    assert!(
        nothing.contains("there is no plugin in ./nothing") && nothing.contains("plugin new"),
        "{nothing}"
    );
    // What is there cannot be begun.
    let other = scene.plugin(["call", "/etc", "add"]).fails(2);
    assert!(!other.contains("plugin new"), "{other}");
}

#[test]
fn one_that_does_not_start_says_why_and_is_not_tried_again() {
    let place = Place::new();
    place
        .run(["plugin", "new", "--lang", "python", "greeter"])
        .ok();
    let program = "import sys\nprint('no words', file=sys.stderr)\nsys.exit(3)\n";
    place.write("greeter/main.py", program);
    let told = place.run(["plugin", "call", "./greeter", "greet"]).fails(1);
    assert_eq!(told.matches("stderr: no words").count(), 1, "{told}");
    assert!(
        told.contains("because: it ended with code 3 before it was ready"),
        "{told}"
    );
}

#[test]
fn what_a_handler_raises_is_shown_where_it_was_raised() {
    let scene = Scene::new("", &["indexer"]);
    let begin = "def add(text: str, cx: Context) -> int:\n";
    let raising = format!("{begin}    raise ValueError('no such word')\n");
    let program = PROGRAM.replace("NAME", "indexer").replace(begin, &raising);
    scene.write("indexer", "main.py", &program);
    let folder = scene.folder("indexer").display().to_string();
    let told = scene
        .plugin(["call", &folder, "add", r#"{"text": "a"}"#])
        .fails(1);
    let mut lines = told.lines().map(str::trim);
    assert!(
        lines.any(|line| line == "raise ValueError('no such word')"),
        "{told}"
    );
}

#[test]
fn only_a_path_is_a_folder_when_a_node_is_named() {
    let place = Place::new();
    place
        .run(["plugin", "new", "--lang", "python", "greeter"])
        .ok();
    let call = |plugin, more: &[&str]| {
        let words = ["plugin", "call", plugin, "greet", r#"{"name": "Ada"}"#];
        place.run(words.iter().chain(more))
    };
    let nowhere = format!("unix:{}", place.path("nowhere.sock").display());
    assert_eq!(call("greeter", &[]).ok(), "\"Hello, Ada!\"\n");
    call("greeter", &["--address", &nowhere]).fails(4);
}

#[test]
fn ending_the_command_ends_the_plugin() {
    let scene = Scene::new("", &["indexer"]);
    let file = scene.place.path("pid");
    let begin = "def add(text: str, cx: Context) -> int:\n";
    let slow = format!(
        "{begin}    import os, pathlib, time\n    \
         pathlib.Path('{}').write_text(str(os.getpid()))\n    time.sleep(600)\n",
        file.display()
    );
    let program = PROGRAM.replace("NAME", "indexer").replace(begin, &slow);
    scene.write("indexer", "main.py", &program);
    let folder = scene.folder("indexer").display().to_string();
    let mut command = scene
        .place
        .command(["plugin", "call", &folder, "add", r#"{"text": "a"}"#]);
    let command = command.stdout(std::process::Stdio::piped());
    let child = command
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut plugin = None;
    until("it is called", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        plugin = text.parse().ok().and_then(rustix::process::Pid::from_raw);
        plugin.is_some()
    });
    rustix::process::kill_process(pid(&child), Signal::INT).unwrap();
    let ran = finish(child);
    assert!(
        ran.fails(1)
            .contains("stopped by ^C before the answer was there")
    );
    is_gone(plugin.unwrap());
}
