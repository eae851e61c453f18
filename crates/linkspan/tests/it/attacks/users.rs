//! Another user of the system, who really is one.

use std::future::Future;
use std::os::unix::process::CommandExt;
use std::process::Command;

use linkspan::Address;
use linkspan::rpc::{Client, ClientConfig, Router};

use super::Noted::{Audited, Nowhere};
use super::town::{Town, chain};
use super::{Attack, all_are_refused};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_of_the_system_is_refused() {
    if let Err(why) = stranger("") {
        println!("skipped: this process cannot be another user: {why}");
        return;
    }
    let town = Town::new().await;
    all_are_refused(&town, AT_THE_DOOR).await;
    let mine = |mode| {
        move |config: &mut linkspan::rpc::ServerConfig| {
            config.transport.unix_socket.file_permissions = mode;
        }
    };
    all_are_refused(&Town::with(mine(0o600)).await, CLOSED).await;
    let shared = Town::with(|config| {
        config.transport.unix_socket.allowed_uids = vec![STRANGER];
        let with = config.session.authentication.take().unwrap();
        let known = linkspan::auth::Config::clone(&with.config());
        let known = known.with(linkspan::auth::PeerCredentials::default());
        config.session.authentication = Some(linkspan::auth::Authentication::new(known));
    });
    all_are_refused(&shared.await, INSIDE).await;
}

const AT_THE_DOOR: &[Attack] = &[
    Attack {
        name: "a local socket that others can reach",
        done: |town| Box::pin(told(town.local())),
        told: "the server does not serve this user",
        noted: Audited("session.open", "untrusted_user", "uid:65534"),
    },
    Attack {
        name: "TCP within the machine",
        done: |town| Box::pin(told(town.plain())),
        told: "the client is not authenticated",
        noted: Audited("session.open", "handshake", "127.0.0.1"),
    },
];

const CLOSED: &[Attack] = &[Attack {
    name: "a local socket of another's",
    done: |town| Box::pin(told(town.local())),
    told: "Permission denied",
    // It is the system that refuses.
    noted: Nowhere,
}];

const INSIDE: &[Attack] = &[Attack {
    name: "a call by a user who is let in and has no rights",
    done: |town| Box::pin(told(town.local())),
    told: "uid:65534 may not rpc.call:vault.open",
    noted: Audited("rpc.call", "no_right", "uid:65534"),
}];

/// What the other user is told at an address.
fn told(address: &Address) -> impl Future<Output = String> + Send + use<> {
    let address = address.to_string();
    async move {
        let run = tokio::task::spawn_blocking(move || stranger(&address));
        run.await.unwrap().unwrap()
    }
}

/// Runs this program as another user; gives what that one is told.
fn stranger(address: &str) -> Result<String, String> {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program
        .args(["--exact", "attacks::users::the_stranger", "--nocapture"])
        .env(ADDRESS, address)
        .current_dir("/")
        .uid(STRANGER)
        .gid(STRANGER);
    let ran = program.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&ran.stdout);
    let told = said.lines().find_map(|line| line.split_once(TOLD));
    match told {
        Some((_, told)) => Ok(told.to_owned()),
        None => Err(format!("{said}{}", String::from_utf8_lossy(&ran.stderr))),
    }
}

/// Not a test by itself: the other user, when the test above has started this program.
#[tokio::test]
async fn the_stranger() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let told = match address.as_str() {
        "" => "nothing".to_owned(),
        address => {
            let mut config = ClientConfig::default();
            config.transport.unix_socket.allowed_uids = vec![0];
            config.reconnect = None;
            match Client::connect_with(address, config, Router::new()).await {
                Err(error) => chain(&error),
                Ok(client) => {
                    let gold = client.send_request::<String>("vault.open", &()).await;
                    gold.unwrap_or_else(|error| error.to_string())
                }
            }
        }
    };
    println!("\n{TOLD}{told}");
}

/// Who owns nothing here.
const STRANGER: u32 = 65_534;
const ADDRESS: &str = "LINKSPAN_TEST_ATTACKED";
const TOLD: &str = "the stranger is told: ";
