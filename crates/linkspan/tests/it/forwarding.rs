//! Servers that pass on what they receive, and errors that come late.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use linkspan::codec::{Codec, Raw};
use linkspan::rpc::{
    Body, CallError, Client, Context, Request, Response, Router, Server, Streaming,
};
use linkspan::{Address, Code};
use linkspan_test::wait;

use crate::support::{LOCAL, SCHEMES, pair};

/// A server that passes every call of `echo` on to another one.
fn proxy(to: &Client) -> Router {
    let to = to.clone();
    Router::new().raw_method("echo", move |request: Request| {
        let to = to.clone();
        async move {
            let forwarded = Request::new(request.method.clone(), request.body);
            let response = to.call(forwarded.with_codec(Codec::Raw)).await?;
            let codec = response.codec()?;
            Ok(Response::new(response.body).with_codec(codec))
        }
    })
}

fn echo() -> Router {
    Router::new().raw_method("echo", async |request: Request| {
        let codec = request.codec()?;
        Ok(Response::new(request.body).with_codec(codec))
    })
}

#[tokio::test]
async fn bodies_of_all_lengths_pass_through_a_proxy() {
    for scheme in SCHEMES {
        let back = pair(scheme, echo()).await;
        let front = pair(scheme, proxy(&back.client)).await;
        for length in [0, 1, 65_535, 65_536, 65_537, 1_000_000, 9_000_000] {
            let body = Raw(vec![7; length].into());
            let answer = front.client.send_request::<Raw>("echo", &body);
            let answer = wait::within("the answer", answer).await.unwrap();
            assert!(answer == body, "{scheme}: {length} bytes");
        }
    }
}

#[tokio::test]
async fn items_keep_their_borders_through_a_proxy() {
    let back = pair(LOCAL, echo()).await;
    let front = pair(LOCAL, proxy(&back.client)).await;
    let lengths = [0, 1, 100_000, 3, 70_000];
    let items = lengths.map(|length| Bytes::from(vec![7; length]));
    let stream = Streaming::from_values(items.clone());
    let head = Bytes::from(vec![1; 200_000]);
    let request = Request::new("echo", Body::streaming(head.clone(), stream));
    let response = front
        .client
        .call(request.with_codec(Codec::Raw))
        .await
        .unwrap();
    let (first, rest) = response.body.split().await.unwrap();
    assert!(first == head);
    let rest = wait::within("the items", Streaming::new(rest).collect())
        .await
        .unwrap();
    assert!(rest == items);
}

#[tokio::test]
async fn an_error_after_items_may_be_long() {
    let long = "why ".repeat(100_000);
    let reason = long.clone();
    let failing = Router::new().raw_method("fail", move |_: Request| {
        let (sender, items) = Streaming::<Bytes>::channel(2);
        let payload = linkspan::codec::Payload::new(Codec::Raw, reason.clone().into());
        tokio::spawn(async move {
            sender.send(Ok("item".into())).await.unwrap();
            sender
                .send(Err(CallError::Application(payload)))
                .await
                .unwrap();
        });
        async move { Ok(Response::new(Body::streaming("", items)).with_codec(Codec::Raw)) }
    });
    for scheme in SCHEMES {
        let pair = pair(scheme, failing.clone()).await;
        let response = pair.client.call(Request::new("fail", "")).await.unwrap();
        let (_, items) = response.body.split().await.unwrap();
        let mut items = Streaming::new(items);
        assert_eq!(items.next().await, Some(Ok("item".into())), "{scheme}");
        let Some(Err(CallError::Application(error))) = items.next().await else {
            panic!("{scheme}: no error")
        };
        assert!(
            error.bytes == long.as_bytes(),
            "{scheme}: {} bytes",
            error.bytes.len()
        );
        assert_eq!(items.next().await, None);
    }
}

#[tokio::test]
async fn what_a_handler_could_not_reach_is_not_taken_for_a_refusal() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&calls);
    let server = Server::new().method("act", move |(): (), _: Context| {
        counter.fetch_add(1, Ordering::SeqCst);
        async { Err::<(), _>(not_accepted()) }
    });
    let raw = Arc::clone(&calls);
    let server = server.service(Router::new().raw_method("raw", move |_: Request| {
        raw.fetch_add(1, Ordering::SeqCst);
        async { Err::<Response, _>(not_accepted()) }
    }));
    let serving = server.listen("mem:unreachable-behind").await.unwrap();
    let address: Address = serving.address().clone();
    let client = Client::connect(address).await.unwrap();
    for method in ["raw", "act"] {
        let error = client.send_request::<()>(method, &()).await.unwrap_err();
        assert_eq!(error.code(), Code::UNAVAILABLE, "{error}");
        assert!(!error.is_retryable());
    }
    assert_eq!(calls.load(Ordering::SeqCst), 2, "each ran once");
}

fn not_accepted() -> CallError {
    let text = r#"{"NotAccepted":{"reason":"nobody there","retry_after":null}}"#;
    serde_json::from_str(text).unwrap()
}
