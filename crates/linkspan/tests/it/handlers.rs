//! Handlers of every temper, on one connection, while other calls answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use linkspan::Code;
use linkspan::rpc::{CallError, Calling, Client, ClientConfig, Context, Request, Router, Server};
use linkspan_test::wait;
use serde_json::Value;

use crate::support::{LOCAL, SCHEMES, address, pair};

async fn ping(client: &Client) {
    let pong: String = client.send_request("ping", &()).await.unwrap();
    assert_eq!(pong, "pong");
}

/// Counts itself as long as it is alive.
struct Alive(Arc<AtomicUsize>);

impl Alive {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

fn zoo(alive: &Arc<AtomicUsize>) -> Router {
    let never = Arc::clone(alive);
    Router::new()
        .method("ping", async |_: Value, _: Context| {
            Ok::<_, CallError>("pong")
        })
        .method("panic", async |when: u64, _: Context| {
            if when > 0 {
                tokio::time::sleep(Duration::from_millis(when)).await;
            }
            panic!("secret {when}");
            #[expect(unreachable_code, reason = "it gives the type")]
            Ok::<Value, CallError>(Value::Null)
        })
        .method("compute", async |millis: u64, _: Context| {
            let start = Instant::now();
            while start.elapsed() < Duration::from_millis(millis) {
                std::hint::spin_loop();
            }
            Ok::<_, CallError>(millis)
        })
        .method("never", move |_: Value, _: Context| {
            let alive = Alive::new(&never);
            async move {
                std::future::pending::<()>().await;
                drop(alive);
                Ok::<Value, CallError>(Value::Null)
            }
        })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn panicking_computing_and_never_ready_handlers_let_others_answer() {
    for scheme in SCHEMES {
        let pair = pair(scheme, zoo(&Arc::default())).await;
        let client = &pair.client;
        let never = client.clone();
        let never = tokio::spawn(async move { never.send_request::<Value>("never", &()).await });
        for when in [0_u64, 5] {
            let error = client
                .send_request::<Value>("panic", &when)
                .await
                .unwrap_err();
            assert_eq!(error.code(), Code::PANICKED);
            assert_eq!(
                error.to_string(),
                "the handler of \"panic\" panicked",
                "and no more"
            );
        }
        // The first slow calls may hold up the reader; from then on the method has tasks of its own.
        for _ in 0..4 {
            client.send_request::<u64>("compute", &5_u64).await.unwrap();
        }
        let computing = client.clone();
        let computing =
            tokio::spawn(async move { computing.send_request::<u64>("compute", &2_000_u64).await });
        let began = Instant::now();
        for _ in 0..20 {
            ping(client).await;
        }
        assert!(
            began.elapsed() < Duration::from_millis(1_500),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            wait::within("the computation", computing).await.unwrap(),
            Ok(2_000)
        );
        never.abort();
    }
}

#[tokio::test]
async fn a_dropped_call_drops_its_handler_and_fires_its_token() {
    let alive = Arc::new(AtomicUsize::new(0));
    let fired = Arc::new(AtomicBool::new(false));
    let noticed = Arc::clone(&fired);
    let router = zoo(&alive).method("outlive", move |_: Value, cx: Context| {
        let noticed = Arc::clone(&noticed);
        // Work that the handler has handed to somebody else.
        tokio::spawn(async move {
            let cancellation = cx.cancellation();
            cancellation.cancelled().await;
            assert!(cancellation.is_cancelled());
            noticed.store(true, Ordering::SeqCst);
        });
        std::future::pending::<Result<Value, CallError>>()
    });
    let pair = pair(LOCAL, router).await;
    for method in ["never", "outlive"] {
        let client = pair.client.clone();
        let call = tokio::spawn(async move { client.call(Request::new(method, "")).await });
        let connection = pair.serving.connections().pop().unwrap();
        wait::until("it is handled", || {
            connection.stats().session.streams_handled == 1
        })
        .await;
        call.abort();
        wait::until("it is not handled", || {
            connection.stats().session.streams_handled == 0
        })
        .await;
    }
    wait::until("the future is dropped", || {
        alive.load(Ordering::SeqCst) == 0
    })
    .await;
    wait::until("the token fires", || fired.load(Ordering::SeqCst)).await;
    ping(&pair.client).await;
}

#[tokio::test]
async fn a_deadline_ends_both_sides() {
    for scheme in SCHEMES {
        let alive = Arc::new(AtomicUsize::new(0));
        let pair = pair(scheme, zoo(&alive)).await;
        let mut request = Request::new("never", "");
        request.timeout = Some(Duration::from_millis(100));
        let began = Instant::now();
        let error = pair.client.call(request).await.unwrap_err();
        assert_eq!(error, CallError::DeadlineExceeded);
        let took = began.elapsed();
        assert!((100..1_000).contains(&took.as_millis()), "{took:?}");
        wait::until("the handler is dropped", || {
            alive.load(Ordering::SeqCst) == 0
        })
        .await;
        ping(&pair.client).await;
    }
}

#[tokio::test]
async fn a_lost_connection_drops_the_handlers() {
    let alive = Arc::new(AtomicUsize::new(0));
    let pair = pair(LOCAL, zoo(&alive)).await;
    let client = Client::connect(pair.serving.address()).await.unwrap();
    let calls: Vec<Calling> = (0..10).map(|_| begin(&client, "never")).collect();
    let calls: Vec<_> = calls.into_iter().map(tokio::spawn).collect();
    wait::until("all are handled", || alive.load(Ordering::SeqCst) == 10).await;
    for call in calls {
        call.abort();
    }
    drop(client);
    wait::until("all are dropped", || alive.load(Ordering::SeqCst) == 0).await;
}

fn begin(client: &Client, method: &'static str) -> Calling {
    tower_service::Service::call(&mut client.clone(), Request::new(method, ""))
}

#[tokio::test]
async fn callers_that_leave_in_mid_write_break_nothing() {
    let router = zoo(&Arc::default())
        .method("length", async |body: linkspan::codec::Raw, _: Context| {
            Ok::<_, CallError>(body.0.len())
        });
    let pair = pair(LOCAL, router).await;
    let body = linkspan::codec::Raw(vec![1; 3_000_000].into());
    for micros in 0..100 {
        let call = pair.client.send_request::<usize>("length", &body);
        // Dropped before, while and after its bytes are written.
        tokio::time::timeout(Duration::from_micros(20 * micros), call)
            .await
            .ok();
    }
    let length = wait::within("the answer", pair.client.send_request("length", &body)).await;
    assert_eq!(length, Ok(3_000_000_usize));
    ping(&pair.client).await;
}

#[tokio::test]
async fn two_sides_call_each_other_in_a_cycle() {
    fn echoes() -> Router {
        Router::new().method("down", async |depth: u32, cx: Context| {
            if depth == 0 {
                return Ok(0);
            }
            let back = cx.connection().expect("the connection is open");
            let below: u32 = back.send_request("down", &(depth - 1)).await?;
            Ok::<_, CallError>(below + 1)
        })
    }
    for scheme in SCHEMES {
        let directory = tempfile::tempdir().unwrap();
        let serving = Server::new()
            .service(echoes())
            .listen(&address(scheme, &directory))
            .await
            .unwrap();
        let client = Client::connect_with(serving.address(), ClientConfig::default(), echoes())
            .await
            .unwrap();
        let depth = wait::within(
            &format!("the bottom, {scheme}"),
            client.send_request("down", &150_u32),
        )
        .await;
        assert_eq!(depth, Ok(150_u32), "{scheme}");
    }
}

#[tokio::test]
async fn handlers_that_wait_for_each_other_need_no_thread_meanwhile() {
    let hops = Router::new().method("down", async |depth: u32, cx: Context| {
        // Slow enough to be moved off the connection's task.
        std::thread::sleep(Duration::from_millis(2));
        if depth == 0 {
            return Ok(0);
        }
        let back = cx.connection().expect("the connection is open");
        let below: u32 = back.send_request("down", &(depth - 1)).await?;
        Ok::<_, CallError>(below + 1)
    });
    let mut config = linkspan::rpc::ServerConfig::default();
    config.session.max_blocking_handlers = 2;
    let pair = crate::support::pair_of(LOCAL, Server::new().config(config).service(hops.clone()));
    let pair = pair.await;
    let client = Client::connect_with(pair.serving.address(), ClientConfig::default(), hops);
    let client = client.await.unwrap();
    for depth in [2_u32, 40] {
        let bottom = wait::within("the bottom", client.send_request("down", &depth));
        assert_eq!(bottom.await, Ok(depth));
    }
}

#[tokio::test]
async fn more_calls_than_streams_wait_for_their_turn() {
    let mut config = linkspan::rpc::ServerConfig::default();
    config.session.limits.max_streams = 3;
    config.transport.in_process.max_concurrent_tasks = 3;
    for scheme in SCHEMES {
        let server = Server::new()
            .config(config.clone())
            .service(
                zoo(&Arc::default()).method("nap", async |number: u32, _: Context| {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                    Ok::<_, CallError>(number)
                }),
            );
        let pair = crate::support::pair_of(scheme, server).await;
        let mut tasks = tokio::task::JoinSet::new();
        for number in 0..100_u32 {
            let client = pair.client.clone();
            tasks.spawn(async move {
                assert_eq!(client.send_request("nap", &number).await, Ok(number));
            });
        }
        while let Some(done) = wait::within("a call", tasks.join_next()).await {
            done.unwrap();
        }
    }
}
