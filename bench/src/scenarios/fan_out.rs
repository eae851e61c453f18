//! One publisher, and many who subscribe.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::bus::{Bus, Client, Publisher, Subscriber, number_of, numbered};
use crate::figures::{Figure, Sample};
use crate::machine::cpu_seconds;
use crate::scenarios::bus::PEERS;
use crate::scenarios::{BusWork, Case, Effort, Scenario, Setting, Target, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "fan-out",
    title: "One to many",
    text: "One client of a broker publishes 100 bytes again and again, as fast as its library lets it \
           without being told of each message, and 1, 8 or 64 subscribe. Deliveries per second are those \
           to all of them together, until the last one; *arrived* is the part of all that should have \
           been made. All clients are in one process of one thread, with a connection each.",
    cases,
    figures: &[Figure::Rate, Figure::Arrived, Figure::BrokerMicros],
    ratios: &[(Figure::Rate, "busrt"), (Figure::Rate, "nats")],
};

/// How many subscribe.
pub(crate) const SUBSCRIBERS: [usize; 3] = [1, 8, 64];

/// The case of so many subscribers.
pub(crate) fn label(subscribers: usize) -> String {
    format!("1 to {subscribers}")
}

fn cases(effort: Effort) -> Vec<Case> {
    let case = |subscribers| Case {
        label: label(subscribers),
        peers: PEERS,
        setting: Setting::OneThread,
        work: Work::Bus(BusWork::FanOut(FanOut {
            subscribers,
            duration: effort.duration,
        })),
    };
    SUBSCRIBERS.map(case).into()
}

/// Publishes for a time to `subscribers` subscribers.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct FanOut {
    subscribers: usize,
    duration: Duration,
}

impl FanOut {
    pub(super) async fn measure<B: Bus>(self, target: Target) -> Result<Sample> {
        let broker = target.server.context("a broker has a process")?;
        let arrived = Arc::new(AtomicU64::new(0));
        let mut subscribers = JoinSet::new();
        for index in 0..self.subscribers {
            let name = format!("subscriber-{index}");
            let client = B::connect(target.address.clone(), name).await?;
            let messages = client.subscriber(TOPIC).await?;
            subscribers.spawn(count(messages, Arc::clone(&arrived)));
        }
        let publisher = B::connect(target.address, "publisher".to_owned()).await?;
        let mut publisher = publisher.publisher(TOPIC).await?;
        let cpu_before = cpu_seconds(broker)?;
        let begin = Instant::now();
        let published = publish(&mut publisher, begin + self.duration).await?;
        let expected = published * self.subscribers as u64;
        let seconds = all_arrived(&arrived, expected, begin).await;
        let cpu = cpu_seconds(broker)? - cpu_before;
        subscribers.abort_all();
        while let Some(ended) = subscribers.join_next().await {
            match ended {
                Err(error) if error.is_cancelled() => {}
                // Those whom the broker has sent away have ended before.
                ended => ended??,
            }
        }
        let deliveries = arrived.load(Ordering::Relaxed) as f64;
        Ok(Sample::default()
            .with(Figure::Rate, deliveries / seconds)
            .with(Figure::Arrived, deliveries * 100.0 / expected as f64)
            .with(Figure::BrokerMicros, cpu * 1e6 / deliveries))
    }
}

/// Publishes until a moment; gives the number of messages.
async fn publish(publisher: &mut impl Publisher, end: Instant) -> Result<u64> {
    let mut number = 0;
    while Instant::now() < end {
        publisher.publish(numbered(number, BODY_BYTES)).await?;
        number += 1;
    }
    publisher.flush().await?;
    Ok(number)
}

/// Counts what arrives, which has to be in order.
async fn count(mut messages: impl Subscriber, arrived: Arc<AtomicU64>) -> Result<()> {
    let mut least = 0;
    while let Some(message) = messages.next().await {
        let number = number_of(message.as_ref(), BODY_BYTES)?;
        ensure!(
            number >= least,
            "message {number} arrived after one of {}",
            least - 1
        );
        least = number + 1;
        arrived.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// Waits until all have arrived, or none does any more; gives the seconds until the last one.
async fn all_arrived(arrived: &AtomicU64, expected: u64, begin: Instant) -> f64 {
    let mut seen = arrived.load(Ordering::Relaxed);
    let mut last = Instant::now();
    while seen < expected && last.elapsed() < QUIET {
        tokio::time::sleep(STEP).await;
        let now = arrived.load(Ordering::Relaxed);
        if now > seen {
            (seen, last) = (now, Instant::now());
        }
    }
    last.duration_since(begin).as_secs_f64()
}

const TOPIC: &str = "bench/fan";
const BODY_BYTES: usize = 100;
/// How exactly the end is seen.
const STEP: Duration = Duration::from_millis(1);
/// What has not arrived in this time does not arrive any more.
const QUIET: Duration = Duration::from_secs(1);
