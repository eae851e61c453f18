//! Exchanges behind a guard.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use linkspan::auth::policy::{Guard, Policy, Roles};
use linkspan::auth::quota::{Quota, Quotas};
use linkspan::exchange::{
    Client, ClientConfig, ConnectionError, Context, ExchangeError, ExchangeStats, IpcConfig,
    Server, Serving,
};
use linkspan_test::wait;
use tempfile::TempDir;

use super::{owner, role};
use crate::support::{SCHEMES, address};

/// A policy where this user may ask the servers of a mask.
fn policy(right: &str) -> Policy {
    let roles = Roles::new().with("tester", role(&[right], &[&owner().name]));
    Policy::new(roles).without_owner()
}

/// A server by the name `detection.local`.
async fn serve(scheme: &str, guard: Guard) -> (Serving, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let echo = async |question: Bytes, _: Context| Ok::<_, Bytes>(question);
    let server = Server::new().handler(echo).guard(guard, "detection.local");
    let serving = server.listen(&address(scheme, &directory)).await.unwrap();
    (serving, directory)
}

/// A client with one connection, that asks nothing twice.
async fn client(serving: &Serving) -> Client {
    let mut config = ClientConfig::from(&IpcConfig::default());
    config.connections_per_endpoint = 1;
    let builder = Client::builder().config(config);
    builder.endpoint(serving.address()).connect().await.unwrap()
}

fn stats(serving: &Serving) -> ExchangeStats {
    serving.stats().next().unwrap().1
}

#[tokio::test]
async fn who_may_not_ask_gets_no_answer_and_is_counted() {
    // Over memory the peers are sessions; over TCP not every system tells users.
    for scheme in SCHEMES.into_iter().filter(|scheme| *scheme != "tcp") {
        let denied = Arc::new(Mutex::new(Vec::new()));
        let noted = Arc::clone(&denied);
        let guard = Guard::new(policy("exchange.send:other")).on_denial(move |who, access, _| {
            let line = format!("{} {access}", who.name);
            noted.lock().unwrap().push(line);
        });
        let (serving, _directory) = serve(scheme, guard.clone()).await;
        let client = client(&serving).await;
        let refused = wait::within("the end", client.send("a")).await.unwrap_err();
        assert!(
            matches!(
                refused,
                ExchangeError::OutcomeUnknown {
                    source: ConnectionError::Closed,
                    ..
                }
            ),
            "{refused:?} over {scheme}"
        );
        let expected = format!("{} exchange.send:detection.local", owner().name);
        assert_eq!(*denied.lock().unwrap(), [expected]);
        wait::until("the refusal to be counted", || stats(&serving).denied == 1).await;
        assert_eq!(stats(&serving).answered, 0);

        guard.replace(policy("exchange.send:detection.*"));
        assert_eq!(client.send("b").await.unwrap(), "b");
    }
}

#[tokio::test]
async fn who_asks_too_much_is_told_when_to_come_back_or_nothing() {
    let guard = Guard::new(policy("exchange.send:*"));
    let number = |number| NonZeroU32::new(number).unwrap();
    let mut quotas = Quotas::new(Quota::rate(number(6), number(2)));
    quotas.owner_is_exempt = false;
    guard.replace_quotas(quotas);
    let (serving, _directory) = serve(crate::support::LOCAL, guard.clone()).await;
    let first = client(&serving).await;
    assert_eq!(first.send("a").await.unwrap(), "a");
    assert_eq!(first.send("b").await.unwrap(), "b");
    // Within a connection there is no word for it.
    let cut = wait::within("the end", first.send("c")).await.unwrap_err();
    assert!(
        matches!(cut, ExchangeError::OutcomeUnknown { .. }),
        "{cut:?}"
    );
    // A client comes back by itself when it is told, if it has the time.
    let client = client(&serving).await;
    let question = client.question("d").timeout(Duration::from_millis(200));
    let late = question.send().await;
    let Err(ExchangeError::Expired { last, .. }) = late else {
        panic!("{late:?}");
    };
    let ExchangeError::Busy { retry_after, .. } = *last else {
        panic!("{last:?}");
    };
    assert!(retry_after.as_secs() >= 8, "{retry_after:?}");
    wait::until("two excesses", || stats(&serving).limited == 2).await;
    assert_eq!(guard.stats().too_fast, 2);
}
