//! Where attempts come from: who is slowed down, and users of the system.

use std::time::Duration;

use linkspan::Code;
use linkspan::auth::{self, ApiKeys, Credential, SecretKey};
use proto::message::Proof;

use crate::security::scene::{Scene, connect, denied, refusal, whoami};
use crate::support::LOCAL;

fn quickly_slowed() -> auth::Config {
    let mut config = auth::Config::default();
    config.slowdown.free_failures = 3;
    config.slowdown.first_pause = Duration::from_secs(600);
    config.slowdown.longest_pause = Duration::from_secs(600);
    config
}

#[tokio::test]
async fn whoever_fails_again_and_again_has_to_wait_and_nobody_else() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let mut scene = Scene::new("tcp", quickly_slowed().with(keys)).await;
    let local = {
        let directory = tempfile::tempdir().unwrap();
        let address = crate::support::address(LOCAL, &directory);
        (scene.serving.also(&address).await.unwrap(), directory)
    };
    let before = scene.connect(Credential::key(key.clone())).await.unwrap();
    for _ in 0..4 {
        let guess = Proof::of_key(key.id(), [1; 32]);
        assert_eq!(scene.attempt("api_key", |_| guess).await, denied());
    }
    // Now even the right key has to wait, and is told how long.
    let error = scene
        .connect(Credential::key(key.clone()))
        .await
        .unwrap_err();
    assert_eq!(refusal(&error).code, Code::BUSY);
    assert!(refusal(&error).retry_after.unwrap() > Duration::from_secs(500));
    assert_eq!(scene.last()["reason"], "slowed");
    assert_eq!(scene.authentication.stats().slowed, 1);
    // Others come in, and whoever was there before stays.
    let other = connect(&local.0, Some(Credential::key(key))).await.unwrap();
    assert_eq!(whoami(&other).await, "key:ci");
    assert_eq!(whoami(&before).await, "key:ci");
}

#[tokio::test]
async fn the_users_of_local_sockets_are_believed_without_proof() {
    let scene = Scene::new(LOCAL, auth::Config::default()).await;
    let client = connect(scene.address(), None).await.unwrap();
    let name = whoami(&client).await;
    assert!(
        name.starts_with("uid:") || name.starts_with("sid:"),
        "{name}"
    );
    assert_eq!(scene.last()["method"], "peer_credentials");
    // A key that the server does not take is not offered in vain: the user counts.
    let stray = Credential::key(SecretKey::new_api_key().unwrap());
    assert_eq!(scene.name_of(stray).await, name);
}

#[tokio::test]
async fn a_server_without_ways_to_prove_anything_lets_nobody_in() {
    let mut config = auth::Config::default();
    config.authenticators.clear();
    for scheme in ["mem", LOCAL, "tcp"] {
        let scene = Scene::new(scheme, config.clone()).await;
        let error = connect(scene.address(), None).await.unwrap_err();
        assert_eq!(refusal(&error).code, Code::DENIED, "{scheme}");
    }
}
