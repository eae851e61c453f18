//! Brokers that are killed under load.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use linkspan::bus::{Client, Delivery, Message, Subscription};
use linkspan::rpc::{CallError, Context, Router};
use linkspan_test::wait;

use super::process::{self, ClientProcess, READY};
use super::scene::next;
use crate::bus_process::BrokerProcess;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_come_back_to_a_broker_that_was_killed_under_load() {
    let mut broker = BrokerProcess::start();
    let publishers =
        PUBLISHERS.map(|name| ClientProcess::start("comeback::publisher", &broker.address, name));
    let mut readers = Vec::new();
    for name in ["reader.0", "reader.1"] {
        let client = Client::connect(&broker.address, name).await.unwrap();
        let subscription = client.subscribe("load/#").await.unwrap();
        let heard = Heard::default();
        let reading = tokio::spawn(read_until_over(subscription, heard.clone()));
        readers.push((heard, reading));
    }
    let witness = Client::connect(&broker.address, "witness").await.unwrap();
    for _ in 0..KILLS {
        hear_from_all(&readers).await;
        broker.kill();
        broker.start_again();
    }
    // All come back by themselves, and so does what they wanted.
    hear_from_all(&readers).await;
    let over = witness.publish("load/over", &()).await;
    assert_eq!(over, Ok(Delivery::Delivered));
    for (_, reader) in readers {
        let disconnections = wait::within("the last message", reader).await.unwrap();
        assert_eq!(disconnections, KILLS, "each is told once");
    }
    drop(publishers);
}

/// Not a test: publishes numbers, in another process.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publisher() {
    let Some(client) = process::ordered().await else {
        return;
    };
    process::say(READY);
    let publishing = async {
        for number in 0_u64.. {
            client.publish_unacked("load/x", &number).await.unwrap();
        }
    };
    process::work(publishing).await;
}

/// How many messages a reader got, by their publishers.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeMap<String, u64>>>);

impl Heard {
    fn note(&self, sender: &str) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *heard.entry(sender.to_owned()).or_default() += 1;
    }

    fn counts(&self) -> [u64; 3] {
        let heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        PUBLISHERS.map(|name| heard.get(name).copied().unwrap_or_default())
    }
}

/// Waits until all readers got more from all publishers.
async fn hear_from_all<T>(readers: &[(Heard, T)]) {
    let before: Vec<_> = readers.iter().map(|(heard, _)| heard.counts()).collect();
    wait::until("messages of all for all", || {
        let now = readers.iter().map(|(heard, _)| heard.counts());
        let more = now.zip(&before).map(|(now, before)| {
            let mut both = now.iter().zip(before);
            both.all(|(now, before)| *now >= before + 100)
        });
        more.into_iter().all(|is_more| is_more)
    })
    .await;
}

/// Reads up to the last message, and sees that nothing is missing that was not told; says how often the
/// broker was lost.
async fn read_until_over(mut subscription: Subscription, heard: Heard) -> u64 {
    let mut disconnections = 0;
    let mut sequence = Sequence::default();
    loop {
        let message = next(&mut subscription).await;
        if let Some(gap) = message.gap() {
            disconnections += u64::from(gap.is_disconnected);
            sequence.may_miss();
        }
        if message.topic() == "load/over" {
            return disconnections;
        }
        sequence.check(&message);
        heard.note(message.sender());
    }
}

/// What each publisher said last, and whether something may be missing since.
#[derive(Default)]
struct Sequence(BTreeMap<String, (u64, bool)>);

impl Sequence {
    fn may_miss(&mut self) {
        self.0
            .values_mut()
            .for_each(|(_, may_miss)| *may_miss = true);
    }

    fn check(&mut self, message: &Message) {
        let number: u64 = message.decode().unwrap();
        let sender = message.sender().to_owned();
        if let Some((last, may_miss)) = self.0.insert(sender, (number, false)) {
            let is_next = number == last + 1 || (may_miss && number > last);
            assert!(is_next, "{number} after {last}, told: {may_miss}");
        }
    }
}

const PUBLISHERS: [&str; 3] = ["publisher.0", "publisher.1", "publisher.2"];
const KILLS: u64 = 2;

#[tokio::test]
async fn calls_fail_with_the_broker_and_names_are_served_again() {
    let mut broker = BrokerProcess::start();
    let join = async |name| Client::connect(&broker.address, name).await.unwrap();
    let (caller, callee) = (join("one").await, join("two").await);
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    let hang = move |_: (), _: Context| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.ok();
            std::future::pending::<Result<(), CallError>>().await
        }
    };
    let router = Router::new().method("hang", hang);
    callee.serve(router.method("double", async |number: i64, _: Context| {
        Ok::<_, CallError>(2 * number)
    }));
    let remote = caller.remote("two");
    let hanging = tokio::spawn(async move { remote.send_request::<()>("hang", &()).await });
    wait::within("the call to begin", has_begun.recv()).await;
    broker.kill();
    let failed = wait::within("the call to fail", hanging).await.unwrap();
    assert!(
        matches!(failed, Err(CallError::OutcomeUnknown { .. })),
        "{failed:?}"
    );

    broker.start_again();
    let remote = caller.remote("two");
    let answered = async {
        loop {
            match remote.send_request::<i64>("double", &21).await {
                // The callee needs longer than the caller.
                Err(CallError::NotAccepted { .. }) => tokio::task::yield_now().await,
                answer => return answer,
            }
        }
    };
    assert_eq!(wait::within("an answer", answered).await, Ok(42));
}

#[tokio::test]
async fn what_was_missed_is_told_behind_what_waited_already() {
    let mut broker = BrokerProcess::start();
    let join = async |name| Client::connect(&broker.address, name).await.unwrap();
    let (sender, receiver) = (join("one").await, join("two").await);
    receiver.serve(Router::new().method("ping", async |(), _: Context| Ok::<_, CallError>(())));
    assert_eq!(sender.send("two", &1).await, Ok(Delivery::Delivered));
    // It comes the same way, so the message is there when it is answered.
    assert_eq!(sender.remote("two").send_request("ping", &()).await, Ok(()));
    broker.kill();
    broker.start_again();
    let sent = async { while sender.send("two", &2).await != Ok(Delivery::Delivered) {} };
    wait::within("the receiver to be there again", sent).await;
    let mut inbox = receiver.inbox();
    let first = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!((first.decode(), first.gap()), (Ok(1), None));
    let second = wait::within("a message", inbox.next()).await.unwrap();
    assert_eq!(second.decode(), Ok(2));
    assert!(second.gap().is_some_and(|gap| gap.is_disconnected));
}
