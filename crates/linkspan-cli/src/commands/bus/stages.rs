//! What `linkspan bus bench` measures.

use std::time::{Duration, Instant};

use anyhow::Context;
use bytes::{Bytes, BytesMut};
use hdrhistogram::Histogram;
use linkspan::bus::{Client, Delivery, Post, Subscription};
use linkspan::codec::{Codec, Raw};
use linkspan::rpc::{CallError, Request, Response, Router};
use tokio::task::JoinSet;

use crate::commands::bus::bench::{Measured, Stage};
use crate::commands::bus::client::{At, CLOSE_LIMIT, off_the_bus};
use crate::commands::measure::histogram;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};

/// How much is done.
#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) count: u64,
    pub(super) bytes: usize,
    pub(super) subscribers: u32,
    pub(super) callers: u32,
}

/// What one client has seen.
type Seen = (Histogram<u64>, u64);

pub(super) async fn measure(
    stage: Stage,
    load: Load,
    at: &At,
    loaded: &Loaded,
) -> Result<Measured> {
    let bench = Bench {
        load,
        base: at.own_name(),
        at,
        loaded,
        began: Instant::now(),
    };
    match stage {
        Stage::Publish => bench.publish().await,
        Stage::Fanout => bench.fan_out().await,
        Stage::Call => bench.call().await,
    }
}

struct Bench<'a> {
    load: Load,
    /// Names of clients and topics begin with it.
    base: String,
    at: &'a At,
    loaded: &'a Loaded,
    began: Instant,
}

impl Bench<'_> {
    async fn publish(&self) -> Result<Measured> {
        let publisher = self.client("publisher").await?;
        let subscriber = self.client("subscriber").await?;
        let topic = format!("{}/publish", self.base);
        let subscription = subscriber.subscribe(topic.as_str()).await?;
        let reader = tokio::spawn(read(subscription, subscriber, self.began));
        let mut latencies = histogram()?;
        let began = Instant::now();
        for _ in 0..self.load.count {
            let post = self.post(&topic)?;
            let sent = Instant::now();
            let delivery = publisher.post(&post).await?;
            latencies.saturating_record(nanos(sent.elapsed()));
            if delivery == Delivery::Nobody {
                return Err(vanished());
            }
        }
        let time = began.elapsed();
        end(&publisher, &topic).await?;
        let (_, lost) = reader.await.context("a subscriber broke")??;
        publisher.close(CLOSE_LIMIT).await;
        Ok(Measured {
            latencies,
            time,
            lost,
        })
    }

    async fn fan_out(&self) -> Result<Measured> {
        let publisher = self.client("publisher").await?;
        let topic = format!("{}/fanout", self.base);
        let mut readers = JoinSet::new();
        for number in 0..self.load.subscribers {
            let subscriber = self.client(&format!("subscriber-{number}")).await?;
            let subscription = subscriber.subscribe(topic.as_str()).await?;
            readers.spawn(read(subscription, subscriber, self.began));
        }
        let began = Instant::now();
        for _ in 0..self.load.count {
            publisher.post_unacked(&self.post(&topic)?).await?;
        }
        let measured = tokio::select! {
            measured = gather(readers, began) => measured,
            failed = tell_end(&publisher, &topic) => Err(failed),
        };
        publisher.close(CLOSE_LIMIT).await;
        measured
    }

    async fn call(&self) -> Result<Measured> {
        let callee = self.client("callee").await?;
        callee.serve(Router::new().raw_method(METHOD, echo));
        let body = Bytes::from(vec![0x5A; self.load.bytes]);
        let callers = u64::from(self.load.callers).min(self.load.count);
        let mut clients = Vec::new();
        for number in 0..callers {
            clients.push(self.client(&format!("caller-{number}")).await?);
        }
        let (began, mut calling) = (Instant::now(), JoinSet::new());
        for (number, client) in (0..).zip(clients) {
            let share = self.load.count / callers + u64::from(number < self.load.count % callers);
            let name = callee.name().to_owned();
            calling.spawn(call_again(client, name, body.clone(), share));
        }
        let measured = gather(calling, began).await;
        callee.close(CLOSE_LIMIT).await;
        measured
    }

    async fn client(&self, role: &str) -> Result<Client> {
        let name = format!("{}.{role}", self.base);
        self.at.connect_as(&name, self.loaded).await
    }

    /// A message that says when it was made.
    fn post(&self, topic: &str) -> Result<Post> {
        let mut payload = BytesMut::zeroed(self.load.bytes.max(STAMP_BYTES));
        if let Some(stamp) = payload.first_chunk_mut() {
            *stamp = nanos(self.began.elapsed()).to_le_bytes();
        }
        let post = Post::to_topic(topic, &Raw(payload.freeze()));
        Ok(post.map_err(linkspan::bus::PostError::from)?)
    }
}

/// Reads until the end is told; gives how old messages were, and how many were missing.
async fn read(mut subscription: Subscription, client: Client, began: Instant) -> Result<Seen> {
    let (mut latencies, mut lost) = (histogram()?, 0);
    loop {
        let Some(message) = subscription.next().await else {
            return Err(off_the_bus(&client).await);
        };
        let message = message?;
        lost += message.gap().map_or(0, |gap| gap.dropped);
        let payload = message.payload();
        let Some(stamp) = payload.first_chunk::<STAMP_BYTES>() else {
            break;
        };
        let sent = u64::from_le_bytes(*stamp);
        latencies.saturating_record(nanos(began.elapsed()).saturating_sub(sent));
    }
    drop(subscription);
    client.close(CLOSE_LIMIT).await;
    Ok((latencies, lost))
}

/// Tells all subscribers that nothing comes any more; those without room are waited for.
async fn end(publisher: &Client, topic: &str) -> Result {
    let post = Post::to_topic(topic, &Raw(Bytes::new())).map_err(linkspan::bus::PostError::from)?;
    for _ in 0..END_ATTEMPTS {
        match publisher.post(&post).await? {
            Delivery::Delivered => return Ok(()),
            Delivery::Nobody => return Err(vanished()),
            _ => {}
        }
    }
    Err(Failure::message(
        Kind::Deadline,
        "a subscriber has had no room for too long",
    ))
}

/// Tells the end behind all that was published without acknowledgements, again and again, as there may
/// be no room for it; gives why that does not go on.
async fn tell_end(publisher: &Client, topic: &str) -> Failure {
    let post = match Post::to_topic(topic, &Raw(Bytes::new())) {
        Ok(post) => post,
        Err(error) => return linkspan::bus::PostError::from(error).into(),
    };
    loop {
        if let Err(error) = publisher.post_unacked(&post).await {
            return error.into();
        }
        tokio::time::sleep(END_PAUSE).await;
    }
}

async fn call_again(client: Client, callee: String, body: Bytes, count: u64) -> Result<Seen> {
    let (mut latencies, callee) = (histogram()?, client.remote(callee));
    for _ in 0..count {
        let request = Request::new(METHOD, body.clone()).with_codec(Codec::Raw);
        let sent = Instant::now();
        let answer = callee.call(request).await?.collect().await?;
        latencies.saturating_record(nanos(sent.elapsed()));
        if answer.bytes != body {
            let message = "what came back is not what was sent";
            return Err(Failure::message(Kind::Other, message));
        }
    }
    client.close(CLOSE_LIMIT).await;
    Ok((latencies, 0))
}

async fn echo(request: Request) -> std::result::Result<Response, CallError> {
    let codec = request.codec()?;
    Ok(Response::new(request.body.collect().await?).with_codec(codec))
}

/// What all clients together have seen.
async fn gather(mut clients: JoinSet<Result<Seen>>, began: Instant) -> Result<Measured> {
    let (mut all, mut lost) = (histogram()?, 0);
    while let Some(seen) = clients.join_next().await {
        let (latencies, missing) = seen.context("a client broke")??;
        all.add(latencies).context("a histogram")?;
        lost += missing;
    }
    Ok(Measured {
        latencies: all,
        time: began.elapsed(),
        lost,
    })
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

fn vanished() -> Failure {
    Failure::message(Kind::Other, "the subscribers are gone")
}

const METHOD: &str = "bench.echo";
/// Bytes that say when a message was made.
const STAMP_BYTES: usize = 8;
/// Each waits for as long as the broker lets publishers wait.
const END_ATTEMPTS: u32 = 100;
const END_PAUSE: Duration = Duration::from_millis(100);
