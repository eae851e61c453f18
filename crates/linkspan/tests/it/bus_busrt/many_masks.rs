//! Subscribing among many masks.

use std::fmt::Write;
use std::time::{Duration, Instant};

use super::raw::{ACKED, Client, OK, SUBSCRIBE, operation};
use super::scene::Scene;

/// Subscribes to so many masks, many in each frame.
async fn fill(client: &mut Client, count: u32) {
    for first in (0..count).step_by(1000) {
        let mut list = String::new();
        for number in first..first + 1000 {
            write!(list, "floor/{}/room/{number}/+\0", number % 100).unwrap();
        }
        assert_eq!(
            client
                .ask(SUBSCRIBE, list.trim_end_matches('\0').as_bytes())
                .await,
            OK
        );
    }
}

/// How long it takes to subscribe once in each of many frames, all acked.
async fn time_to_subscribe(client: &mut Client, tag: &str) -> Duration {
    let mut all = Vec::new();
    for number in 0..COUNT {
        let mask = format!("floor/{}/{tag}/{number}/#", number % 100);
        all.extend(operation(number, SUBSCRIBE, ACKED, mask.as_bytes()));
    }
    let start = Instant::now();
    client.raw.send(&all).await;
    let acks = client.raw.read(6 * COUNT as usize).await;
    let spent = start.elapsed();
    assert!(acks.chunks(6).all(|ack| ack[0] == 0xfe && ack[5] == OK));
    spent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribing_takes_no_longer_among_ten_times_as_many_masks() {
    let scene = Scene::start().await;
    let mut client = scene.client("client").await;
    let few = time_to_subscribe(&mut client, "few").await;
    fill(&mut client, 10 * COUNT).await;
    let many = time_to_subscribe(&mut client, "many").await;
    assert_eq!(scene.stats().masks, 12 * COUNT as usize + 1);
    assert!(
        many < few * 4,
        "{few:?} among few masks, {many:?} among many"
    );
    if !cfg!(debug_assertions) {
        assert!(many < Duration::from_secs(1), "{many:?}");
    }
    let start = Instant::now();
    drop(client);
    scene.until_clients(0).await;
    assert_eq!(scene.stats().masks, 0);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    scene.stop().await;
}

/// Ten thousand among a hundred thousand; debug builds are too slow for that.
const COUNT: u32 = if cfg!(debug_assertions) { 1000 } else { 10_000 };
