//! The policy is replaced, again and again, while clients want what one of them permits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use linkspan::auth::policy::Policy;
use linkspan::auth::{ApiKeys, Authentication, Credential, SecretKey};
use linkspan::bus::SubscribeError;
use linkspan::rpc::{CallError, Context, Server};
use linkspan_test::wait::{until, within};
use tokio::task::JoinHandle;

use super::town::{Town, connect, join, policy};
use crate::security::patient;

const ROUNDS: u64 = 200;

fn open() -> Policy {
    policy(&["rpc.call:vault.*", "bus.subscribe:vault/#"])
}

fn closed() -> Policy {
    policy(&["rpc.call:open.*"])
}

/// What holds: it changes between two that hold.
#[derive(Default)]
struct Phase(AtomicU64);

const OPEN: u64 = 1;
const CLOSED: u64 = 3;

impl Phase {
    fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// Its number, and what it is.
    fn now(&self) -> (u64, u64) {
        let number = self.0.load(Ordering::SeqCst);
        (number, number % 4)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_permitted_by_a_policy_that_holds_no_more() {
    let town = Town::new().await;
    let phase = Arc::new(Phase::default());
    let (permitted, denied) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let eve = town.eve().await;
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (eve, phase) = (eve.clone(), Arc::clone(&phase));
            let (permitted, denied) = (Arc::clone(&permitted), Arc::clone(&denied));
            tokio::spawn(async move {
                loop {
                    let before = phase.now();
                    let gold = eve.send_request::<String>("vault.open", &()).await;
                    match (before.1, before == phase.now()) {
                        (OPEN, true) => assert!(gold.is_ok(), "{gold:?}"),
                        (CLOSED, true) => assert!(is_denied(&gold), "{gold:?}"),
                        _ => {}
                    }
                    let count = if gold.is_ok() { &permitted } else { &denied };
                    count.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    let more = async |count: &AtomicU64| {
        let before = count.load(Ordering::Relaxed);
        let is_more = || count.load(Ordering::Relaxed) > before;
        within("calls", async {
            while !is_more() {
                assert!(!callers.iter().any(|caller| caller.is_finished()));
                tokio::task::yield_now().await;
            }
        })
        .await;
    };
    for _ in 0..ROUNDS {
        town.guard.replace(open());
        phase.next();
        more(&permitted).await;
        phase.next();
        town.guard.replace(closed());
        phase.next();
        more(&denied).await;
        phase.next();
    }
    callers.iter().for_each(JoinHandle::abort);
    for caller in callers {
        assert!(caller.await.unwrap_err().is_cancelled());
    }
    town.others_are_undisturbed("400 policies").await;
}

fn is_denied(gold: &Result<String, CallError>) -> bool {
    matches!(gold, Err(CallError::Failed(failure)) if failure.code == linkspan::Code::DENIED)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscription_that_is_made_meanwhile_does_not_outlive_its_policy() {
    let town = Town::new().await;
    let eve = town.eve_on_the_bus().await;
    let ada = join(town.address(), "ada's", town.tls_of_ada())
        .await
        .unwrap();
    town.guard.replace(open());
    let begun = Instant::now();
    drop(eve.subscribe("vault/#").await.unwrap());
    let usual = begun.elapsed();
    let mut made = 0;
    for round in 0..ROUNDS {
        town.guard.replace(open());
        let guard = town.guard.clone();
        let replaced = at_some_time(usual, round, move || guard.replace(closed()));
        let subscribed = eve.subscribe("vault/#").await;
        replaced.await.unwrap();
        let _ = ada.publish("vault/gold", &round).await.unwrap();
        match subscribed {
            Err(error) => assert!(matches!(error, SubscribeError::Denied(_)), "{error:?}"),
            Ok(mut subscription) => {
                made += 1;
                let seen = within("the end", subscription.next()).await;
                assert!(
                    matches!(seen, Some(Err(SubscribeError::Denied(_)))),
                    "{seen:?}"
                );
            }
        }
    }
    println!("{made} of {ROUNDS} were made before");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_that_is_opened_meanwhile_does_not_outlive_its_key() {
    let keys = ApiKeys::new([]).unwrap();
    let known = patient().with(keys.clone());
    let server = Server::new().authentication(Authentication::new(known));
    let server = server.method("ping", async |(): (), _: Context| Ok::<_, CallError>(()));
    let serving = server.listen("tcp:127.0.0.1:0").await.unwrap();
    let session = async |key: SecretKey| {
        let tls = linkspan::transport::TlsConfig::default();
        connect(serving.address(), tls, Some(Credential::key(key))).await
    };
    let key = || keys.issue("eve", Vec::new(), None).unwrap();
    let begun = Instant::now();
    drop(session(key()).await.unwrap());
    let usual = begun.elapsed();
    let mut opened = 0;
    for round in 0..ROUNDS {
        let key = key();
        let (all, id) = (keys.clone(), key.id().to_owned());
        let revoked = at_some_time(usual, round, move || all.revoke(&id));
        let session = session(key).await;
        assert!(revoked.await.unwrap());
        if let Some(connection) = session.ok().and_then(|client| client.connection()) {
            opened += 1;
            within("the end", connection.ended()).await;
        }
    }
    until("all are gone", || serving.connections().is_empty()).await;
    println!("{opened} of {ROUNDS} were opened before");
}

/// Does something while something else goes on that takes as long as usual: earlier in the first
/// rounds than in the last ones.
fn at_some_time<T: Send + 'static>(
    usual: Duration,
    round: u64,
    done: impl FnOnce() -> T + Send + 'static,
) -> JoinHandle<T> {
    let part = u32::try_from(round).unwrap();
    let later = usual * 2 * part / u32::try_from(ROUNDS).unwrap();
    tokio::task::spawn_blocking(move || {
        std::thread::sleep(later);
        done()
    })
}
