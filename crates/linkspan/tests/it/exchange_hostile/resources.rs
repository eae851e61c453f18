//! What attackers can take of a process, by the kernel's word.

use std::fs;

use linkspan::Address;
use linkspan::exchange::{Client, ClientConfig};
use linkspan_test::conformance::Place;
use linkspan_test::wait;

use super::child::{self, Process};
use super::raw::{Raw, ieee};
use super::victim::ipc;

const PLACES: [Place; 4] = [
    Place::Unix,
    Place::UnixInterprocess,
    Place::UnixLegacy,
    Place::Tcp,
];

/// Fifty connections announce 64 MiB each and stay, others announce more than may be.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn announced_memory_is_not_taken() {
    for place in PLACES {
        let process = Process::start(place);
        check_alive(place, &process.address).await;
        let before = resident_kib(&process);
        let mut attackers = Vec::new();
        for _ in 0..50 {
            let mut attacker = Raw::connect(&process.address).await;
            attacker.send(&announce(LIMIT)).await;
            attackers.push(attacker);
        }
        for length in [0, LIMIT + 1, u32::MAX].into_iter().cycle().take(48) {
            let mut attacker = Raw::connect(&process.address).await;
            attacker.send(&announce(length)).await;
            assert_eq!(attacker.rest().await, b"");
        }
        // Some bytes of the message make room for some more.
        for attacker in &mut attackers {
            attacker.send(&[b'x'; 10_000]).await;
        }
        check_alive(place, &process.address).await;
        let grown = resident_kib(&process).saturating_sub(before);
        assert!(grown < 16 * 1024, "{grown} KiB more over {place:?}");
        for attacker in &mut attackers {
            assert!(attacker.is_quiet().await, "it has its time");
        }
    }
}

/// They leave no descriptor and no thread behind, and the next one is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_leave_nothing() {
    for place in PLACES {
        let process = Process::start(place);
        check_alive(place, &process.address).await;
        let count = |what| entries(&process, what);
        let idle = || count("fd");
        let before = [count("fd"), count("task")];
        for number in 0..1_000 {
            let mut peer = Raw::connect(&process.address).await;
            if number % 10 == 0 {
                peer.send(&ieee(b"hello")).await;
                assert_eq!(peer.receive(13).await, ieee(b"hello"));
            }
        }
        check_alive(place, &process.address).await;
        wait::until("descriptors are as before", || idle() <= before[0]).await;
        let tasks = count("task");
        assert!(tasks <= before[1] + 2, "{tasks} threads over {place:?}");
    }
}

async fn check_alive(place: Place, address: &Address) {
    let builder = Client::builder().config(ClientConfig::from(&ipc(place)));
    let client = builder.endpoint(address).build().unwrap();
    let answer = wait::within("an answer", client.send("hello")).await;
    assert_eq!(answer.unwrap(), "hello");
}

fn announce(length: u32) -> [u8; 8] {
    u64::from(length).to_le_bytes()
}

/// Physical memory of a process.
fn resident_kib(process: &Process) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", process.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let text = line.unwrap().trim().trim_end_matches(" kB");
    text.parse().unwrap()
}

/// How many descriptors or threads a process has.
fn entries(process: &Process, what: &str) -> usize {
    let path = format!("/proc/{}/{what}", process.id());
    fs::read_dir(path).unwrap().count()
}

const LIMIT: u32 = child::MAX_FRAME_BYTES;
