//! Exchanges between our own ends: what is asked is answered, and what ends them is counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{
    Client, ClientBuilder, ClientConfig, ConnectionError, Context, ExchangeEncodeError,
    ExchangeError, ExchangeStats, IpcConfig, Server, Serving, Variant, capabilities,
};
use linkspan::transport::Backend;
use linkspan_test::{wait, wine};
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::support::{LOCAL, SCHEMES, address};

async fn echo(question: Bytes, _: Context) -> Result<Bytes, Bytes> {
    Ok(question)
}

async fn serve(server: Server, scheme: &str) -> (Serving, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let serving = server.listen(&address(scheme, &directory)).await.unwrap();
    (serving, directory)
}

fn client(address: &Address, ipc: &IpcConfig) -> ClientBuilder {
    let mut config = ClientConfig::from(ipc);
    config.connections_per_endpoint = 1;
    Client::builder().config(config).endpoint(address)
}

fn stats(serving: &Serving) -> ExchangeStats {
    serving.stats().next().unwrap().1
}

fn pattern(length: usize) -> Bytes {
    let mut bytes = (0..=250).collect::<Vec<u8>>().repeat(length / 251 + 1);
    bytes.truncate(length);
    bytes.into()
}

#[tokio::test]
async fn answers_come_back_on_every_transport_with_either_sum() {
    for scheme in SCHEMES {
        for variant in Variant::ALL {
            let mut ipc = IpcConfig::default();
            ipc.crc32_variant = variant;
            let (serving, _directory) =
                serve(Server::new().config(ipc.clone()).handler(echo), scheme).await;
            let client = client(serving.address(), &ipc).connect().await.unwrap();
            for length in [1, 64, 1024, 1025, 4088, 4089, 300_000, 1 << 20] {
                let question = pattern(length);
                let answer = client.send(question.clone()).await.unwrap();
                assert!(answer == question, "{scheme} {variant} {length}");
            }
            let stats = stats(&serving);
            assert_eq!((stats.frames, stats.answered), (8, 8));
            assert_eq!(stats.bytes_received, stats.bytes_sent);
            assert_eq!(client.stats().connects, 1);
            assert_eq!(client.stats().bytes_sent, stats.bytes_received);
        }
    }
}

#[tokio::test]
async fn every_backend_carries_exchanges_and_a_switch_drops_none() {
    let (mut serving, _directory) = serve(Server::new().handler(echo), LOCAL).await;
    let kept = Client::connect(serving.address()).await.unwrap();
    for backend in capabilities().backends {
        let mut ipc = IpcConfig::default();
        ipc.transport = backend;
        serving.reconfigure(ipc.clone()).await.unwrap();
        let (_, health) = serving.health().next().unwrap();
        assert_eq!(health.backend, Some(backend));
        let fresh = client(serving.address(), &ipc).connect().await.unwrap();
        for length in [1, 5000, 1 << 20] {
            let question = pattern(length);
            assert_eq!(fresh.send(question.clone()).await.unwrap(), question);
        }
        kept.send("kept").await.unwrap();
    }
    assert_eq!(kept.stats().connects, 1);
    assert_eq!(capabilities().backends[0], Backend::Tokio);
}

#[tokio::test]
async fn a_message_over_the_limit_is_refused_on_its_side() {
    let mut ipc = IpcConfig::default();
    ipc.max_frame_bytes = 1000;
    let (serving, _directory) = serve(Server::new().config(ipc.clone()).handler(echo), LOCAL).await;
    let careful = client(serving.address(), &ipc).connect().await.unwrap();
    let error = careful.send(pattern(1001)).await.unwrap_err();
    assert!(
        matches!(
            error,
            ExchangeError::Question(ExchangeEncodeError::TooLarge {
                bytes: 1001,
                limit: 1000,
                ..
            })
        ),
        "{error}"
    );
    let empty = careful.send("").await.unwrap_err();
    assert!(matches!(
        empty,
        ExchangeError::Question(ExchangeEncodeError::Empty)
    ));
    careful.send(pattern(1000)).await.unwrap();
    assert_eq!((careful.stats().unsent, careful.stats().connects), (2, 1));

    let careless = Client::connect(serving.address()).await.unwrap();
    let error = careless.send(pattern(1001)).await.unwrap_err();
    assert!(
        matches!(error, ExchangeError::OutcomeUnknown { .. }),
        "{error}"
    );
    wait::until("the server counts it", || stats(&serving).bad_length == 1).await;
    careful.send("unharmed").await.unwrap();
}

#[tokio::test]
async fn the_other_sum_ends_the_connection_and_no_other() {
    let (serving, _directory) = serve(Server::new().handler(echo), LOCAL).await;
    let right = Client::connect(serving.address()).await.unwrap();
    right.send("before").await.unwrap();
    let mut ipc = IpcConfig::default();
    ipc.crc32_variant = Variant::Castagnoli;
    let wrong = client(serving.address(), &ipc).connect().await.unwrap();
    let error = wrong.send("question").await.unwrap_err();
    let ExchangeError::OutcomeUnknown { source, .. } = &error else {
        panic!("{error}");
    };
    assert!(
        matches!(source, ConnectionError::Closed | ConnectionError::Io(_)),
        "{source}"
    );
    assert_eq!(stats(&serving).bad_crc, 1);
    let (_, health) = serving.health().next().unwrap();
    let last = health.last_error.unwrap().message;
    assert!(last.starts_with("checksum of the frame is"), "{last}");
    right.send("after").await.unwrap();
    assert_eq!(right.stats().connects, 1);
}

#[tokio::test]
async fn a_handler_that_panics_or_never_answers_ends_its_connection_only() {
    let handler = async |question: Bytes, _: Context| {
        match &question[..] {
            b"panic" => panic!("on purpose"),
            b"hang" => std::future::pending::<()>().await,
            _ => {}
        }
        Ok::<_, Bytes>(question)
    };
    let server = Server::new().handler(handler);
    let (serving, _directory) =
        serve(server.handler_timeout(Duration::from_millis(50)), LOCAL).await;
    let other = Client::connect(serving.address()).await.unwrap();
    other.send("before").await.unwrap();
    for (question, problem) in [
        ("panic", "the handler panicked: on purpose"),
        ("hang", "the handler did not answer within 50ms"),
    ] {
        let client = Client::connect(serving.address()).await.unwrap();
        let error = client.send(question).await.unwrap_err();
        assert!(
            matches!(error, ExchangeError::OutcomeUnknown { .. }),
            "{error}"
        );
        let (_, health) = serving.health().next().unwrap();
        assert_eq!(health.last_error.unwrap().message, problem);
    }
    assert_eq!(
        (stats(&serving).panics, stats(&serving).handler_timeouts),
        (1, 1)
    );
    other.send("after").await.unwrap();
    assert_eq!(other.stats().connects, 1);
}

#[tokio::test]
async fn a_handler_that_blocks_has_a_thread_of_its_own() {
    let handler = |question: Bytes, context: Context| {
        std::thread::sleep(Duration::from_millis(20));
        match &question[..] {
            b"number" => Err(Bytes::from(context.number.to_string())),
            _ => Ok(question),
        }
    };
    let (serving, _directory) = serve(Server::new().blocking_handler(handler), LOCAL).await;
    let client = Client::builder()
        .endpoint(serving.address())
        .build()
        .unwrap();
    let both = tokio::join!(client.send("one"), client.send("two"));
    assert_eq!(
        (both.0.unwrap(), both.1.unwrap()),
        ("one".into(), "two".into())
    );
    let single = Client::connect(serving.address()).await.unwrap();
    single.send("first").await.unwrap();
    assert_eq!(single.send("number").await.unwrap(), "2");
}

#[tokio::test]
async fn a_stop_lets_answers_out_and_reports_what_it_cut() {
    let (began, go) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let (begun, wait_for) = (Arc::clone(&began), Arc::clone(&go));
    let handler = move |question: Bytes, _: Context| {
        let (began, go) = (Arc::clone(&begun), Arc::clone(&wait_for));
        async move {
            match &question[..] {
                b"idle" => {}
                b"short" => {
                    began.fetch_add(1, Ordering::Relaxed);
                    go.notified().await;
                }
                _ => {
                    began.fetch_add(1, Ordering::Relaxed);
                    std::future::pending::<()>().await;
                }
            }
            Ok::<_, Bytes>(question)
        }
    };
    let (serving, _directory) = serve(Server::new().handler(handler), LOCAL).await;
    let ask = |question: &'static str| {
        let address = serving.address().clone();
        tokio::spawn(async move {
            let client = Client::connect(&address).await.unwrap();
            client.send(question).await
        })
    };
    let idle = Client::connect(serving.address()).await.unwrap();
    idle.send("idle").await.unwrap();
    let (short, endless) = (ask("short"), ask("endless"));
    wait::until("both are handled", || began.load(Ordering::Relaxed) == 2).await;

    let stopping = tokio::spawn(serving.stop(Duration::from_millis(300)));
    go.notify_one();
    assert_eq!(
        wait::within("the answer", short).await.unwrap().unwrap(),
        "short"
    );
    let report = wait::within("the stop", stopping).await.unwrap();
    assert_eq!((report.connections, report.cut), (3, 1));
    let error = wait::within("the cut", endless).await.unwrap().unwrap_err();
    assert!(
        matches!(error, ExchangeError::OutcomeUnknown { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_stop_without_anything_under_way_is_quick() {
    let (serving, _directory) = serve(Server::new().handler(echo), LOCAL).await;
    let client = Client::connect(serving.address()).await.unwrap();
    client.send("question").await.unwrap();
    let limit = Duration::from_secs(3600);
    let report = wait::within("the stop", serving.stop(limit)).await;
    assert_eq!((report.connections, report.cut), (1, 0));
}

#[tokio::test]
async fn an_idle_connection_makes_room_for_a_new_one() {
    for scheme in SCHEMES {
        let mut ipc = IpcConfig::default();
        ipc.max_connections = 1;
        ipc.accept_timeout = Duration::from_millis(50);
        let (serving, _directory) = serve(Server::new().config(ipc).handler(echo), scheme).await;
        let first = Client::connect(serving.address()).await.unwrap();
        first.send("first").await.unwrap();
        let second = Client::connect(serving.address()).await.unwrap();
        // While the first one's place is safe the answer is busy, and the question is not lost.
        assert_eq!(second.send("second").await.unwrap(), "second", "{scheme}");
        assert_eq!(stats(&serving).evicted, 1);
        assert_eq!(first.send("again").await.unwrap(), "again");
    }
}

#[tokio::test]
async fn a_server_without_a_place_says_when_to_come_back() {
    for scheme in SCHEMES {
        let mut ipc = IpcConfig::default();
        ipc.max_connections = 1;
        let (serving, _directory) =
            serve(Server::new().config(ipc.clone()).handler(echo), scheme).await;
        let first = Client::connect(serving.address()).await.unwrap();
        first.send("first").await.unwrap();
        let mut config = ClientConfig::from(&ipc);
        config.backoff.repeats = Some(0);
        let builder = Client::builder().config(config).endpoint(serving.address());
        let second = builder.build().unwrap();
        let error = second.send("second").await.unwrap_err();
        let ExchangeError::Busy { retry_after, .. } = error else {
            panic!("{scheme}: {error}");
        };
        assert_eq!(retry_after, Duration::from_millis(250));
        assert_eq!((second.stats().busy, second.stats().unsent), (1, 1));
        let (_, health) = serving.health().next().unwrap();
        assert_eq!(health.totals.refused_busy, 1);
        drop(first);
        wait::until("the place is free", || {
            serving.health().next().unwrap().1.connection_count == 0
        })
        .await;
        second.send("second").await.unwrap();
    }
}

#[tokio::test]
async fn one_server_answers_at_several_addresses() {
    let (mut serving, directory) = serve(Server::new().handler(echo), LOCAL).await;
    let more = serving.also(&address("tcp", &directory)).await.unwrap();
    for address in [serving.address().clone(), more.clone()] {
        let client = Client::connect(&address).await.unwrap();
        client.send("question").await.unwrap();
    }
    let frames: Vec<_> = serving.stats().map(|(_, stats)| stats.frames).collect();
    assert_eq!(frames, [1, 1]);
    assert!(serving.no_longer(&more));
    assert_eq!(serving.addresses().count(), 1);
    if wine::is_gap("a listening socket that was closed still takes connections") {
        return;
    }
    wait::within("the address is free", async {
        while Client::connect(&more).await.is_ok() {}
    })
    .await;
}

#[tokio::test]
async fn a_session_over_memory_is_no_exchange() {
    let (serving, _directory) = serve(Server::new().handler(echo), "mem").await;
    linkspan::rpc::Client::connect(serving.address())
        .await
        .unwrap_err();
    wait::until("it is counted", || stats(&serving).not_bytes == 1).await;
}

#[tokio::test]
async fn a_server_without_a_handler_does_not_listen() {
    let error = Server::new().listen("mem:nothing").await.unwrap_err();
    assert!(error.to_string().ends_with("the server has no handler"));
}

#[cfg(feature = "prost")]
mod messages {
    use super::*;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Task {
        #[prost(string, tag = "1")]
        name: String,
        #[prost(uint32, tag = "2")]
        number: u32,
    }

    #[tokio::test]
    async fn handlers_take_and_give_messages() {
        let handler = async |task: Task, _: Context| match task.number {
            0 => Err(Task {
                number: 404,
                ..task
            }),
            _ => Ok(Task {
                number: task.number * 2,
                ..task
            }),
        };
        let (serving, _directory) = serve(Server::new().message_handler(handler), LOCAL).await;
        let client = Client::connect(serving.address()).await.unwrap();
        for (asked, answered) in [(4, 8), (0, 404)] {
            let task = |number| Task {
                name: "t".into(),
                number,
            };
            let answer: Task = client.call(&task(asked)).await.unwrap();
            assert_eq!(answer, task(answered));
        }
        let repeated = client
            .message(&Task {
                name: "t".into(),
                number: 1,
            })
            .idempotent();
        assert_eq!(repeated.receive::<Task>().await.unwrap().number, 2);
    }

    #[tokio::test]
    async fn bytes_that_are_no_message_end_the_connection_without_a_frame() {
        let handler = |task: Task, _: Context| Ok::<_, Task>(task);
        let server = Server::new().blocking_message_handler(handler);
        let (serving, _directory) = serve(server, LOCAL).await;
        let client = Client::connect(serving.address()).await.unwrap();
        let error = client.send(&b"\x0a\xff"[..]).await.unwrap_err();
        assert!(
            matches!(error, ExchangeError::OutcomeUnknown { .. }),
            "{error}"
        );
        assert_eq!(stats(&serving).undecodable, 1);
    }

    #[tokio::test]
    async fn an_answer_that_is_no_message_is_told_from_a_lost_one() {
        let handler = async |_: Bytes, _: Context| Ok::<_, Bytes>(Bytes::from_static(b"\x0a\xff"));
        let (serving, _directory) = serve(Server::new().handler(handler), LOCAL).await;
        let client = Client::connect(serving.address()).await.unwrap();
        let task = Task {
            name: "t".into(),
            number: 1,
        };
        let error = client.call::<_, Task>(&task).await.unwrap_err();
        assert!(matches!(error, ExchangeError::Answer(_)), "{error}");
        let stats = client.stats();
        assert_eq!(
            (stats.undecodable, stats.answered, stats.outcome_unknown),
            (1, 1, 0)
        );
    }
}
