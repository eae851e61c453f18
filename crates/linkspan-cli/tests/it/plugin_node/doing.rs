//! What a plugin can do, and what it is told.

use std::path::Path;

use rustix::process::Signal;
use serde_json::json;

use super::{Scene, is_gone};

const GRANTED: &str = "  load: [indexer, missing]
  grants: { indexer: ['bus.publish:index/#', 'bus.subscribe:docs/#', 'rpc.call:node.*'] }
security: { audit: { file: ./audit.log } }
";

#[test]
fn plugins_start_with_the_node_and_are_seen() {
    let scene = Scene::new(GRANTED, &["indexer"]);
    let node = scene.node();
    let status = scene.status("indexer");
    assert_eq!(status["state"], "running", "{status}");
    assert_eq!(status["wanted"], true);
    assert_eq!(status["processes"][0]["is_ready"], true);
    assert_eq!(status["processes"][0]["sandbox"], "none");
    assert_eq!(
        status["granted"],
        json!([
            "bus.publish:index/#",
            "bus.subscribe:docs/#",
            "rpc.call:node.*"
        ])
    );
    assert_eq!(status["withheld"], json!(["rpc.call:*", "host.processes"]));

    // What cannot start does not keep the node from starting.
    let missing = scene.status("missing");
    assert_eq!(missing["state"], "refused");
    let ready = scene
        .place
        .run(["call", &node.address(), "node.ready"])
        .json();
    assert_eq!(ready["ready"], false);
    let reason = ready["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("plugin missing is refused: there is no plugin missing in"),
        "{reason}"
    );

    let shown = scene.place.run(["status"]).ok();
    for words in [
        "PLUGIN",
        "indexer  1.0.0    running",
        "does not run: missing",
        "hint: ",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let listed = scene.plugin(["list"]).ok();
    for words in [
        "indexer  1.0.0    running  none: trusted like the user",
        "does not run: missing",
    ] {
        assert!(listed.contains(words), "{words}: {listed}");
    }
    let inspected = scene.plugin(["inspect", "indexer"]).ok();
    for words in [
        "not granted  rpc.call:*, host.processes",
        "none: trusted like the user",
        "ready, up for",
    ] {
        assert!(inspected.contains(words), "{words}: {inspected}");
    }
    let methods = scene
        .place
        .run(["call", &node.address(), "node.methods"])
        .json();
    let methods = methods.as_array().unwrap();
    let add = methods
        .iter()
        .find(|method| method["name"] == "indexer.add");
    assert_eq!(add.unwrap()["doc"], "Adds a text.");
}

#[test]
fn a_plugin_publishes_hears_and_calls_as_it_was_granted() {
    let scene = Scene::new(GRANTED, &["indexer"]);
    let node = scene.node();
    let heard = scene.listen("#");
    let call = |method: &str, json: &str| scene.place.run(["call", &node.address(), method, json]);

    assert_eq!(call("indexer.add", r#"{"text": "hello"}"#).json(), 5);
    let added = heard.find("it publishes", |line| line["topic"] == "index/added");
    assert_eq!(added["sender"], "plugin.indexer");
    assert_eq!(added["payload"], json!({ "text": "hello" }));
    let published = ["bus", "pub", "docs/new", "--as", "json", "[1]"];
    scene.place.run(published).ok();
    let seen = heard.find("it hears", |line| line["topic"] == "index/seen");
    assert_eq!(seen["payload"], json!({ "topic": "docs/new", "body": [1] }));

    let info = call("indexer.ask", r#"{"method": "node.info"}"#).json();
    assert_eq!(info["pid"], node.child.id());
    let denied = call("indexer.ask", r#"{"method": "host.processes"}"#).fails(5);
    assert!(
        denied.contains("plugin:indexer may not rpc.call:host.processes"),
        "{denied}"
    );
    // It has the right to all of the node's methods, and is not the node's user.
    let switch = r#"{"method": "node.switch_backend", "parameters": {"backend": "legacy"}}"#;
    let refused = call("indexer.ask", switch).fails(5);
    assert!(refused.contains("only the node's own user"), "{refused}");
    let audit = std::fs::read_to_string(scene.place.path("audit.log")).unwrap();
    let line = audit
        .lines()
        .find(|line| line.contains("host.processes"))
        .unwrap();
    assert!(
        line.contains(r#""principal":"plugin:indexer""#) && line.contains("denied"),
        "{line}"
    );
}

#[test]
fn answers_of_plugins_are_printed_as_those_of_servers() {
    let scene = Scene::new(GRANTED, &["indexer"]);
    let _node = scene.node();
    let count = scene
        .plugin(["call", "indexer", "count", r#"{"to": 3}"#])
        .ok();
    assert_eq!(count, "0\n1\n2\n");
    let first = scene.plugin([
        "call",
        "indexer",
        "indexer.count",
        r#"{"to": 300000}"#,
        "--first",
        "2",
    ]);
    assert_eq!(first.ok(), "0\n1\n");
    let failed = scene.plugin(["call", "indexer", "fail"]).fails(6);
    assert!(
        failed.contains("indexer.fail failed with an error of its own"),
        "{failed}"
    );
    assert!(failed.contains(r#"{"left":3}"#), "{failed}");
    let unknown = scene.plugin(["call", "indexer", "ad"]).fails(5);
    assert!(
        unknown.contains("there is no method") && unknown.contains("indexer.add"),
        "{unknown}"
    );
    let nobody = scene.plugin(["call", "nobody", "greet"]).fails(5);
    assert!(
        nobody.contains("there is no method \"nobody.greet\""),
        "{nobody}"
    );
}

#[test]
fn nothing_is_left_of_plugins_when_the_node_is_killed_or_ends() {
    let scene = Scene::new("  load: [one, two]\n", &["one", "two"]);
    for signal in [Signal::KILL, Signal::TERM] {
        let node = scene.node();
        let pids = ["one", "two"].map(|name| scene.pid(name));
        let copies = format!("host-{}-", node.child.id());
        let own = scene.place.path("linkspan/plugins");
        let has_copies = || {
            let places = [own.as_path(), Path::new("/run/linkspan-plugins")];
            let entries = places.iter().filter_map(|place| place.read_dir().ok());
            let mut names = entries.flatten().map(|entry| entry.unwrap().file_name());
            names.any(|name| name.to_string_lossy().starts_with(&copies))
        };
        assert!(has_copies());
        node.signal(signal);
        let (code, _) = node.ends();
        assert_eq!(code, (signal == Signal::TERM).then_some(0));
        pids.into_iter().for_each(is_gone);
        // What a killed node leaves, the next one removes.
        assert_eq!(has_copies(), signal == Signal::KILL);
    }
}
