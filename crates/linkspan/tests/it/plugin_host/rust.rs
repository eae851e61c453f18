//! A plugin in Rust, the example `plugin_greeter`.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use linkspan::plugin::host::{Cause, Exit, Plugin, State};
use linkspan::rpc::CallError;
use linkspan_test::wait;

use super::support::{Stage, trusted};

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, CallError>;
}

#[tokio::test]
async fn a_plugin_in_rust_is_started_called_reloaded_and_stopped() {
    let stage = Stage::new();
    let plugin = load(&stage).await;
    wait::within("a start", plugin.start()).await.unwrap();
    let greeter = GreeterClient::new(plugin.clone());
    let greeted = wait::within("an answer", greeter.greet("Ada".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada!");
    let before = plugin.status().instances[0].pid;
    wait::within("a reload", plugin.reload()).await.unwrap();
    let greeted = wait::within("an answer", greeter.greet("Bo".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Bo!");
    let is_new = || {
        plugin
            .status()
            .instances
            .iter()
            .all(|one| one.pid != before)
    };
    wait::until("the end of the first", is_new).await;
    wait::within("a stop", plugin.stop()).await;
    assert_eq!(plugin.state(), State::Stopped);
    let end = plugin.status().last_end.unwrap();
    assert!(matches!(end.cause, Cause::Asked(Exit::Code(0))), "{end}");
}

/// The example in a folder of its own.
async fn load(stage: &Stage) -> Plugin {
    let folder = stage.path().join("greeter");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
    let own = std::env::current_exe().unwrap();
    let examples = own.ancestors().nth(2).unwrap().join("examples");
    fs::copy(examples.join("plugin_greeter"), folder.join("main")).unwrap();
    fs::set_permissions(folder.join("main"), Permissions::from_mode(0o755)).unwrap();
    let manifest = "format = 1\nname = \"greeter\"\nversion = \"1.0\"\nprotocol = 1\n\
                    sandbox = \"none\"\nentry = { binary = \"main\" }\n";
    let path = folder.join("plugin.toml");
    fs::write(&path, manifest).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    stage.host.load(folder, trusted()).await.unwrap()
}
