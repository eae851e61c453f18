//! What lives how long: idle links, calls at a goodbye, streams without their client, addresses.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use linkspan::codec::Raw;
use linkspan::rpc::{
    Body, CallError, Client, ClientConfig, Context, Request, Response, Router, Server,
    ServerConfig, Streaming,
};
use linkspan_test::conformance::{Place, Server as TestServer};
use linkspan_test::raw::RawClient;
use linkspan_test::wait;
use tokio::net::{TcpListener, TcpStream};

use crate::support::{LOCAL, SCHEMES, address, limit_local, pair, pair_of};

const SECOND: Duration = Duration::from_secs(1);

fn slow() -> Router {
    Router::new().method("slow", async |millis: u64, _: Context| {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok::<_, CallError>(millis)
    })
}

fn once() -> ClientConfig {
    let mut config = ClientConfig::default();
    config.reconnect = None;
    config
}

fn host_and_port(address: &linkspan::Address) -> String {
    let text = address.to_string();
    text.strip_prefix("tcp:").unwrap().to_owned()
}

#[tokio::test]
async fn idle_links_cost_no_processor_time() {
    let mut pairs = Vec::new();
    for scheme in SCHEMES {
        let pair = pair(scheme, slow()).await;
        assert_eq!(pair.client.send_request("slow", &1_u64).await, Ok(1_u64));
        pairs.push(pair);
    }
    // Links give their memory back after a second of silence, and rest from then on.
    tokio::time::sleep(SECOND * 3 / 2).await;
    let before = os::thread_cpu_time();
    tokio::time::sleep(SECOND).await;
    let used = os::thread_cpu_time() - before;
    assert!(used < SECOND / 20, "{used:?} in a second");
}

#[tokio::test(start_paused = true)]
async fn calls_that_were_accepted_outlive_a_goodbye() {
    let pair = pair("mem", slow()).await;
    let client = pair.client.clone();
    let call = tokio::spawn(async move { client.send_request::<u64>("slow", &7_000_u64).await });
    tokio::time::sleep(SECOND).await;
    let report = pair.serving.stop(20 * SECOND).await;
    assert_eq!(call.await.unwrap(), Ok(7_000));
    assert_eq!((report.connections, report.cut), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_stream_outlives_the_client_that_asked_for_it() {
    let ticking = Router::new().raw_method("tick", async |_: Request| {
        let (sender, items) = Streaming::<Bytes>::channel(1);
        tokio::spawn(async move {
            while sender.send(Ok("tick".into())).await.is_ok() {
                tokio::time::sleep(SECOND).await;
            }
        });
        Ok(Response::new(Body::streaming("", items)))
    });
    let pair = pair("mem", ticking).await;
    let response = pair.client.call(Request::new("tick", "")).await.unwrap();
    let (_, items) = response.body.split().await.unwrap();
    drop(pair.client);
    let mut items = Streaming::new(items);
    for _ in 0..20 {
        assert_eq!(items.next().await, Some(Ok("tick".into())));
    }
}

/// Two items, then a panic.
fn panicking() -> Streaming<Bytes> {
    let mut left = 2;
    let items = std::iter::from_fn(move || {
        assert!(left > 0, "no more items");
        left -= 1;
        Some(Bytes::from_static(b"item"))
    });
    Streaming::from_values(Box::new(items) as Box<dyn Iterator<Item = Bytes> + Send + Unpin>)
}

#[tokio::test]
async fn a_source_of_items_that_panics_ends_its_stream() {
    let router = Router::new()
        .raw_method("give", async |_: Request| {
            Ok(Response::new(Body::streaming("", panicking())))
        })
        .raw_method("take", async |request: Request| {
            Ok(Response::new(request.body.collect().await?))
        });
    for scheme in SCHEMES {
        let pair = pair(scheme, router.clone()).await;
        let response = pair.client.call(Request::new("give", "")).await.unwrap();
        let error = wait::within("the end", response.collect())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("panicked"), "{error}");
        let request = Request::new("take", Body::streaming("", panicking()));
        wait::within("the end", pair.client.call(request))
            .await
            .unwrap_err();
        let handled = || {
            let connections = pair.serving.connections();
            connections[0].stats().session.streams_handled
        };
        wait::until("the server is done", || handled() == 0).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_free_as_soon_as_its_server_has_stopped() {
    for scheme in ["mem", LOCAL] {
        let directory = tempfile::tempdir().unwrap();
        let address = address(scheme, &directory);
        for round in 0..200 {
            let serving = Server::new().listen(&address).await;
            let serving = serving.unwrap_or_else(|error| panic!("{scheme} {round}: {error}"));
            serving.stop(Duration::ZERO).await;
        }
    }
}

#[tokio::test]
async fn limits_may_be_endless() {
    let mut config = ServerConfig::default();
    config.session.read_timeout = Duration::MAX;
    config.session.write_timeout = Duration::MAX;
    let echo = Router::new().method("echo", async |body: Raw, _: Context| {
        Ok::<_, CallError>(body)
    });
    let server = Server::new().config(config).service(slow()).service(echo);
    let mut pair = pair_of(LOCAL, server).await;
    let mut config = ClientConfig::default();
    config.reconnect.as_mut().unwrap().patience = Duration::MAX;
    let address = pair.serving.address().clone();
    pair.client = Client::connect_with(address, config, Router::new())
        .await
        .unwrap();
    let body = Raw(vec![1; 600_000].into());
    assert_eq!(
        pair.client.send_request::<Raw>("echo", &body).await,
        Ok(body)
    );
    pair.client.send_event("nobody", &1).await.unwrap();
    let client = pair.client.clone();
    let call = tokio::spawn(async move { client.send_request::<u64>("slow", &300_u64).await });
    wait::until("it is called", || {
        let connections = pair.serving.connections();
        connections
            .iter()
            .any(|connection| connection.stats().session.streams_handled > 0)
    })
    .await;
    let report = pair.serving.stop(Duration::MAX).await;
    assert_eq!((call.await.unwrap(), report.cut), (Ok(300), 0));
}

#[tokio::test]
async fn events_find_room_while_all_streams_are_taken() {
    let mut config = ServerConfig::default();
    config.session.limits.max_streams = 1;
    let hang = Router::new().method("hang", async |(): (), _: Context| {
        std::future::pending::<Result<(), CallError>>().await
    });
    let server = Server::new().config(config).service(hang);
    let server = server.on_event("busy", async |_: Raw, _: Context| {
        tokio::task::yield_now().await;
    });
    let pair = pair_of(LOCAL, server).await;
    let client = pair.client.clone();
    let call = tokio::spawn(async move { client.send_request::<()>("hang", &()).await });
    let body = Raw(vec![7; 100_000].into());
    for number in 0..300 {
        let sent = pair.client.send_event("busy", &body);
        wait::within(&format!("event {number}"), sent)
            .await
            .unwrap();
    }
    call.abort();
}

#[tokio::test]
async fn a_repeated_call_keeps_its_deadline() {
    let hang = || {
        Router::new().raw_method("hang", async |_: Request| {
            std::future::pending::<Result<Response, CallError>>().await
        })
    };
    let directory = tempfile::tempdir().unwrap();
    let address = address(LOCAL, &directory);
    let serving = Server::new()
        .service(hang())
        .listen(&address)
        .await
        .unwrap();
    let client = Client::connect(&address).await.unwrap();
    let began = Instant::now();
    let mut request = Request::new("hang", "");
    request.timeout = Some(SECOND);
    request.idempotent = true;
    let call = tokio::spawn(async move { client.call(request).await.map(|_| ()) });
    tokio::time::sleep(SECOND * 7 / 10).await;
    // Its connections just break.
    drop(serving);
    let listening = async {
        loop {
            match Server::new().service(hang()).listen(&address).await {
                Ok(again) => return again,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    };
    let again = wait::within("the address is free", listening).await;
    assert_eq!(call.await.unwrap(), Err(CallError::DeadlineExceeded));
    assert!(began.elapsed() < SECOND * 3 / 2, "{:?}", began.elapsed());
    drop(again);
}

#[tokio::test]
async fn a_server_that_drops_every_connection_is_not_stormed() {
    let directory = tempfile::tempdir().unwrap();
    let behind = Server::new()
        .listen(&address("tcp", &directory))
        .await
        .unwrap();
    let target = host_and_port(behind.address());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = format!("tcp:{}", listener.local_addr().unwrap());
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let proxy = tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            counter.fetch_add(1, Ordering::Relaxed);
            let mut server = TcpStream::connect(&target).await.unwrap();
            // Long enough for the handshake.
            let both = tokio::io::copy_bidirectional(&mut client, &mut server);
            tokio::time::timeout(Duration::from_millis(20), both)
                .await
                .ok();
        }
    });
    let client = Client::connect(front.as_str()).await.unwrap();
    tokio::time::sleep(2 * SECOND).await;
    let connections = count.load(Ordering::Relaxed);
    assert!(
        (2..40).contains(&connections),
        "{connections} connections in 2 s"
    );
    drop((client, proxy, behind));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn abandoned_calls_of_blocking_methods_keep_few_threads() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let mut config = ServerConfig::default();
    config.session.max_blocking_handlers = 4;
    let counted = Arc::clone(&most);
    let block = Router::new().method("block", move |millis: u64, _: Context| {
        let (now, most) = (Arc::clone(&now), Arc::clone(&counted));
        async move {
            most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(millis));
            now.fetch_sub(1, Ordering::SeqCst);
            Ok::<_, CallError>(millis)
        }
    });
    let pair = pair_of(LOCAL, Server::new().config(config).service(block)).await;
    for _ in 0..4 {
        pair.client
            .send_request::<u64>("block", &20_u64)
            .await
            .unwrap();
    }
    for _ in 0..100 {
        let call = pair.client.send_request::<u64>("block", &300_u64);
        tokio::time::timeout(Duration::from_millis(2), call)
            .await
            .ok();
    }
    let most = most.load(Ordering::SeqCst);
    assert!(most <= 5, "{most} at once");
}

#[tokio::test]
async fn the_busy_answer_comes_while_silent_clients_wait_for_theirs() {
    let one = |config: &mut ServerConfig| limit_local(config, 1);
    let server = TestServer::start_with(Place::LOCAL, one).await;
    let held = Client::connect_with(&server.address, once(), Router::new())
        .await
        .unwrap();
    let mut silent = Vec::new();
    for _ in 0..100 {
        silent.push(RawClient::connect(&server.address).await.unwrap());
    }
    let error = Client::connect_with(&server.address, once(), Router::new())
        .await
        .unwrap_err();
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error:?}"));
    assert!(refusal.retry_after.is_some());
    drop((held, silent));
}

#[tokio::test]
async fn a_handshake_that_ends_while_the_server_stops_leads_to_no_lost_call() {
    let directory = tempfile::tempdir().unwrap();
    let server = Server::new().service(slow());
    let serving = server.listen(&address("tcp", &directory)).await.unwrap();
    let first = Client::connect_with(serving.address(), once(), Router::new());
    let first = first.await.unwrap();
    let call = tokio::spawn(async move { first.send_request::<u64>("slow", &700_u64).await });
    // A way to the server on which the offer comes late.
    let behind = host_and_port(serving.address());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let front = format!("tcp:{}", listener.local_addr().unwrap());
    let (release, held) = tokio::sync::oneshot::channel::<()>();
    let (reached, is_held) = tokio::sync::oneshot::channel::<()>();
    let way = tokio::spawn(async move {
        let (mut client, _) = listener.accept().await.unwrap();
        let mut server = TcpStream::connect(behind).await.unwrap();
        reached.send(()).unwrap();
        held.await.unwrap();
        tokio::io::copy_bidirectional(&mut client, &mut server)
            .await
            .ok();
    });
    let late = tokio::spawn(async move {
        let late = Client::connect_with(front.as_str(), once(), Router::new())
            .await
            .ok()?;
        Some(late.send_request::<u64>("slow", &5_000_u64).await)
    });
    is_held.await.unwrap();
    let stop = tokio::spawn(serving.stop(20 * SECOND));
    tokio::task::yield_now().await;
    release.send(()).unwrap();
    let late = wait::within("the late one", late).await.unwrap();
    assert!(
        matches!(late, None | Some(Err(CallError::NotAccepted { .. }))),
        "{late:?}"
    );
    assert_eq!(call.await.unwrap(), Ok(700));
    assert_eq!(wait::within("the stop", stop).await.unwrap().cut, 0);
    way.abort();
}
