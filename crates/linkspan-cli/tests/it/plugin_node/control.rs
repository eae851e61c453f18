//! Starting and stopping by hand, and who may.

use rustix::process::{Signal, getuid, kill_process};

use super::{MANIFEST, PROGRAM, Scene, is_gone};
use crate::support::{Lines, pid, until};

#[test]
fn plugins_are_started_stopped_and_started_anew_by_hand() {
    let scene = Scene::new("", &["indexer"]);
    let _node = scene.node();
    assert!(scene.status("indexer").is_null());
    let stopped = scene.plugin(["stop", "indexer"]).fails(1);
    assert!(
        stopped.contains("plugin indexer was not started"),
        "{stopped}"
    );
    let started = scene.plugin(["start", "indexer"]).ok();
    assert!(
        started.starts_with("indexer 1.0.0 is running, sandbox none"),
        "{started}"
    );
    let first = scene.pid("indexer");
    assert_eq!(scene.status("indexer")["wanted"], false);
    scene.plugin(["start", "indexer"]).ok();
    assert_eq!(
        scene.pid("indexer"),
        first,
        "one that runs is left as it is"
    );

    let restarted = scene.plugin(["restart", "indexer", "--json"]).json();
    assert_eq!(restarted["state"], "running");
    assert_ne!(scene.pid("indexer"), first);
    is_gone(first);

    let second = scene.pid("indexer");
    let stopped = scene.plugin(["stop", "indexer"]).ok();
    assert_eq!(stopped, "indexer 1.0.0 is stopped\n");
    is_gone(second);
    let call = scene
        .plugin(["call", "indexer", "add", r#"{"text": "a"}"#])
        .fails(1);
    assert!(call.contains("plugin indexer was stopped"), "{call}");

    let missing = scene.plugin(["start", "missing"]).fails(1);
    assert!(
        missing.contains("there is no plugin missing in"),
        "{missing}"
    );
    assert!(
        scene.status("missing").is_null(),
        "nobody asked for it to run"
    );
    scene.plugin(["start", "Wrong"]).fails(2);
}

#[test]
fn a_plugin_is_reloaded_without_a_gap_or_stays_as_it_is() {
    let scene = Scene::new("  load: [indexer]\n", &["indexer"]);
    let _node = scene.node();
    let first = scene.pid("indexer");
    scene.write("indexer", "main.py", "raise SystemExit('cannot start')");
    let failed = scene.plugin(["reload", "indexer"]).fails(1);
    assert!(failed.contains("cannot start"), "{failed}");
    assert_eq!(scene.pid("indexer"), first);
    assert_eq!(scene.status("indexer")["state"], "running");

    let newer = |text: &str| text.replace("1.0.0", "2.0.0").replace("NAME", "indexer");
    scene.write("indexer", "main.py", &newer(PROGRAM));
    scene.write("indexer", "plugin.toml", &newer(MANIFEST));
    let reloaded = scene.plugin(["reload", "indexer"]).ok();
    assert!(
        reloaded.starts_with("indexer 2.0.0 is running"),
        "{reloaded}"
    );
    is_gone(first);
}

#[test]
fn what_a_plugin_says_can_be_read_and_followed() {
    let scene = Scene::new("  load: [indexer]\n", &["indexer"]);
    let _node = scene.node();
    scene
        .plugin(["call", "indexer", "add", r#"{"text": "one"}"#])
        .ok();
    until("both lines are there", || {
        let logs = scene.plugin(["logs", "indexer"]).ok();
        logs.contains("log: index: adds one") && logs.contains("stdout: adding one")
    });
    let follow = scene
        .place
        .command(["plugin", "logs", "indexer", "--follow", "--json"]);
    let mut follow = Lines::start(follow);
    scene
        .plugin(["call", "indexer", "add", r#"{"text": "two"}"#])
        .ok();
    // Each comes by a way of its own.
    let mut expected = vec![("adds two", "log"), ("adding two", "stdout")];
    while !expected.is_empty() {
        let line = follow.find("what it says", |line| {
            line["text"].to_string().contains("two")
        });
        expected.retain(|(text, source)| line["text"] != *text || line["source"] != *source);
        if line["source"] == "log" {
            assert_eq!(
                (&line["level"], &line["target"]),
                (&"warn".into(), &"index".into())
            );
        }
    }
    kill_process(pid(&follow.child), Signal::INT).unwrap();
    assert_eq!(follow.ends().0, Some(0));
}

#[test]
fn who_may_not_does_not() {
    let scene = Scene::new("  load: [indexer]\n", &["indexer"]);
    let own = getuid().as_raw();
    let roles = format!(
        "  load: [indexer]
security:
  authorization:
    owner_may_all: false
    roles:
      caller:
        capabilities: ['rpc.call:*', 'plugin.stop:other', 'plugin.start:indexer', 'plugin.logs:other']
        members: ['uid:{own}']
"
    );
    scene.configure(&roles);
    let _node = scene.node();
    let denied = |verb: &str, right: &str| {
        let complaint = scene.plugin([verb, "indexer"]).fails(5);
        let words = format!("uid:{own} may not {right}:indexer");
        assert!(complaint.contains(&words), "{complaint}");
    };
    denied("stop", "plugin.stop");
    denied("restart", "plugin.stop");
    denied("reload", "plugin.stop");
    denied("logs", "plugin.logs");
    scene.plugin(["start", "indexer"]).ok();
    scene
        .plugin(["call", "indexer", "count", r#"{"to": 1}"#])
        .ok();
}

#[test]
fn what_a_plugin_wrote_is_for_those_who_may_read_its_logs() {
    let scene = Scene::new("  load: [indexer]\n", &["indexer"]);
    let script = "import sys; sys.exit('the password is swordfish')";
    scene.write("indexer", "main.py", script);
    let own = getuid().as_raw();
    let settings = |logs: &str| {
        format!(
            "  load: [indexer]
  restart: {{ indexer: never }}
security:
  authorization:
    owner_may_all: false
    roles:
      caller:
        capabilities: ['rpc.call:*', 'plugin.logs:{logs}']
        members: ['uid:{own}']
"
        )
    };
    scene.configure(&settings("other"));
    let node = scene.node();
    assert_eq!(scene.status("indexer")["state"], "failed");
    for shown in [
        scene.place.run(["--json", "status"]).ok(),
        scene.plugin(["--json", "list"]).ok(),
        scene.plugin(["call", "indexer", "count"]).fails(1),
    ] {
        assert!(!shown.contains("swordfish"), "{shown}");
    }
    drop(node);

    scene.configure(&settings("indexer"));
    let _node = scene.node();
    let shown = scene.plugin(["--json", "list"]).ok();
    assert!(shown.contains("swordfish"), "{shown}");
}
