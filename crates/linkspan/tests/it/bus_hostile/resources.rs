//! What clients can take of a broker's process, by the kernel's word.

use std::fs;
use std::time::{Duration, Instant};

use linkspan_test::wait;

use crate::bus_busrt::raw::{Client, GREETING, OK, PUBLISH, Raw, operation};
use crate::bus_process::BrokerProcess;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_memory_is_not_taken() {
    for limit in [16 * 1024 * 1024, u32::MAX] {
        let settings = [("max_message_bytes", limit.into())];
        let process = BrokerProcess::with(&settings);
        let mut witness = Client::join(&process.address, "witness").await;
        let mut alone = Vec::new();
        for _ in 0..10 {
            alone.push(round_trips(&mut witness).await);
        }
        let before = process.resident_kib();
        let mut attackers = Vec::new();
        let mut attacked = Vec::new();
        for number in 0..20_u32 {
            let name = format!("attacker{number}");
            let mut attacker = Client::join(&process.address, &name).await;
            // As much as may be, and 4 GiB; ten bytes of it.
            let announced = if number % 2 == 0 { u32::MAX } else { limit };
            let mut header = operation(1, PUBLISH, 0, b"");
            header[5..9].copy_from_slice(&announced.to_le_bytes());
            header.extend_from_slice(b"t\0 8 bytes");
            attacker.raw.send(&header).await;
            attackers.push(attacker);
            attacked.push(round_trips(&mut witness).await);
        }
        let grown = process.resident_kib().saturating_sub(before);
        // The attackers' connections, too.
        assert!(
            grown < 1024,
            "{grown} KiB more with a limit of {limit} bytes"
        );
        alone.sort_unstable();
        attacked.sort_unstable();
        let times = format!("{alone:?} alone, {attacked:?} among attackers");
        assert!(attacked[10] < 4 * alone[5], "{times}");
        // Nobody waits for memory to be zeroed, not once.
        assert!(
            attacked[19] < 4 * alone[9] + Duration::from_secs(1),
            "{times}"
        );
    }
}

/// How long it takes a client to send itself something a hundred times.
async fn round_trips(client: &mut Client) -> Duration {
    let start = Instant::now();
    for _ in 0..100 {
        expect_alive(client).await;
    }
    start.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_idle_clients_cost_little() {
    let process = BrokerProcess::start();
    let mut first = Client::join(&process.address, "first").await;
    expect_alive(&mut first).await;
    let before = process.resident_kib();
    let mut idle = Vec::new();
    for number in 0..COUNT {
        let mut client = Client::join(&process.address, &format!("idle.{number}")).await;
        let own = format!("own/{number}");
        client.subscribe(&["t/+", &own]).await;
        assert_eq!(client.publish(&own, &[b'x'; 3000]).await, OK);
        assert_eq!(client.delivery().await.payload.len(), 3000);
        idle.push(client);
    }
    // All of them were busy, with a burst for each, and know of each other.
    for number in 0..100 {
        assert_eq!(first.publish(&format!("t/{number}"), b"to all").await, OK);
    }
    for client in &mut idle {
        for _ in 0..100 {
            assert_eq!(client.delivery().await.payload, b"to all");
        }
        assert_eq!(client.publish("u", b"to nobody").await, OK);
        client.raw.send(&[0; 9]).await;
    }
    expect_alive(&mut first).await;
    let grown = process.resident_kib().saturating_sub(before);
    // Debug builds need no more; what the kernel has for sockets is not the process's.
    assert!(grown < 18 * COUNT, "{grown} KiB for {COUNT} idle clients");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_and_goes_leaves_nothing() {
    let process = BrokerProcess::start();
    let mut publisher = Client::join(&process.address, "publisher").await;
    let before = descriptors(&process);
    for number in 0..1000 {
        let mut client = Client::join(&process.address, "guest").await;
        if number % 10 == 0 {
            client.subscribe(&["t"]).await;
            // The publisher knows it from now on, and publishes nothing more.
            assert_eq!(publisher.publish("t", b"hello").await, OK);
            assert_eq!(client.delivery().await.payload, b"hello");
        }
    }
    wait::until("descriptors are as before", || {
        descriptors(&process) <= before
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_the_next_client_waits() {
    let process = BrokerProcess::start();
    let mut witness = Client::join(&process.address, "witness").await;
    let limit = descriptors(&process) + 5;
    set_descriptor_limit(&process, limit);
    let mut waiting = Vec::new();
    for _ in 0..20 {
        waiting.push(Raw::connect(&process.address).await);
    }
    wait::until("no descriptor is left", || descriptors(&process) >= limit).await;
    let before = processor_time(&process);
    tokio::time::sleep(Duration::from_millis(500)).await;
    let spent = processor_time(&process) - before;
    // In hundredths of a second.
    assert!(
        spent < 25,
        "{spent} ticks in half a second without descriptors"
    );
    expect_alive(&mut witness).await;
    drop(waiting);
    let mut next = Raw::connect(&process.address).await;
    next.expect(&GREETING).await;
}

async fn expect_alive(client: &mut Client) {
    let own = client.name.clone();
    assert_eq!(client.message(&own, b"alive").await, OK);
    assert_eq!(client.delivery().await.payload, b"alive");
}

fn descriptors(process: &BrokerProcess) -> usize {
    let entries = fs::read_dir(format!("/proc/{}/fd", process.id()));
    entries.unwrap().count()
}

/// Time on processors, in ticks.
fn processor_time(process: &BrokerProcess) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.id())).unwrap();
    let fields = stat.rsplit_once(") ").unwrap().1;
    let times = fields.split(' ').skip(11).take(2);
    times.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

fn set_descriptor_limit(process: &BrokerProcess, limit: usize) {
    let done = std::process::Command::new("prlimit")
        .arg(format!("--pid={}", process.id()))
        .arg(format!("--nofile={limit}:{limit}"))
        .status();
    assert!(done.unwrap().success(), "prlimit of util-linux");
}

/// Clients that idle.
const COUNT: u64 = 1000;
