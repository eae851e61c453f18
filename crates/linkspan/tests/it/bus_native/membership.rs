//! Names, last wills, and who is there.

use std::time::Duration;

use linkspan::bus::{Client, ClientConfig, ConnectError, Post, PresenceEvent};
use linkspan_test::wait;

#[cfg(unix)]
use super::process::{self, ClientProcess, READY};
use super::scene::{Scene, next};
use crate::support::{LOCAL, SCHEMES};

#[tokio::test]
async fn a_name_is_given_once_and_is_free_afterwards() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let first = scene.client("one").await;
        let second = Client::connect(scene.address(), "one").await.unwrap_err();
        assert!(matches!(second, ConnectError::Refused(_)), "{second:?}");
        first.close(Duration::from_secs(1)).await;
        assert!(first.publish("t", &1).await.is_err());
        let _again = scene.client("one").await;
        for wrong in ["", ".broker", "a\nb"] {
            let refused = Client::connect(scene.address(), wrong).await.unwrap_err();
            assert!(matches!(refused, ConnectError::Refused(_)), "{refused:?}");
        }
    }
}

#[tokio::test]
async fn who_comes_and_goes_is_told() {
    let scene = Scene::at(LOCAL).await;
    let watcher = scene.client("watcher").await;
    let mut presence = watcher.presence().await.unwrap();
    let other = scene.client("other").await;
    let came = wait::within("news", presence.next()).await.unwrap();
    assert_eq!(came, Ok(PresenceEvent::Came("other".into())));
    let clients = watcher.clients().await.unwrap();
    let names: Vec<_> = clients.iter().map(|client| client.name.as_str()).collect();
    assert_eq!(names, [".broker", "other", "watcher"]);
    drop(other);
    let went = wait::within("news", presence.next()).await.unwrap();
    assert_eq!(went, Ok(PresenceEvent::Went("other".into())));
}

fn with_will() -> ClientConfig {
    let mut config = ClientConfig::default();
    let will = Post::to_topic("wills/one", &"gone").unwrap();
    config.will = Some(will.header("why", "lost").unwrap());
    config
}

#[tokio::test]
async fn a_last_will_is_published_for_who_is_lost_and_not_for_who_leaves() {
    let scene = Scene::at("tcp").await;
    let watcher = scene.client("watcher").await;
    let mut wills = watcher.subscribe("wills/#").await.unwrap();
    let leaving = scene.client_with("one", with_will()).await;
    leaving.close(Duration::from_secs(1)).await;
    let dropped = scene.client_with("two", with_will()).await;
    drop(dropped);
    wait::until("both to be gone", || scene.serving.stats().clients == 1).await;

    // A runtime that is gone closes its sockets, as a process that is killed does.
    let address = scene.address().clone();
    let losing = tokio::task::spawn_blocking(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let lost = runtime.block_on(Client::connect_with(address, "three", with_will()));
        std::mem::forget(lost.unwrap());
        runtime.shutdown_background();
    });
    losing.await.unwrap();
    let will = next(&mut wills).await;
    assert_eq!((will.sender(), will.topic()), ("three", "wills/one"));
    assert_eq!(will.decode(), Ok("gone".to_owned()));
    assert_eq!(will.headers().value("why"), Some("lost"));
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_last_will_is_published_for_a_process_that_is_killed_and_not_for_one_that_closes() {
    for scheme in [LOCAL, "tcp"] {
        let scene = Scene::at(scheme).await;
        let watcher = scene.client("watcher").await;
        let mut wills = watcher.subscribe("wills/#").await.unwrap();
        let ending = ClientProcess::start("membership::one_with_a_will", scene.address(), "ending");
        tokio::task::block_in_place(|| ending.end());
        wait::until("it to be gone", || scene.serving.stats().clients == 1).await;
        let killed = ClientProcess::start("membership::one_with_a_will", scene.address(), "killed");
        killed.signal("KILL");
        let will = next(&mut wills).await;
        assert_eq!((will.sender(), will.topic()), ("killed", "wills/one"));
        assert_eq!(will.decode(), Ok("gone".to_owned()));
    }
}

/// Not a test: is there, in another process.
#[cfg(unix)]
#[tokio::test]
async fn one_with_a_will() {
    let Some(client) = process::ordered_with(with_will()).await else {
        return;
    };
    process::say(READY);
    process::work(std::future::pending()).await;
    client.close(wait::PATIENCE).await;
}
