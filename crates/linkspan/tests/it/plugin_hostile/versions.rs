//! Plugins and hosts of different times: they work together, or it is said which side is to be upgraded.

use std::error::Error;
use std::time::Duration;

use linkspan::plugin::host::{HostConfig, PluginHost, State, Terms};
use linkspan::plugin::{Pins, SandboxLevel};
use linkspan_test::wait;

use super::place::{Place, User};

#[tokio::test]
async fn a_plugin_of_this_version_and_later_ones_works() {
    let (place, host) = stage("older-and-newer", "1-3");
    let folder = place.path().join("plugins/hostile");
    let plugin = host.load(folder, terms()).await.unwrap();
    wait::within("a start", plugin.start()).await.unwrap();
    assert_eq!(plugin.state(), State::Running);
    wait::within("the host's stop", host.stop()).await;
}

#[tokio::test]
async fn a_plugin_of_later_versions_only_is_not_loaded() {
    let (place, host) = stage("newer", "2-3");
    let folder = place.path().join("plugins/hostile");
    let error = host.load(folder, terms()).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "plugin hostile speaks the protocol in versions 2 to 3, this host 1 to 1; upgrade the host"
    );
}

/// Its manifest was not changed with its program.
#[tokio::test]
async fn a_program_of_later_versions_only_is_not_started_twice() {
    let (place, host) = stage("newer", "1");
    let folder = place.path().join("plugins/hostile");
    let plugin = host.load(folder, terms()).await.unwrap();
    let error = wait::within("an end", plugin.start()).await.unwrap_err();
    let text = chain(&error);
    assert!(
        text.contains("this host, its client") && text.contains(TOLD),
        "{text}"
    );
    assert_eq!(plugin.state(), State::Failed);
    assert_eq!(plugin.status().restarts, 0, "another attempt cannot help");
}

fn chain(error: &dyn Error) -> String {
    let source = error.source().map(|source| format!(": {}", chain(source)));
    format!("{error}{}", source.unwrap_or_default())
}

fn stage(mode: &str, versions: &str) -> (Place, PluginHost) {
    let place = Place::new(User::Own).unwrap();
    place.add_program("hostile", &format!("{mode:?}"));
    let entry = format!("{{ binary = \"main\", arguments = [{mode:?}] }}");
    place.add_manifest("hostile", &entry, &format!("protocol = {versions:?}"));
    let mut config = HostConfig::default();
    config.plugins.pins = Pins::Optional;
    config.copies = Some(place.path().join("home/copies"));
    (place, PluginHost::new(config))
}

fn terms() -> Terms {
    let mut terms = Terms::default();
    terms.sandbox = SandboxLevel::None;
    terms.start_timeout = wait::PATIENCE;
    terms.exit_timeout = Duration::from_millis(200);
    terms
}

const TOLD: &str = "the client speaks 1 to 1, the server 2 to 3; upgrade the client";
