//! Handlers that keep their threads, panic and flood, and what else goes on meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkspan::plugin::{Describe, LogLevel, LogRecord, LogValue, Ready};
use linkspan::rpc::{CallError, Client, Router, Streaming};
use linkspan_test::wait;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::{Logged, Plugin};

#[tokio::test]
async fn every_thread_may_be_kept_and_the_plugin_still_says_what_it_is() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    // More than may keep threads at once.
    let blocked: Vec<_> = (0..40)
        .map(|_| begin(&plugin.client, "block", HOURS))
        .collect();
    plugin.check_alive().await;
    let describe = plugin.client.send_request("linkspan.plugin.describe", &());
    let describe: Describe = wait::within("who it is", describe).await.unwrap();
    assert_eq!(describe.name, "stubborn");
    let ready = plugin.client.send_request("linkspan.plugin.ready", &());
    let ready: Ready = wait::within("whether it is ready", ready).await.unwrap();
    assert!(ready.ready);
    assert!(blocked.iter().all(|call| !call.is_finished()));
}

#[tokio::test]
async fn one_that_keeps_its_thread_holds_up_no_other() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    for round in 0..3 {
        let blocked = begin(&plugin.client, "block", HOURS);
        assert_eq!(
            call(&plugin.client, "block", 0).await,
            Ok(0),
            "round {round}"
        );
        assert_eq!(
            call(&plugin.client, "wait", 1).await,
            Ok(1),
            "round {round}"
        );
        let twice = plugin.client.send_request("stubborn.twice", &21);
        assert_eq!(wait::within("an answer", twice).await, Ok(42));
        assert!(!blocked.is_finished());
    }
    let event = plugin.client.send_event("block/a", &HOURS);
    wait::within("an event", event).await.unwrap();
    plugin.check_alive().await;
    assert_eq!(call(&plugin.client, "block", 0).await, Ok(0));
}

#[tokio::test]
async fn what_waits_for_a_thread_gets_one_when_another_comes_back() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let calls: Vec<_> = (0..100)
        .map(|_| begin(&plugin.client, "block", 20))
        .collect();
    for blocked in calls {
        let answer = wait::within("an answer", blocked).await.unwrap();
        assert_eq!(answer, Ok(20));
    }
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn streams_and_what_is_spawned_may_keep_threads_too() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let numbers = NumbersClient::new(plugin.client.clone());
    let numbers = wait::within("a stream", numbers.slowly(3, 300)).await;
    let mut numbers = numbers.unwrap();
    wait::within(
        "a task",
        plugin.ask::<()>("spawn_block", &Millis { millis: HOURS }),
    )
    .await;
    plugin.check_alive().await;
    for expected in 1..=3 {
        let number = wait::within("a number", numbers.next()).await.unwrap();
        assert_eq!(number.unwrap(), expected);
        plugin.check_alive().await;
    }
    assert!(wait::within("the end", numbers.next()).await.is_none());
}

#[tokio::test]
async fn a_panic_is_an_error_and_a_record() {
    let logged = Logged::default();
    let plugin = Plugin::start("stubborn", logged.router()).await;
    let panicked = plugin.client.send_request::<()>("stubborn.panic", &());
    let Err(CallError::Failed(failure)) = wait::within("an error", panicked).await else {
        panic!("it did not fail")
    };
    assert_eq!(failure.code, linkspan::Code::PANICKED);
    assert!(!failure.message.contains("asked"), "{}", failure.message);
    let record = logged
        .expect("the record", |record| record.target == "panic")
        .await;
    assert_eq!(record.level, LogLevel::Error);
    assert_eq!(record.message, "panicked: as it was asked to");
    assert_eq!(record.stream, Some(1));
    let LogValue::Text(location) = &record.fields["location"] else {
        panic!("{record:?}")
    };
    assert!(location.contains("plugin_stubborn.rs"), "{location}");
    assert_eq!(call(&plugin.client, "block", 0).await, Ok(0));
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn records_come_with_their_fields_and_their_call() {
    let logged = Logged::default();
    let plugin = Plugin::start("stubborn", logged.router()).await;
    plugin.ask::<()>("flood", &Flood { records: 3 }).await;
    let record = logged.expect("the last", |record| {
        record.fields["number"] == LogValue::Int(2)
    });
    let record = record.await;
    let mut expected = LogRecord::new(LogLevel::Info, "flood");
    expected.target = "plugin_stubborn".to_owned();
    expected.fields = [("number".to_owned(), LogValue::Int(2))].into();
    expected.stream = Some(1);
    assert_eq!(record, expected);
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn a_flood_of_records_that_nobody_reads_holds_up_nothing() {
    let is_read = Arc::new(AtomicBool::new(false));
    let logged = Logged::default();
    let (records, reads) = (logged.clone(), Arc::clone(&is_read));
    let router = Router::new().on_event("linkspan.log", move |record: LogRecord, _| {
        let (records, reads) = (records.clone(), Arc::clone(&reads));
        async move {
            wait::until("reading", || reads.load(Ordering::Relaxed)).await;
            records.0.lock().unwrap().push(record);
        }
    });
    let plugin = Plugin::start("stubborn", router).await;
    plugin.ask::<()>("flood", &Flood { records: 300_000 }).await;
    assert_eq!(call(&plugin.client, "block", 0).await, Ok(0));
    plugin.check_alive().await;
    is_read.store(true, Ordering::Relaxed);
    // The next record that finds room says how many did not.
    let told = async {
        while logged.find(|record| record.dropped > 0).is_none() {
            plugin.ask::<()>("flood", &Flood { records: 1 }).await;
        }
    };
    wait::within("that records were dropped", told).await;
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_dropped() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let waiting = begin(&plugin.client, "wait", HOURS);
    // Calls are begun in their order.
    assert_eq!(call(&plugin.client, "wait", 0).await, Ok(0));
    waiting.abort();
    let dropped = async { while plugin.ask::<u64>("dropped", &()).await == 0 {} };
    wait::within("the drop", dropped).await;
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn events_are_heard_in_their_order() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let mut expected = Vec::new();
    for number in 0..100 {
        let (topic, body) = (format!("heard/{number}"), number.to_string());
        let sent = plugin.client.send_event(&topic, &body);
        wait::within("an event", sent).await.unwrap();
        expected.push(format!("{topic}: {body}"));
    }
    plugin.client.send_event("other", "x").await.unwrap();
    let heard = async { while plugin.ask::<Vec<String>>("heard", &()).await.len() < 100 {} };
    wait::within("all events", heard).await;
    assert_eq!(plugin.ask::<Vec<String>>("heard", &()).await, expected);
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn it_publishes_nothing_in_the_name_of_linkspan() {
    let plugin = Plugin::start("stubborn", Router::new()).await;
    let topic = Topic {
        topic: "linkspan.log",
    };
    let published = plugin.client.send_request::<()>("stubborn.publish", &topic);
    let error = wait::within("an error", published).await.unwrap_err();
    assert!(error.to_string().contains("Linkspan's own"), "{error}");
    assert!(plugin.stop().await.success());
}

impl Plugin {
    /// Calls a method that succeeds.
    async fn ask<T: serde::de::DeserializeOwned + Send>(
        &self,
        method: &str,
        parameters: &(impl Serialize + Sync),
    ) -> T {
        let name = format!("stubborn.{method}");
        let answer = self.client.send_request(&name, parameters);
        wait::within(method, answer).await.unwrap()
    }
}

#[linkspan::service(name = "stubborn")]
trait Numbers {
    async fn slowly(&self, upto: u64, millis: u64) -> Result<Streaming<u64>, CallError>;
}

/// Begins a call.
fn begin(client: &Client, method: &str, millis: u64) -> JoinHandle<Result<u64, CallError>> {
    let (client, method) = (client.clone(), format!("stubborn.{method}"));
    tokio::spawn(async move { client.send_request(&method, &Millis { millis }).await })
}

async fn call(client: &Client, method: &str, millis: u64) -> Result<u64, CallError> {
    wait::within(method, begin(client, method, millis))
        .await
        .unwrap()
}

#[derive(Serialize)]
struct Millis {
    millis: u64,
}

#[derive(Serialize)]
struct Flood {
    records: u64,
}

#[derive(Serialize)]
struct Topic {
    topic: &'static str,
}

/// Longer than any test.
const HOURS: u64 = 24 * 60 * 60 * 1_000;
