//! What is not loaded or does not come up, and why.

use linkspan::plugin::host::{LoadError, RunError, State};
use linkspan_test::wait;

use super::support::{Stage, put, trusted};

const NOTHING: &str = "@plugin.method\ndef nothing():\n    pass";

#[tokio::test]
async fn a_host_takes_each_plugin_once_and_not_too_many() {
    let stage = Stage::with(|config| config.max_plugins = 2);
    let one = stage.load("one", NOTHING, trusted()).await;
    let folder = stage.path().join("one");
    let error = stage.host.load(&folder, trusted()).await.unwrap_err();
    assert!(matches!(error, LoadError::Duplicate { .. }), "{error}");
    stage.load("two", NOTHING, trusted()).await;
    let third = stage.write("three", NOTHING, "");
    let error = stage.host.load(&third, trusted()).await.unwrap_err();
    assert!(
        matches!(error, LoadError::TooMany { limit: 2, .. }),
        "{error}"
    );
    assert!(error.remedy().is_some());
    let names = |plugins: Vec<linkspan::plugin::host::Plugin>| -> Vec<String> {
        plugins
            .iter()
            .map(|plugin| plugin.name().to_string())
            .collect()
    };
    assert_eq!(names(stage.host.plugins()), ["one", "two"]);

    one.start().await.unwrap();
    wait::within("its end", stage.host.unload(&one)).await;
    assert!(stage.host.plugin("one").is_none());
    assert!(matches!(one.start().await, Err(RunError::Unloaded)));
    stage.host.load(&third, trusted()).await.unwrap();
}

#[tokio::test]
async fn versions_of_the_protocol_have_to_meet() {
    let stage = Stage::new();
    let folder = stage.write("new", NOTHING, "");
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    put(&path, &text.replace("protocol = 1", "protocol = \"7-9\""));
    let error = stage.host.load(&folder, trusted()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("7 to 9") && text.contains("upgrade the host"),
        "{text}"
    );
}

#[tokio::test]
async fn a_plugin_has_to_be_what_its_manifest_says() {
    let stage = Stage::new();
    let folder = stage.write("other", NOTHING, "[methods.something]\n");
    let plugin = stage.host.load(&folder, trusted()).await.unwrap();
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("(other.something), but others (other.nothing)"),
        "{text}"
    );
    assert!(error.remedy().is_some());
    // Another attempt would not help.
    assert_eq!(
        (plugin.state(), plugin.status().restarts),
        (State::Failed, 0)
    );

    stage.write("other", NOTHING, "[methods.nothing]\n");
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    put(
        &path,
        &text.replace("version = \"1.0\"", "version = \"1.1\""),
    );
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the manifest says version 1.1, the plugin says 1.0"
    );
    put(&path, &text);
    wait::within("a start", plugin.start()).await.unwrap();
}

#[tokio::test]
async fn a_plugin_in_a_sandbox_runs_and_reports_how_it_is_confined() {
    let stage = Stage::new();
    let mut terms = trusted();
    terms.sandbox = linkspan::plugin::SandboxLevel::Strict;
    let plugin = stage.load("confined", NOTHING, terms).await;
    match wait::within("a start", plugin.start()).await {
        Ok(()) => {
            let status = plugin.status();
            let applied = &status.instances[0].applied;
            assert_eq!(applied.level, linkspan::plugin::host::Level::Strict);
            plugin
                .send_request::<()>("confined.nothing", &())
                .await
                .unwrap();
        }
        // A container may have no namespaces to give; then it does not run at all.
        Err(error) => {
            let text = format!("{error:?}");
            assert!(text.contains("Sandbox"), "{text}");
            assert!(error.remedy().is_some());
            println!("gap: no sandboxes here: {error}");
        }
    }
}
