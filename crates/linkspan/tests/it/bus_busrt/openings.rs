//! The beginning of connections: who gets which name, and who is refused how.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use linkspan_test::wait;

use super::raw::{
    ACCESS_DENIED, BAD_DATA, BUSY, Client, GREETING, NOT_REGISTERED, NOT_SUPPORTED, OK, PUBLISH,
    Raw, body, bytes, operation,
};
use super::scene::Scene;

#[tokio::test]
async fn greetings_of_others_are_not_supported() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        for greeting in ["AA 01 00", "EB 02 00", "EB 01 01"] {
            let mut raw = Raw::connect(address).await;
            raw.expect(&GREETING).await;
            raw.send(&bytes(greeting)).await;
            raw.expect(&[NOT_SUPPORTED]).await;
            raw.expect_end().await;
        }
    }
    scene.stop().await;
}

#[tokio::test]
async fn names_that_nobody_may_have_are_refused() {
    let scene = Scene::start().await;
    let long = "n".repeat(1025);
    // A NUL would let a client write into what others get in its name.
    let names = [
        "",
        ".",
        ".x",
        ".broker",
        ".broker%%1",
        "admin\0\x01\x07",
        "a\nb",
        "a\x7f",
        "a\u{85}b",
        long.as_str(),
    ];
    for address in scene.addresses() {
        for name in names {
            let refused = Client::try_join(address, name.as_bytes()).await.err();
            assert_eq!(refused, Some(Some(BAD_DATA)), "{name:?}");
        }
        let refused = Client::try_join(address, b"a\xff").await.err();
        assert_eq!(refused, Some(None), "what is no text is not answered");
    }
    scene.stop().await;
}

#[tokio::test]
async fn any_other_name_is_taken() {
    let scene = Scene::start().await;
    let long = "n".repeat(1024);
    for address in scene.addresses() {
        let mut clients = Vec::new();
        for name in ["a b", "a/b", "*", "?", "#", "%", "ä.ö", long.as_str()] {
            clients.push(Client::join(address, name).await);
        }
        drop(clients);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_name_in_use_is_busy() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let mut first = Client::join(address, "one").await;
        let refused = Client::try_join(address, b"one").await.err();
        assert_eq!(refused, Some(Some(BUSY)));
        assert_eq!(first.message("one", b"still there").await, OK);
        drop(first);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_name_may_come_byte_by_byte() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let mut raw = Raw::connect(address).await;
        for byte in bytes("EB 01 00 03 00 6F 6E 65") {
            raw.send(&[byte]).await;
        }
        raw.expect(&bytes("EB 01 00 01 01")).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn each_step_has_its_time_however_slowly_it_comes() {
    let limit = Duration::from_millis(150);
    let scene = Scene::with(|config| config.timeout = limit).await;
    for address in scene.addresses() {
        for steps in ["", "EB 01", "EB 01 00", "EB 01 00 20 00"] {
            let mut raw = Raw::connect(address).await;
            let start = Instant::now();
            raw.send(&bytes(steps)).await;
            // A byte now and then does not make it last longer.
            let trickle = async {
                loop {
                    tokio::time::sleep(limit / 5).await;
                    if steps.len() > 12 && raw.pour(b"n").await.is_err() {
                        return;
                    }
                    if steps.len() <= 12 {
                        raw.rest().await;
                        return;
                    }
                }
            };
            wait::within("the end of an opening", trickle).await;
            let lasted = start.elapsed();
            assert!(lasted >= limit, "{steps:?} ended after {lasted:?}");
            assert!(lasted < limit * 10, "{steps:?} lasted {lasted:?}");
        }
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_secondary_belongs_to_its_primary() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let refused = Client::try_join(address, b"a%%1").await.err();
        assert_eq!(refused, Some(Some(NOT_REGISTERED)));
        let primary = Client::join(address, "a").await;
        let mut secondaries = Vec::new();
        for name in ["a%%", "a%%1", "a%%1%%2"] {
            secondaries.push(Client::join(address, name).await);
        }
        let busy = Client::try_join(address, b"a%%1").await.err();
        assert_eq!(busy, Some(Some(BUSY)));
        drop(primary);
        for secondary in &mut secondaries {
            assert_eq!(secondary.next().await, None);
        }
        // Their names are free with that of their primary.
        let _primary = Client::join(address, "a").await;
        let _secondary = Client::join(address, "a%%1").await;
        drop((_primary, _secondary));
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_secondary_from_elsewhere_is_denied_unless_all_may() {
    use linkspan::bus::Secondaries;

    for (secondaries, expected) in [
        (Secondaries::SamePeer, Some(Some(ACCESS_DENIED))),
        (Secondaries::Anybody, None),
    ] {
        let scene = Scene::with(|config| config.secondaries = secondaries).await;
        let _primary = Client::join(&scene.local, "admin").await;
        // Nobody knows whether a network address is the same process as one on a local socket.
        let refused = Client::try_join(&scene.tcp, b"admin%%x").await.err();
        assert_eq!(refused, expected);
        scene.stop().await;
    }
}

#[tokio::test]
async fn a_name_can_be_taken_over_where_that_is_allowed() {
    let scene = Scene::with(|config| config.force_register = true).await;
    for address in scene.addresses() {
        let mut watcher = Client::join(address, "watcher").await;
        watcher.subscribe(&[".broker/info"]).await;
        let mut first = Client::join(address, "one").await;
        first.subscribe(&["t"]).await;
        let mut secondary = Client::join(address, "one%%1").await;
        let mut second = Client::join(address, "one").await;
        assert_eq!(first.next().await, None);
        assert_eq!(secondary.next().await, None);
        assert_eq!(second.publish("t", b"not subscribed").await, OK);
        second.expect_payloads(&[]).await;
        // It does not apply to secondaries.
        let _secondary = Client::join(address, "one%%1").await;
        let busy = Client::try_join(address, b"one%%1").await.err();
        assert_eq!(busy, Some(Some(BUSY)));
        drop((second, _secondary));
        let mut seen = Vec::new();
        for _ in 0..3 {
            let event = watcher.delivery().await.payload;
            seen.push(String::from_utf8_lossy(&event[4..7]).into_owned());
        }
        assert_eq!(seen, ["reg", "reg", "unr"]);
        drop(watcher);
        scene.until_clients(0).await;
    }
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_free_while_its_last_words_wait_for_somebody() {
    let scene = Scene::with(|config| {
        config.queue_messages = 4;
        config.block_timeout = Duration::from_secs(60);
    })
    .await;
    let mut stopped = scene.client("stopped").await;
    stopped.subscribe(&["t"]).await;
    // It is another process because on Windows a pipe stays open in its process until all is written.
    let program = std::env::current_exe().unwrap();
    let mut hasty = Command::new(program)
        .args(["--exact", "bus_busrt::openings::hasty", "--nocapture"])
        .env(HASTY, scene.local.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait::until("a full queue", || scene.stats().queued_bytes > 400_000).await;
    hasty.kill().unwrap();
    hasty.wait().unwrap();
    let _again = scene.client("hasty").await;
    scene.stop().await;
}

/// Not a test: a client that publishes for as long as it lives, when the test above has started this
/// program.
#[tokio::test]
async fn hasty() {
    let Ok(address) = std::env::var(HASTY) else {
        return;
    };
    let mut client = Client::join(&address.parse().unwrap(), "hasty").await;
    let publication = operation(1, PUBLISH, 0, &body(&["t"], &[b'x'; 100_000]));
    while client.raw.pour(&publication).await.is_ok() {}
}

const HASTY: &str = "LINKSPAN_TEST_BUS_HASTY";
