//! Queues in simulated time, and with as many messages as sockets would make slow.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use proto::frame::busrt::{Limits, Name};
use proto::topic::{self, Mask};
use tokio::sync::Notify;

use crate::bus::access::Authorize;
use crate::bus::broker::core::{Core, Wanted};
use crate::bus::broker::member::{Member, Origin};
use crate::bus::broker::message::{Message, Shared};
use crate::bus::broker::publisher::{Delivery, Publisher};
use crate::bus::broker::queue::{Item, Outlet, Queue};
use crate::bus::broker::subscription::Subscription;
use crate::bus::{Config, Overflow};

/// Somebody who does not read.
struct Stopped;

impl Outlet for Stopped {
    fn flush(&self, _: &Queue) {}

    fn overflowed(&self) {}
}

/// Somebody who reads in its own time.
#[derive(Clone, Default)]
struct Told(Arc<Notify>);

impl Outlet for Told {
    fn flush(&self, _: &Queue) {
        self.0.notify_one();
    }

    fn overflowed(&self) {}
}

fn core(adjust: impl FnOnce(&mut Config)) -> Arc<Core> {
    let mut config = Config::default();
    adjust(&mut config);
    Core::new(config, Authorize::default())
}

fn join(core: &Core, name: &str) -> Arc<Member> {
    let name = Name::new(name, &Limits::default()).unwrap();
    let joined = core.join(&name, Origin::internal(), Box::new(Stopped), Box::new(()));
    joined.unwrap()
}

fn subscribe(
    core: &Core,
    name: &str,
    overflow: Overflow,
    outlet: impl Outlet + 'static,
) -> Arc<Subscription> {
    let wanted = Wanted {
        limits: core.config.queue_limits(),
        overflow,
        group: None,
        gaps: false,
        masks: vec![Mask::new("t", &topic::Limits::default()).unwrap()],
        exclusions: Vec::new(),
    };
    core.open_subscription(&join(core, name), wanted, Box::new(outlet))
}

fn message(number: u32) -> Shared {
    let sender = Name::new("publisher", &Limits::default()).unwrap();
    let payload = Bytes::copy_from_slice(&number.to_le_bytes());
    Arc::new(Message::publication(&sender, "t", &payload))
}

/// Publishes a number; says what became of it and how long that took.
async fn publish(publisher: &mut Publisher, number: u32) -> (Delivery, Duration) {
    let start = tokio::time::Instant::now();
    let delivery = publisher.publish(&message(number)).settled().await;
    publisher.flush();
    (delivery, start.elapsed())
}

/// Takes all that waits now; gives the numbers.
fn take(queue: &Queue, bytes: usize) -> Vec<u32> {
    let mut items = Vec::new();
    queue.take(&mut items, bytes);
    let number = |item: &Item| match item {
        Item::Message(message) => {
            u32::from_le_bytes(message.payload().as_ref().try_into().unwrap())
        }
        other => panic!("{other:?} is no message"),
    };
    items.iter().map(number).collect()
}

#[tokio::test(start_paused = true)]
async fn an_hour_without_reading_costs_a_publisher_half_a_second() {
    let core = core(|_| {});
    let stopped = subscribe(&core, "stopped", Overflow::Block, Stopped);
    let mut publisher = Publisher::new(Arc::clone(&core), join(&core, "publisher"));
    let room = u32::try_from(core.config.queue_messages).unwrap();
    for number in 0..room {
        let accepted = (Delivery::Accepted, Duration::ZERO);
        assert_eq!(publish(&mut publisher, number).await, accepted);
    }
    let mut spent = Duration::ZERO;
    for number in room..room + 3600 {
        let (delivery, waited) = publish(&mut publisher, number).await;
        assert_eq!(delivery, Delivery::NotDelivered);
        spent += waited;
        tokio::time::advance(Duration::from_secs(1)).await;
    }
    let limit = core.config.block_timeout;
    assert!(
        spent >= limit && spent < limit + Duration::from_millis(5),
        "{spent:?}"
    );
    assert_eq!(stopped.queue.dropped(), 3600);
    // Above half of it, nothing is taken; below, everything is again.
    let cost = message(0).cost();
    let mut numbers = take(&stopped.queue, cost * (core.config.queue_messages / 2 - 1));
    let refused = (Delivery::NotDelivered, Duration::ZERO);
    assert_eq!(publish(&mut publisher, 0).await, refused);
    numbers.extend(take(&stopped.queue, cost));
    let accepted = (Delivery::Accepted, Duration::ZERO);
    assert_eq!(publish(&mut publisher, room).await, accepted);
    numbers.extend(take(&stopped.queue, usize::MAX));
    assert!(
        numbers.into_iter().eq(0..=room),
        "one gap, which is counted"
    );
    assert_eq!(stopped.queue.dropped(), 3601);
}

#[tokio::test(start_paused = true)]
async fn two_stopped_ones_cost_no_more_than_one() {
    let core = core(|config| config.queue_messages = 4);
    let stopped = ["a", "b"].map(|name| subscribe(&core, name, Overflow::Block, Stopped));
    let mut publisher = Publisher::new(Arc::clone(&core), join(&core, "publisher"));
    let mut spent = Duration::ZERO;
    for number in 0..100 {
        spent += publish(&mut publisher, number).await.1;
    }
    let limit = core.config.block_timeout;
    assert!(
        spent >= limit && spent < limit + Duration::from_millis(5),
        "{spent:?}"
    );
    assert!(stopped.iter().all(|it| it.queue.dropped() == 96));
}

#[tokio::test(start_paused = true)]
async fn without_memory_for_all_one_waits_once_and_goes_on_when_there_is_some() {
    let core = core(|config| {
        config.memory_limit = 4096;
        config.queue_bytes = 4096;
    });
    let greedy = subscribe(&core, "greedy", Overflow::DropOldest, Stopped);
    let mut publisher = Publisher::new(Arc::clone(&core), join(&core, "publisher"));
    for number in 0..100 {
        publish(&mut publisher, number).await;
    }
    assert!(core.memory.used() <= 4096);
    let poor = subscribe(&core, "poor", Overflow::Block, Stopped);
    let mut spent = Duration::ZERO;
    for number in 100..110 {
        spent += publish(&mut publisher, number).await.1;
    }
    let limit = core.config.block_timeout;
    assert!(
        spent >= limit && spent < limit + Duration::from_millis(5),
        "{spent:?}"
    );
    assert_eq!(poor.queue.dropped(), 10);
    // Whoever waits hears of memory that others give back.
    let later = core.member("greedy").unwrap();
    core.close_subscription(&later, &greedy);
    assert_eq!(
        publish(&mut publisher, 110).await,
        (Delivery::Accepted, Duration::ZERO)
    );
    assert_eq!(take(&poor.queue, usize::MAX), [110]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_memory_goes_on_when_others_give_it_back() {
    let core = core(|config| {
        config.memory_limit = 4096;
        config.queue_bytes = 4096;
    });
    let greedy = subscribe(&core, "greedy", Overflow::DropNewest, Stopped);
    let mut publisher = Publisher::new(Arc::clone(&core), join(&core, "publisher"));
    for number in 0..100 {
        publish(&mut publisher, number).await;
    }
    let poor = subscribe(&core, "poor", Overflow::Block, Stopped);
    let giving_back = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        take(&greedy.queue, usize::MAX);
    };
    let (published, ()) = tokio::join!(publish(&mut publisher, 100), giving_back);
    assert_eq!(published.0, Delivery::Accepted);
    assert!(published.1 < Duration::from_millis(110), "{published:?}");
    assert_eq!(take(&poor.queue, usize::MAX), [100]);
}

#[tokio::test(start_paused = true)]
async fn publishers_are_let_in_by_turns() {
    let core = core(|config| config.queue_messages = 4);
    let told = Told::default();
    let slow = subscribe(&core, "slow", Overflow::Block, told);
    let publishers = (0..8).map(|number| {
        let member = join(&core, &format!("publisher{number}"));
        let publisher = Publisher::new(Arc::clone(&core), member);
        tokio::spawn(publish_accepted(publisher, 500))
    });
    let publishers: Vec<_> = publishers.collect();
    // It reads one at a time, and slowly: a whole round takes less than anybody waits.
    let mut taken = 0;
    while taken < 8 * 500 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        taken += take(&slow.queue, 1).len();
    }
    for publisher in publishers {
        publisher.await.unwrap();
    }
    assert_eq!(slow.queue.dropped(), 0);
}

/// Publishes so many numbers, none in vain.
async fn publish_accepted(mut publisher: Publisher, count: u32) {
    for number in 0..count {
        let (delivery, _) = publish(&mut publisher, number).await;
        assert_eq!(delivery, Delivery::Accepted);
    }
}

/// What a reader got.
#[derive(Clone, Default)]
struct Got(Arc<Mutex<Vec<u32>>>);

impl Got {
    fn lock(&self) -> MutexGuard<'_, Vec<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_loses_what_is_counted_and_eight_fast_ones_nothing() {
    const COUNT: u32 = 100_000;
    let core = core(|config| config.queue_messages = 256);
    let slow = subscribe(&core, "slow", Overflow::DropOldest, Stopped);
    let fast: Vec<_> = (0..8)
        .map(|number| {
            let told = Told::default();
            let name = format!("fast{number}");
            let subscription = subscribe(&core, &name, Overflow::Block, told.clone());
            let got = Got::default();
            tokio::spawn(read(subscription, told, got.clone()));
            got
        })
        .collect();
    let mut publisher = Publisher::new(Arc::clone(&core), join(&core, "publisher"));
    let bound = 9 * core.config.queue_messages * message(0).cost();
    let mut slowly = Vec::new();
    for number in 0..COUNT {
        let (delivery, _) = publish(&mut publisher, number).await;
        assert_eq!(delivery, Delivery::Accepted);
        assert!(core.memory.used() <= bound);
        if number % 10 == 0 {
            slowly.extend(take(&slow.queue, 1));
        }
    }
    slowly.extend(take(&slow.queue, usize::MAX));
    tokio::time::sleep(Duration::from_secs(1)).await;
    for got in fast {
        assert!(got.lock().iter().copied().eq(0..COUNT), "all, in order");
    }
    assert!(slowly.is_sorted() && slowly.last() == Some(&(COUNT - 1)));
    let lost = u64::from(COUNT) - slowly.len() as u64;
    assert!(lost > 0);
    assert_eq!((slow.queue.dropped(), core.sums().dropped), (lost, lost));
    assert_eq!(core.memory.used(), 0);
}

/// Reads whatever comes, a few at a time.
async fn read(subscription: Arc<Subscription>, told: Told, got: Got) {
    loop {
        told.0.notified().await;
        while !subscription.queue.is_empty() {
            got.lock().extend(take(&subscription.queue, 4096));
            tokio::task::yield_now().await;
        }
    }
}
