//! What the configuration says, and says anew.

use rustix::process::Signal;

use super::{Scene, is_gone};

#[test]
fn all_there_are_start_if_that_is_wanted_up_to_so_many() {
    let scene = Scene::new(
        "  auto_discovery: true\n  max_plugins: 2\n",
        &["a", "b", "c"],
    );
    scene.write("b", "plugin.toml", "format = 1\nnmae = 'b'\n");
    let _node = scene.node();
    for name in ["a", "c"] {
        assert_eq!(scene.status(name)["state"], "running");
    }
    let refused = scene.status("b");
    assert_eq!(refused["state"], "refused");
    let reason = refused["reason"].as_str().unwrap();
    assert!(
        reason.contains("plugin.toml:2: unknown key `nmae`"),
        "{reason}"
    );

    scene.add("d");
    let refused = scene.plugin(["start", "d"]).fails(1);
    assert!(
        refused.contains("plugin d is one more than the 2 that this host may have"),
        "{refused}"
    );
    assert!(refused.contains("max_plugins"), "{refused}");
}

#[test]
fn a_reload_changes_what_runs_and_leaves_the_rest() {
    let scene = Scene::new(
        "  load: [stays, goes, changes]\n",
        &["stays", "goes", "changes", "comes"],
    );
    let node = scene.node();
    let [stays, goes, changes] = ["stays", "goes", "changes"].map(|name| scene.pid(name));
    let reload = |settings: &str| {
        scene.configure(settings);
        node.signal(Signal::HUP);
    };
    reload("  load: [stays, changes, comes]\n  instances: { changes: 65 }\n");
    node.logs("nothing was changed");
    scene.configure("  load: [stays, goes, changes]\n");
    assert_eq!(scene.pid("goes"), goes);
    assert!(scene.status("comes").is_null());

    reload("  load: [stays, changes, comes]\n  instances: { changes: 2 }\n");
    node.logs("configuration was read again");
    scene.settled();
    is_gone(goes);
    is_gone(changes);
    assert!(scene.status("goes").is_null());
    assert_eq!(scene.pid("stays"), stays);
    assert_eq!(scene.status("comes")["state"], "running");
    assert_eq!(
        scene.status("changes")["processes"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[test]
fn what_a_plugin_may_do_changes_with_the_configuration() {
    let scene = Scene::new("  load: [indexer]\n", &["indexer"]);
    let node = scene.node();
    let ask = || scene.plugin(["call", "indexer", "ask", r#"{"method": "node.info"}"#]);
    let denied = ask().fails(5);
    assert!(
        denied.contains("plugin:indexer may not rpc.call:node.info"),
        "{denied}"
    );
    scene.configure("  load: [indexer]\n  grants: { indexer: ['rpc.call:node.info'] }\n");
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    scene.settled();
    ask().ok();
    let explained = scene.place.run([
        "policy",
        "explain",
        "plugin:indexer",
        "rpc.call",
        "node.info",
    ]);
    assert!(
        explained
            .ok()
            .contains("role plugin indexer: rpc.call:node.info")
    );
}

#[test]
fn one_that_fails_is_shown_with_its_last_words() {
    let scene = Scene::new(
        "  load: [indexer]\n  restart: { indexer: never }\n",
        &["indexer"],
    );
    scene.write(
        "indexer",
        "main.py",
        "import sys; sys.exit('no words for it')",
    );
    let _node = scene.node();
    let status = scene.status("indexer");
    assert_eq!(status["state"], "failed", "{status}");
    let shown = scene.place.run(["status"]).ok();
    assert!(
        shown.contains("does not run: indexer") && shown.contains("no words for it"),
        "{shown}"
    );
}
