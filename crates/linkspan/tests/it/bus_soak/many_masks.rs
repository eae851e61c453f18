//! Subscribing among many masks.

use std::fmt::Write;
use std::time::{Duration, Instant};

use linkspan_test::wait;

use super::note;
use crate::bus_busrt::raw::{ACKED, Client, OK, SUBSCRIBE, operation};
use crate::bus_busrt::scene::Scene;
use crate::support::scaled;

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
async fn time_to_subscribe(client: &mut Client, tag: &str, count: u32) -> Duration {
    let mut all = Vec::new();
    for number in 0..count {
        let mask = format!("floor/{}/{tag}/{number}/#", number % 100);
        all.extend(operation(number, SUBSCRIBE, ACKED, mask.as_bytes()));
    }
    let start = Instant::now();
    client.raw.send(&all).await;
    let acks = client.raw.read(6 * count as usize).await;
    let spent = start.elapsed();
    assert!(acks.chunks(6).all(|ack| ack[0] == 0xfe && ack[5] == OK));
    spent
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscribing_takes_no_longer_among_ten_times_as_many_masks() {
    let count = u32::try_from(scaled(1000, FULL.into())).unwrap();
    let scene = Scene::start().await;
    let mut client = scene.client("client").await;
    let few = time_to_subscribe(&mut client, "few", count).await;
    fill(&mut client, 10 * count).await;
    let many = time_to_subscribe(&mut client, "many", count).await;
    assert_eq!(scene.stats().masks, 12 * count as usize + 1);
    note(&format!(
        "{count} subscribes in {few:?} among few masks, in {many:?} among {}",
        11 * count
    ));
    assert!(
        many < few * 4,
        "{few:?} among few masks, {many:?} among many"
    );
    // The lane builds with optimisations, and has the machine for itself.
    if count == FULL {
        assert!(many < Duration::from_secs(1), "{many:?}");
    }
    let start = Instant::now();
    drop(client);
    wait::until("the masks to be gone", || scene.stats().masks == 0).await;
    assert_eq!(scene.stats().clients, 0);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
    scene.stop().await;
}

/// Among ten times as many.
const FULL: u32 = 10_000;
