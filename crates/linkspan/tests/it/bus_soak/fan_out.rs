//! One publisher, eight who read as fast as they can, and one who does not.

use std::sync::Arc;
use std::time::Instant;

use linkspan::bus::{Client, Message, Overflow, Subscribe, Subscription};
use linkspan::codec::Raw;
use linkspan_test::wait;
use tokio::sync::Semaphore;

use super::note;
use crate::bus_process::BrokerProcess;
use crate::support::scaled;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_slow_one_loses_what_is_counted_and_the_fast_ones_nothing() {
    let count = scaled(40_000, 10_000_000);
    let settings = [
        ("queue_messages", QUEUE_MESSAGES),
        ("queue_bytes", QUEUE_BYTES),
        // Who reads is waited for however slow the machine is.
        ("block_timeout_ms", 60_000),
    ];
    let mut broker = BrokerProcess::with(&settings);
    let mut fast = Vec::new();
    for number in 0..FAST {
        let name = format!("fast.{number}");
        let subscription = subscribe(&broker, &name, Overflow::Block).await;
        fast.push(tokio::spawn(read_all(subscription, count)));
    }
    let turns = Arc::new(Semaphore::new(0));
    let slow = subscribe(&broker, "slow", Overflow::DropOldest).await;
    let slow = tokio::spawn(read_now_and_then(slow, count - 1, Arc::clone(&turns)));
    let publisher = Client::connect(&broker.address, "publisher").await.unwrap();
    let before = broker.resident_kib();
    let mut peak = Peak::default();
    let start = Instant::now();
    for number in 0..count {
        publisher.publish_unacked("n", &body(number)).await.unwrap();
        if number % SLOWNESS == 0 {
            turns.add_permits(1);
        }
        if number % (count / 200) == 0 {
            peak.look(&mut broker, before);
        }
    }
    for reader in fast {
        wait::within("all messages", reader).await.unwrap();
    }
    let spent = start.elapsed();
    turns.close();
    let (read, missing) = wait::within("the last message", slow).await.unwrap();
    assert_eq!(read + missing, count);
    assert!(missing > 0, "it was fast enough");
    let said = broker.said();
    assert_eq!((said.dropped, said.queued_bytes), (missing, 0));
    peak.check();
    let (rate, each) = (count as f64 / spent.as_secs_f64(), FAST + 1);
    note(&format!(
        "{count} messages for {each} in {spent:?}, {rate:.0} per second; the slow one missed {missing}; {peak:?}"
    ));
}

async fn subscribe(broker: &BrokerProcess, name: &str, overflow: Overflow) -> Subscription {
    let client = Client::connect(&broker.address, name).await.unwrap();
    let mut wanted = Subscribe::from("n");
    wanted.overflow = Some(overflow);
    client.subscribe(wanted).await.unwrap()
}

/// Reads all numbers, in their order, and none is missing.
async fn read_all(mut subscription: Subscription, count: u64) {
    let mut next = 0;
    while next < count {
        // A limit for each message would take longer than the message.
        let some = async {
            for expected in next..count.min(next + 1000) {
                let message = subscription.next().await.unwrap().unwrap();
                assert_eq!((number(&message), message.gap()), (expected, None));
            }
        };
        wait::within("a thousand messages", some).await;
        next += 1000;
    }
}

/// Reads one message when it may, and without being told when there are no more turns; says how many
/// it read and how many it was told are missing.
async fn read_now_and_then(
    mut subscription: Subscription,
    last: u64,
    turns: Arc<Semaphore>,
) -> (u64, u64) {
    let (mut read, mut missing) = (0, 0);
    loop {
        if let Ok(turn) = turns.acquire().await {
            turn.forget();
        }
        let message = subscription.next().await.unwrap().unwrap();
        missing += message.gap().map_or(0, |gap| gap.dropped);
        let number = number(&message);
        assert_eq!(
            number,
            read + missing,
            "what is missing is told at its place"
        );
        read += 1;
        if number == last {
            return (read, missing);
        }
    }
}

/// A message of 100 bytes.
fn body(number: u64) -> Raw {
    let mut body = vec![b'x'; 100];
    body[..8].copy_from_slice(&number.to_le_bytes());
    Raw(body.into())
}

fn number(message: &Message) -> u64 {
    u64::from_le_bytes(message.payload()[..8].try_into().unwrap())
}

/// The most memory that the broker had.
#[derive(Debug, Default)]
struct Peak {
    queued_bytes: u64,
    grown_kib: u64,
}

impl Peak {
    fn look(&mut self, broker: &mut BrokerProcess, before_kib: u64) {
        self.queued_bytes = self.queued_bytes.max(broker.said().queued_bytes);
        let grown = broker.resident_kib().saturating_sub(before_kib);
        self.grown_kib = self.grown_kib.max(grown);
    }

    /// What waits is bounded by the queues, and all of the memory in proportion.
    fn check(&self) {
        let queues = (FAST + 1) * QUEUE_BYTES;
        assert!(self.queued_bytes <= queues, "{self:?}");
        assert!(
            self.grown_kib * 1024 <= 2 * queues + SESSIONS_BYTES,
            "{self:?}"
        );
    }
}

const FAST: u64 = 8;
const QUEUE_MESSAGES: u64 = 8192;
const QUEUE_BYTES: u64 = 512 * 1024;
/// What ten sessions may have on their way, 8 MiB each, and what the allocator keeps of it.
const SESSIONS_BYTES: u64 = 80 * 1024 * 1024;
/// How much more slowly the slow one reads.
const SLOWNESS: u64 = 100;
