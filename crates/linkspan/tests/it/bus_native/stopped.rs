//! Processes that are stopped while others send to them.

use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::bus::{Delivery, Post};
use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;
use tokio::task::block_in_place;

use super::process::{self, ClientProcess, READY};
use super::scene::{Scene, next, small};
use crate::support::LOCAL;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_subscriber_costs_its_publisher_once_and_misses_what_it_is_told() {
    let limit = Duration::from_secs(2);
    let scene = Scene::with(LOCAL, small(8, limit)).await;
    let mut stopped = ClientProcess::start("stopped::subscriber", scene.address(), "stopped");
    let mut reading = scene.client("reading").await.subscribe("t").await.unwrap();
    let reader = tokio::spawn(async move {
        for expected in 0..COUNT {
            let message = next(&mut reading).await;
            assert_eq!(
                (number(&message.payload()), message.gap()),
                (expected, None)
            );
        }
    });
    let publisher = scene.client("publisher").await;
    stopped.signal("STOP");
    let mut taken = 0;
    let mut waits = 0;
    for number in 0..COUNT {
        let start = Instant::now();
        match publisher.post(&numbered(number)).await.unwrap() {
            Delivery::Delivered => taken += 1,
            other => assert_eq!(other, Delivery::NotDelivered),
        }
        waits += usize::from(start.elapsed() >= limit);
    }
    assert_eq!(waits, 1, "one publisher waits once");
    assert!(taken < COUNT / 2, "{taken} messages for who is stopped");
    wait::within("who reads", reader).await.unwrap();

    stopped.signal("CONT");
    // It has half a queue of room when it has read what is on its way.
    while publisher.post(&numbered(COUNT)).await.unwrap() != Delivery::Delivered {}
    let said = block_in_place(|| stopped.hear());
    let dropped = scene.serving.stats().dropped;
    assert_eq!(said, format!("{} read, {dropped} missing", taken + 1));
    assert!(dropped >= COUNT - taken);
}

/// Not a test: reads up to the last message, in another process.
#[tokio::test]
async fn subscriber() {
    let Some(client) = process::ordered().await else {
        return;
    };
    let mut subscription = client.subscribe("t").await.unwrap();
    process::say(READY);
    let reading = async {
        let (mut read, mut missing, mut last) = (0, 0, 0);
        while last != COUNT {
            let message = subscription.next().await.unwrap().unwrap();
            read += 1;
            missing += message.gap().map_or(0, |gap| gap.dropped);
            last = number(&message.payload());
        }
        process::say(&format!("{read} read, {missing} missing"));
    };
    process::work(reading).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callee_with_a_stopped_caller_answers_the_others() {
    let limit = Duration::from_secs(2);
    let scene = Scene::with(LOCAL, small(8, limit)).await;
    let callee = scene.client("callee").await;
    let double = async |number: i64, _: Context| Ok::<_, CallError>(2 * number);
    let large = async |(), _: Context| Ok::<_, CallError>(Raw(vec![0; 100_000].into()));
    callee.serve(
        Router::new()
            .method("double", double)
            .method("large", large),
    );
    let stuck = ClientProcess::start("stopped::caller", scene.address(), "stuck");
    let caller = scene.client("caller").await.remote("callee");
    assert_eq!(caller.send_request("double", &21).await, Ok(42));
    stuck.signal("STOP");
    let mut longest = Vec::new();
    for number in 0..500 {
        let start = Instant::now();
        let answer = caller.send_request("double", &number);
        let answer = wait::within("an answer", answer).await;
        assert_eq!(answer, Ok(2 * number));
        longest.push(start.elapsed());
    }
    longest.sort_unstable_by(|one, other| other.cmp(one));
    // Its answers to who is stopped wait once; then they are dropped.
    assert!(longest[1] < limit, "{:?}", &longest[..4]);
    stuck.signal("CONT");
}

/// Not a test: calls and calls, in another process.
#[tokio::test]
async fn caller() {
    let Some(client) = process::ordered().await else {
        return;
    };
    for _ in 0..32 {
        let remote = client.remote("callee");
        tokio::spawn(async move {
            loop {
                remote.send_request::<Raw>("large", &()).await.ok();
            }
        });
    }
    process::say(READY);
    process::work(std::future::pending()).await;
}

fn numbered(number: u64) -> Post {
    let mut payload = vec![0; 64 * 1024];
    payload[..8].copy_from_slice(&number.to_le_bytes());
    Post::to_topic("t", &Raw(payload.into())).unwrap()
}

fn number(payload: &Bytes) -> u64 {
    u64::from_le_bytes(payload[..8].try_into().unwrap())
}

const COUNT: u64 = 300;
