//! Clients of servers that fail: nothing is sent twice in silence, and what recovers is used again.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{
    Client, ClientConfig, ConnectionError, Context, ExchangeError, Server, Serving,
};
use linkspan_test::wait;
use tokio::sync::Notify;

use crate::support::{LOCAL, address};

/// A server that counts its questions and answers with its name.
async fn named(name: &'static str, address: &Address) -> (Serving, Arc<AtomicUsize>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    let handler = move |_: Bytes, _: Context| {
        counting.fetch_add(1, Ordering::Relaxed);
        std::future::ready(Ok::<_, Bytes>(Bytes::from_static(name.as_bytes())))
    };
    let serving = Server::new()
        .handler(handler)
        .listen(address)
        .await
        .unwrap();
    (serving, count)
}

/// A server made of bare sockets; `serve` gets each connection.
fn bare(serve: impl Fn(TcpStream) + Send + 'static) -> (Address, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("tcp:{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counting = Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            counting.fetch_add(1, Ordering::Relaxed);
            serve(stream);
        }
    });
    (address.parse().unwrap(), count)
}

/// Reads the question "question".
fn read_question(stream: &mut TcpStream) {
    let mut frame = [0; 16];
    stream.read_exact(&mut frame).unwrap();
    assert_eq!(&frame[8..], b"question");
}

/// Times that fit a test.
fn quick() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.answer_timeout = Duration::from_millis(100);
    config.balance.breaker.open_for = Duration::from_millis(100);
    config
}

/// A local address that nobody listens at yet.
fn fresh(directory: &tempfile::TempDir) -> Address {
    address(LOCAL, directory)
}

#[tokio::test]
async fn a_server_may_start_after_its_client() {
    let directory = tempfile::tempdir().unwrap();
    let address = fresh(&directory);
    let error = Client::connect(&address).await.unwrap_err();
    assert!(matches!(error, ExchangeError::Connect(_)), "{error}");

    let client = Client::builder()
        .config(quick())
        .endpoint(&address)
        .build()
        .unwrap();
    let early = client.clone();
    let asking = tokio::spawn(async move { early.send("question").await });
    wait::until("it tries", || client.stats().connect_failures >= 12).await;
    let (_serving, count) = named("late", &address).await;
    assert_eq!(
        wait::within("the answer", asking).await.unwrap().unwrap(),
        "late"
    );
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn without_a_server_the_time_is_kept_and_the_error_says_why() {
    let directory = tempfile::tempdir().unwrap();
    let client = Client::builder()
        .endpoint(fresh(&directory))
        .build()
        .unwrap();
    let question = client
        .question("question")
        .timeout(Duration::from_millis(100));
    let error = wait::within("the error", question.send())
        .await
        .unwrap_err();
    let ExchangeError::Expired { limit, last } = &error else {
        panic!("{error}");
    };
    assert_eq!(*limit, Duration::from_millis(100));
    assert!(matches!(**last, ExchangeError::Connect(_)), "{last}");
    assert!(error.is_unsent());
    assert_eq!((client.stats().unsent, client.stats().sent), (1, 0));
}

#[tokio::test]
async fn a_restarted_server_is_used_again_and_nothing_is_lost_between() {
    let directory = tempfile::tempdir().unwrap();
    let address = fresh(&directory);
    let (serving, _) = named("first", &address).await;
    let client = Client::connect(&address).await.unwrap();
    assert_eq!(client.send("question").await.unwrap(), "first");
    serving.stop(Duration::from_secs(5)).await;
    let (_serving, count) = named("second", &address).await;
    assert_eq!(client.send("question").await.unwrap(), "second");
    assert_eq!(count.load(Ordering::Relaxed), 1);
    assert_eq!(
        (client.stats().connects, client.stats().outcome_unknown),
        (2, 0)
    );
}

#[tokio::test]
async fn a_question_whose_server_dies_is_not_repeated_unless_it_is_idempotent() {
    let (dying, connections) = bare(|mut stream| read_question(&mut stream));
    let directory = tempfile::tempdir().unwrap();
    let (_serving, count) = named("other", &fresh(&directory)).await;
    let builder = Client::builder().endpoint(&dying);
    let client = builder.fallback(_serving.address(), 1).build().unwrap();

    let error = client.send("question").await.unwrap_err();
    let ExchangeError::OutcomeUnknown { endpoint, source } = &error else {
        panic!("{error}");
    };
    assert_eq!(**endpoint, *dying.to_string());
    assert!(
        matches!(source, ConnectionError::Closed | ConnectionError::Io(_)),
        "{source}"
    );
    assert_eq!(count.load(Ordering::Relaxed), 0);
    assert_eq!(connections.load(Ordering::Relaxed), 1);

    let question = client.question("question").idempotent();
    assert_eq!(question.send().await.unwrap(), "other");
    assert_eq!(connections.load(Ordering::Relaxed), 2);
    let stats = client.stats();
    assert_eq!(
        (stats.sent, stats.answered, stats.outcome_unknown),
        (3, 1, 1)
    );
}

#[tokio::test]
async fn repeats_do_not_pay_for_further_repeats() {
    let (dying, _) = bare(|mut stream| read_question(&mut stream));
    let mut config = quick();
    let budget = &mut config.balance.budget;
    (budget.share, budget.per_second, budget.reserve) = (1.0, 0.0, 1);
    let builder = Client::builder().config(config).endpoint(&dying);
    let client = builder.build().unwrap();
    for calls in 1..=3 {
        let question = client.question("question").idempotent();
        let error = wait::within("the error", question.send())
            .await
            .unwrap_err();
        assert!(!error.is_unsent(), "{error}");
        let stats = client.stats();
        assert_eq!((stats.repeated, stats.sent), (calls, 2 * calls));
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_told_from_one_that_never_began() {
    let (address, _) = bare(|mut stream| {
        read_question(&mut stream);
        stream.write_all(&[5, 0, 0]).unwrap();
    });
    let client = Client::builder().endpoint(&address).build().unwrap();
    let error = client.send("question").await.unwrap_err();
    let ExchangeError::OutcomeUnknown { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(matches!(source, ConnectionError::Truncated), "{source}");
}

#[tokio::test]
async fn an_endpoint_that_hangs_is_left_alone_after_a_while() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let hanging = format!("tcp:{}", listener.local_addr().unwrap());
    let directory = tempfile::tempdir().unwrap();
    let (_serving, count) = named("healthy", &fresh(&directory)).await;
    let mut config = quick();
    config.answer_timeout = Duration::from_millis(10);
    config.balance.breaker.open_for = Duration::from_secs(3600);
    let builder = Client::builder().config(config).endpoint(hanging.as_str());
    let client = builder.fallback(_serving.address(), 1).build().unwrap();
    for _ in 0..20 {
        let question = client.question("question").idempotent();
        assert_eq!(question.send().await.unwrap(), "healthy");
    }
    assert_eq!(count.load(Ordering::Relaxed), 20);
    let stats = client.stats();
    let calls: Vec<_> = stats
        .endpoints
        .iter()
        .map(|endpoint| endpoint.calls)
        .collect();
    assert_eq!(calls, [10, 20]);
    // One that must not be repeated is not harmed any more.
    assert_eq!(client.send("question").await.unwrap(), "healthy");
}

#[tokio::test]
async fn an_endpoint_that_recovers_is_used_again() {
    let directory = tempfile::tempdir().unwrap();
    let first = fresh(&directory);
    let (_second, count) = named("second", &fresh(&directory)).await;
    let builder = Client::builder().config(quick()).endpoint(&first);
    let client = builder.fallback(_second.address(), 1).build().unwrap();
    for _ in 0..15 {
        assert_eq!(client.send("question").await.unwrap(), "second");
    }
    assert_eq!(count.load(Ordering::Relaxed), 15);
    let (_first, _) = named("first", &first).await;
    let recovered = async {
        while client.send("question").await.unwrap() != "first" {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    wait::within("the first one is asked", recovered).await;
}

#[tokio::test]
async fn a_dropped_question_takes_its_connection_along() {
    let (entered, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (entering, waiting) = (Arc::clone(&entered), Arc::clone(&go));
    let handler = move |question: Bytes, _: Context| {
        let (entered, go) = (Arc::clone(&entering), Arc::clone(&waiting));
        async move {
            if &question[..] == b"slow" {
                entered.notify_one();
                go.notified().await;
            }
            Ok::<_, Bytes>(question)
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let serving = Server::new()
        .handler(handler)
        .listen(&fresh(&directory))
        .await
        .unwrap();
    let client = Client::connect(serving.address()).await.unwrap();
    tokio::select! {
        answer = client.send("slow") => panic!("{answer:?}"),
        () = entered.notified() => {}
    }
    go.notify_one();
    for question in ["one", "two"] {
        assert_eq!(client.send(question).await.unwrap(), question);
    }
    assert_eq!(client.stats().connects, 2);
}

#[tokio::test]
async fn what_nobody_asked_for_is_never_an_answer() {
    // "hi" with its sum, once more than asked for.
    let frame = {
        let mut frame = vec![2, 0, 0, 0];
        frame.extend(linkspan::exchange::Variant::Ieee.crc(b"hi").to_le_bytes());
        frame.extend(b"hi");
        frame
    };
    let twice = frame.repeat(2);
    let (address, connections) = bare(move |mut stream| {
        read_question(&mut stream);
        stream.write_all(&twice).unwrap();
        // Until the client closes.
        assert_eq!(stream.read(&mut [0]).unwrap_or(0), 0);
    });
    let mut config = quick();
    config.connections_per_endpoint = 1;
    let client = Client::builder()
        .config(config)
        .endpoint(&address)
        .build()
        .unwrap();
    for asked in 1..=3 {
        assert_eq!(client.send("question").await.unwrap(), "hi");
        assert_eq!(connections.load(Ordering::Relaxed), asked);
    }
}

#[tokio::test]
async fn more_questions_than_connections_wait_for_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let (serving, count) = named("all", &fresh(&directory)).await;
    let client = Client::connect(serving.address()).await.unwrap();
    let asking: Vec<_> = (0..50)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { client.send("question").await })
        })
        .collect();
    for asked in asking {
        assert_eq!(
            wait::within("the answer", asked).await.unwrap().unwrap(),
            "all"
        );
    }
    assert_eq!(count.load(Ordering::Relaxed), 50);
    assert_eq!(client.stats().connects, 1);
}
