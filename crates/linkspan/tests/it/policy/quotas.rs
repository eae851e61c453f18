//! Principals that want more than their quotas, over real connections.

use std::future::pending;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linkspan::auth::policy::{Capability, Guard, Policy, Role, Roles};
use linkspan::auth::quota::{Quota, Quotas};
use linkspan::auth::{self, ApiKeys, Authentication, Credential, SecretKey};
use linkspan::codec::{Codec, Encode};
use linkspan::rpc::{
    CallError, Client, ClientConfig, Context, Request, Router, Server, Serving, Streaming,
};
use linkspan::{Category, Code};
use linkspan_test::wait;
use tempfile::TempDir;
use tokio::sync::{Notify, mpsc};

use crate::support::{LOCAL, address};

/// A server that limits those who have keys.
struct Scene {
    serving: Serving,
    guard: Guard,
    keys: ApiKeys,
    _directory: TempDir,
}

impl Scene {
    async fn new(quotas: Quotas, server: Server) -> Self {
        let everything = Role::new([Capability::EVERYTHING]).with_members(["key:*"]);
        let guard = Guard::new(Policy::new(Roles::new().with("anybody", everything)));
        guard.replace_quotas(quotas);
        let keys = ApiKeys::new([]).unwrap();
        let authentication = Authentication::new(auth::Config::default().with(keys.clone()));
        let directory = tempfile::tempdir().unwrap();
        let server = server.authentication(authentication).guard(guard.clone());
        let serving = server.listen(&address(LOCAL, &directory)).await.unwrap();
        Self {
            serving,
            guard,
            keys,
            _directory: directory,
        }
    }

    /// A client that is the principal `key:NAME`.
    async fn client(&self, name: &str) -> Client {
        let key = self.keys.issue(name, Vec::new(), None).unwrap();
        self.with_key(&key).await
    }

    async fn with_key(&self, key: &SecretKey) -> Client {
        let mut config = ClientConfig::default();
        config.session.credential = Some(Credential::key(key.clone()));
        config.reconnect = None;
        let client = Client::connect_with(self.serving.address(), config, Router::new());
        client.await.unwrap()
    }
}

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn rate(per_minute: u32, burst: u32) -> Quota {
    Quota::rate(number(per_minute), number(burst))
}

/// A server whose methods `a.one` and `b.one` answer at once.
fn quick() -> Server {
    let one = async |(): (), _: Context| Ok::<_, CallError>(1_u32);
    Server::new().method("a.one", one).method("b.one", one)
}

async fn call(client: &Client, method: &str) -> Result<u32, CallError> {
    wait::within("an answer", client.send_request(method, &())).await
}

/// When to come back, of a call that was too much.
#[track_caller]
fn retry_after(answer: Result<u32, CallError>) -> Duration {
    let Err(CallError::Failed(failure)) = answer else {
        panic!("{answer:?}");
    };
    assert_eq!(
        (failure.category, &failure.code),
        (Category::Limit, &Code::BUSY)
    );
    assert!(failure.retryable);
    failure.retry_after.unwrap()
}

#[tokio::test]
async fn one_floods_and_the_other_is_unharmed() {
    let scene = Scene::new(Quotas::new(rate(60, 20)), quick()).await;
    let (flooding, other) = (scene.client("flooding").await, scene.client("other").await);
    let mut refused = 0;
    for _ in 0..200 {
        refused += u32::from(call(&flooding, "a.one").await.is_err());
    }
    assert!(refused > 100, "{refused}");
    for _ in 0..20 {
        assert_eq!(call(&other, "a.one").await, Ok(1));
    }
    let stats = scene.guard.stats();
    assert_eq!((stats.too_fast, stats.principals), (refused.into(), 2));
}

#[tokio::test]
async fn who_comes_back_when_told_is_let_through() {
    let scene = Scene::new(Quotas::new(rate(600, 1)), quick()).await;
    let client = scene.client("a").await;
    assert_eq!(call(&client, "a.one").await, Ok(1));
    let mut waited = 0;
    while waited < 3 {
        match call(&client, "a.one").await {
            Ok(_) => {}
            refused => {
                tokio::time::sleep(retry_after(refused)).await;
                assert_eq!(call(&client, "a.one").await, Ok(1));
                waited += 1;
            }
        }
    }
}

#[tokio::test]
async fn a_quota_of_some_methods_is_for_them_alone_and_for_all_connections() {
    let quotas = Quotas::default().with("rpc.call:a.*".parse().unwrap(), rate(1, 2));
    let scene = Scene::new(quotas, quick()).await;
    let key = scene.keys.issue("a", Vec::new(), None).unwrap();
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(scene.with_key(&key).await);
    }
    assert_eq!(call(&clients[0], "a.one").await, Ok(1));
    assert_eq!(call(&clients[1], "a.one").await, Ok(1));
    let wait = retry_after(call(&clients[2], "a.one").await);
    assert!(wait > Duration::from_secs(30), "{wait:?}");
    assert_eq!(call(&clients[2], "b.one").await, Ok(1));
}

#[tokio::test]
async fn who_tries_what_it_may_not_is_kept_to_its_quota_too() {
    let scene = Scene::new(Quotas::new(rate(1, 5)), quick()).await;
    scene.guard.replace(Policy::default());
    let client = scene.client("a").await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.push(call(&client, "a.one").await.unwrap_err().code());
    }
    assert_eq!(codes[..5], vec![Code::DENIED; 5]);
    assert_eq!(codes[5..], vec![Code::BUSY; 15]);
    assert_eq!(scene.guard.stats().denied, 5);
}

#[tokio::test]
async fn events_that_are_too_many_reach_nobody() {
    let (said, mut heard) = mpsc::channel(10);
    let server = quick().on_event("said", move |number: u32, _: Context| {
        let said = said.clone();
        async move { said.send(number).await.unwrap() }
    });
    let quotas = Quotas::default().with("rpc.event:said".parse().unwrap(), rate(1, 2));
    let scene = Scene::new(quotas, server).await;
    let client = scene.client("a").await;
    for number in 0..5_u32 {
        client.send_event("said", &number).await.unwrap();
    }
    wait::until("three refusals", || scene.guard.stats().too_fast == 3).await;
    assert_eq!((heard.recv().await, heard.recv().await), (Some(0), Some(1)));
    assert!(heard.try_recv().is_err());
}

#[linkspan::service]
trait Slow {
    /// Answers once it may.
    async fn wait(&self) -> Result<u32, CallError>;
    async fn never(&self) -> Result<u32, CallError>;
    /// Gives so many items.
    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError>;
    /// Gives one item, and then none for ever.
    async fn endless(&self) -> Result<Streaming<u32>, CallError>;
}

struct Gate(Arc<Notify>);

impl Slow for Gate {
    async fn wait(&self) -> Result<u32, CallError> {
        self.0.notified().await;
        Ok(2)
    }

    async fn never(&self) -> Result<u32, CallError> {
        pending().await
    }

    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError> {
        Ok(Streaming::from_values(0..upto))
    }

    async fn endless(&self) -> Result<Streaming<u32>, CallError> {
        let (sender, items) = Streaming::channel(1);
        tokio::spawn(async move {
            sender.send(Ok(1)).await.unwrap();
            sender.closed().await;
        });
        Ok(items)
    }
}

/// A server of slow methods where each principal may have one call under way.
async fn narrow(gate: &Arc<Notify>) -> Scene {
    let server = quick().service(SlowServer::new(Gate(Arc::clone(gate))));
    Scene::new(Quotas::new(Quota::default().at_once(number(1))), server).await
}

/// Waits until a principal has something under way.
async fn is_busy(client: &Client) {
    let is_free = async { while call(client, "a.one").await.is_ok() {} };
    wait::within("a taken place", is_free).await;
}

/// Waits until a principal has nothing under way.
async fn is_free(client: &Client) {
    let is_busy = async {
        while call(client, "a.one").await.is_err() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    wait::within("a free place", is_busy).await;
}

#[tokio::test]
async fn a_call_has_its_place_until_it_is_answered() {
    let gate = Arc::default();
    let scene = narrow(&gate).await;
    let (client, other) = (scene.client("a").await, scene.client("b").await);
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "slow.wait").await }
    });
    is_busy(&client).await;
    assert!(!retry_after(call(&client, "a.one").await).is_zero());
    assert_eq!(call(&other, "a.one").await, Ok(1));
    assert!(scene.guard.stats().too_many >= 2);
    gate.notify_one();
    assert_eq!(waiting.await.unwrap(), Ok(2));
    assert_eq!(call(&client, "a.one").await, Ok(1));
}

#[tokio::test]
async fn a_cancelled_call_gives_its_place_back() {
    let scene = narrow(&Arc::default()).await;
    let client = scene.client("a").await;
    let calling = tokio::spawn({
        let client = client.clone();
        async move { call(&client, "slow.never").await }
    });
    is_busy(&client).await;
    calling.abort();
    is_free(&client).await;
}

#[tokio::test]
async fn a_call_whose_time_is_up_gives_its_place_back() {
    let scene = narrow(&Arc::default()).await;
    let client = scene.client("a").await;
    let nothing = ().encode(Codec::Msgpack).unwrap();
    let mut request = Request::with_payload("slow.never", nothing);
    request.timeout = Some(Duration::from_millis(50));
    let late = wait::within("the end", client.call(request)).await;
    assert_eq!(late.unwrap_err(), CallError::DeadlineExceeded);
    is_free(&client).await;
}

#[tokio::test]
async fn a_lost_connection_gives_its_places_back() {
    let scene = narrow(&Arc::default()).await;
    let key = scene.keys.issue("a", Vec::new(), None).unwrap();
    let (lost, client) = (scene.with_key(&key).await, scene.with_key(&key).await);
    let calling = tokio::spawn(async move { call(&lost, "slow.never").await });
    is_busy(&client).await;
    // The client goes with its call.
    calling.abort();
    is_free(&client).await;
}

#[tokio::test]
async fn a_stream_has_its_place_until_it_ends_or_nobody_reads_it() {
    let scene = narrow(&Arc::default()).await;
    let client = scene.client("a").await;
    let slow = SlowClient::new(client.clone());
    let mut items = slow.endless().await.unwrap();
    assert_eq!(items.next().await, Some(Ok(1)));
    retry_after(call(&client, "a.one").await);
    drop(items);
    is_free(&client).await;
    let counted = slow.count(3).await.unwrap().collect().await;
    assert_eq!(counted, Ok(vec![0, 1, 2]));
    is_free(&client).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_quotas_hold_at_once_and_no_call_is_lost_meanwhile() {
    let scene = Scene::new(Quotas::default(), quick()).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let mut tasks = Vec::new();
    for name in ["a", "b"] {
        let (client, is_over) = (scene.client(name).await, Arc::clone(&is_over));
        tasks.push(tokio::spawn(async move {
            let mut answered = 0_u32;
            while !is_over.load(Ordering::Relaxed) {
                match call(&client, "a.one").await {
                    Ok(_) => answered += 1,
                    refused => drop(retry_after(refused)),
                }
            }
            answered
        }));
    }
    for round in 0..200 {
        let quotas = Quotas::new(rate(6000, 1 + round % 3).at_once(number(1)));
        scene.guard.replace_quotas(quotas);
        tokio::task::yield_now().await;
    }
    wait::until("refusals", || scene.guard.stats().too_fast > 0).await;
    scene.guard.replace_quotas(Quotas::default());
    let client = scene.client("c").await;
    for _ in 0..100 {
        assert_eq!(call(&client, "a.one").await, Ok(1));
    }
    is_over.store(true, Ordering::Relaxed);
    for task in tasks {
        assert!(task.await.unwrap() > 0);
    }
    assert_eq!(scene.guard.stats().principals, 0);
}
