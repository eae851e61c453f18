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
    let another = keys.issue("ops", Vec::new(), None).unwrap();
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
    // Another key is not in its way, wherever it comes from.
    assert_eq!(scene.name_of(Credential::key(another)).await, "key:ops");
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

/// Another user than root, who owns nothing here.
#[cfg(target_os = "linux")]
const STRANGER: u32 = 65_534;
/// Where the other half of the next test finds the server.
#[cfg(target_os = "linux")]
const ADDRESS: &str = "LINKSPAN_TEST_STRANGERS_ADDRESS";

#[cfg(target_os = "linux")]
#[tokio::test]
async fn another_user_is_itself_and_slows_down_nobody_else() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;

    if !rustix::process::geteuid().is_root() {
        println!("skipped: only root can run a program as another user");
        return;
    }
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("ci", Vec::new(), None).unwrap();
    let authentication = auth::Authentication::new(quickly_slowed().with(keys));
    let directory = tempfile::tempdir().unwrap();
    let open = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory.path(), open).unwrap();
    let mut config = linkspan::rpc::ServerConfig::default();
    config.transport.unix_socket.file_permissions = 0o666;
    config.transport.unix_socket.allowed_uids = vec![STRANGER];
    let serving = linkspan::rpc::Server::new()
        .config(config)
        .authentication(authentication.clone())
        .method("whoami", async |(): (), context: linkspan::rpc::Context| {
            Ok::<_, linkspan::rpc::CallError>(context.principal().name)
        })
        .listen(&crate::support::address("unix", &directory))
        .await
        .unwrap();
    let mut stranger = std::process::Command::new(std::env::current_exe().unwrap());
    let half = "security::sources::the_stranger_of_the_test_before";
    stranger.args(["--exact", half, "--nocapture"]);
    stranger.env(ADDRESS, serving.address().to_string());
    stranger.current_dir("/").uid(STRANGER).gid(STRANGER);
    let ran = tokio::task::spawn_blocking(move || stranger.output())
        .await
        .unwrap();
    let ran = match ran {
        // The program itself may lie where others cannot go.
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            println!("skipped: the other user cannot run this program");
            return;
        }
        ran => ran.unwrap(),
    };
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stdout)
    );
    assert_eq!(authentication.stats().slowed, 1);
    let ours = connect(serving.address(), Some(Credential::key(key)))
        .await
        .unwrap();
    assert_eq!(whoami(&ours).await, "key:ci");
}

/// Not a test by itself: what the stranger does.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_stranger_of_the_test_before() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let address: linkspan::Address = address.parse().unwrap();
    // The server's socket is root's.
    let client = |credential| {
        let address = address.clone();
        async move {
            let mut config = linkspan::rpc::ClientConfig::default();
            config.transport.unix_socket.allowed_uids = vec![0];
            config.session.credential = credential;
            config.reconnect = None;
            let router = linkspan::rpc::Router::new();
            linkspan::rpc::Client::connect_with(&address, config, router).await
        }
    };
    let name = whoami(&client(None).await.unwrap()).await;
    assert_eq!(name, format!("uid:{STRANGER}"));
    for _ in 0..4 {
        let guess = Credential::key(SecretKey::new_api_key().unwrap());
        let error = client(Some(guess)).await.unwrap_err();
        assert_eq!(refusal(&error).code, Code::DENIED);
    }
    let guess = Credential::key(SecretKey::new_api_key().unwrap());
    let error = client(Some(guess)).await.unwrap_err();
    assert_eq!(refusal(&error).code, Code::BUSY);
}
