//! Clients that come and go under the same names, which are free each time.

use std::time::{Duration, Instant};

use linkspan::bus;
use linkspan_test::wait;

use super::note;
use crate::bus_busrt::raw::Client;
use crate::bus_busrt::scene::Scene;
use crate::support::scaled;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_of_busrt_leave_no_name_behind() {
    let scene = Scene::start().await;
    for address in scene.addresses() {
        let start = Instant::now();
        for round in 0..rounds() {
            let primary = Client::join(address, "same").await;
            let secondary = Client::join(address, "same%%0").await;
            // Either may go first.
            match round % 2 {
                0 => drop((primary, secondary)),
                _ => drop((secondary, primary)),
            }
        }
        let spent = start.elapsed();
        note(&format!("BUS/RT, {}: {spent:?}", address.scheme()));
    }
    wait::until("all to be gone", || scene.stats().masks == 0).await;
    assert_eq!(scene.stats().clients, 0);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn native_clients_leave_no_name_behind() {
    let scene = Scene::start().await;
    for address in [&scene.local, &scene.tcp] {
        let start = Instant::now();
        for round in 0..rounds() {
            let join = async |name| {
                let joined = wait::within("a name", bus::Client::connect(address, name)).await;
                joined.unwrap_or_else(|error| panic!("{name} in round {round}: {error}"))
            };
            let primary = join("same").await;
            let secondary = join("same%%0").await;
            let _subscription = primary.subscribe("t/#").await.unwrap();
            if round % 2 == 0 {
                primary.close(Duration::from_secs(1)).await;
            }
            drop((primary, secondary));
        }
        let spent = start.elapsed();
        note(&format!("native, {}: {spent:?}", address.scheme()));
    }
    wait::until("all to be gone", || scene.stats().masks == 0).await;
    assert_eq!(scene.stats().clients, 0);
    scene.stop().await;
}

fn rounds() -> u64 {
    scaled(300, 10_000)
}
