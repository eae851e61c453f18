//! Bodies of all lengths and sorts, there and back.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use linkspan::codec::{Codec, Raw};
use linkspan::compression::Compression;
use linkspan::rpc::{
    Body, CallError, ClientConfig, Context, Request, Response, Router, Server, ServerConfig,
    Streaming,
};
use linkspan::{Code, Metadata};
use linkspan_test::wait;

use super::scene::{Scene, all, by, by_any, check_echo, echo, echoes, noise, stats, text};
use crate::support::SCHEMES;

/// Text and noise by turns, in parts that are no multiple of anything.
fn mixture(bytes: usize) -> Bytes {
    let parts = (0..).map(|part| match part % 2 {
        0 => text(70_001),
        _ => noise(50_003),
    });
    parts.flatten().take(bytes).collect()
}

#[tokio::test]
async fn bodies_of_all_lengths_come_back_as_they_were() {
    for scheme in SCHEMES {
        for compression in Compression::ALL {
            let scene = Scene::at(scheme, echo()).await;
            let client = scene.client(by(compression)).await;
            for bytes in [0, 1, 1023, 1024, 65_500, 65_535, 65_536, 65_537, 2_000_000] {
                check_echo(&client, &text(bytes)).await;
                check_echo(&client, &mixture(bytes)).await;
            }
            let stats = stats(&client);
            assert_eq!(stats.compression, compression);
            assert!(stats.sent_bytes > 2_000_000, "{scheme}: {stats:?}");
            assert!(stats.received_bytes > 2_000_000, "{scheme}: {stats:?}");
            assert!(stats.sent_compressed_bytes < stats.sent_bytes / 2);
            assert!(stats.received_compressed_bytes < stats.received_bytes / 2);
        }
    }
}

#[tokio::test]
async fn fewer_bytes_go_over_the_wire() {
    for compression in Compression::ALL {
        let scene = Scene::at("tcp", echo()).await;
        let client = scene.client(by(compression)).await;
        check_echo(&client, &text(3_000_000)).await;
        let counted = client.connection().unwrap().stats();
        assert!(counted.bytes_received < 200_000, "{counted:?}");
        assert!(counted.session.bytes_sent < 200_000, "{counted:?}");
        let server = scene.serving.connections()[0].stats();
        assert!(server.bytes_received < 200_000, "{server:?}");
        let saved = server.compression.unwrap();
        assert_eq!(saved.received_bytes, stats(&client).sent_bytes);
        assert_eq!(saved.sent_bytes, stats(&client).received_bytes);
    }
}

#[tokio::test]
async fn items_keep_their_borders_both_ways() {
    for scheme in SCHEMES {
        for compression in Compression::ALL {
            let scene = Scene::at(scheme, echo()).await;
            let client = scene.client(by(compression)).await;
            let lengths = [0, 1, 100_000, 3, 65_536, 0, 1_500_000, 5000];
            let items = lengths.map(text).into_iter().chain([mixture(300_000)]);
            let items: Vec<_> = items.collect();
            let head = text(200_000);
            let stream = Streaming::from_values(items.clone());
            let request = Request::new("echo", Body::streaming(head.clone(), stream));
            let answer = client.call(request.with_codec(Codec::Raw)).await.unwrap();
            let (first, rest) = answer.body.split().await.unwrap();
            assert!(first == head);
            let received = all(rest).await.into_iter().map(Result::unwrap);
            let received: Vec<_> = received.collect();
            assert!(received == items, "{scheme}, {compression}");
            assert!(stats(&client).sent_compressed_bytes < stats(&client).sent_bytes / 2);
        }
    }
}

#[tokio::test]
async fn events_are_inflated_in_their_order_however_slow_their_handler_is() {
    for (scheme, pause) in SCHEMES.into_iter().zip([0, 1, 0]) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let handled = Arc::clone(&seen);
        let on_event = move |body: Raw, _: Context| {
            let handled = Arc::clone(&handled);
            async move {
                if pause > 0 {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                handled.lock().unwrap().push(body.0.len());
            }
        };
        let server = Server::new()
            .compression(by_any())
            .on_event("said", on_event);
        let scene = Scene::at(scheme, server).await;
        let client = scene.client(by(Compression::Lz4)).await;
        let lengths: Vec<_> = (0..200).map(|number| 500 + 331 * number).collect();
        for length in &lengths {
            client
                .send_event("said", &Raw(text(*length)))
                .await
                .unwrap();
        }
        wait::until("all are handled", || seen.lock().unwrap().len() == 200).await;
        assert_eq!(*seen.lock().unwrap(), lengths, "{scheme}");
        let stats = stats(&client);
        assert!(stats.sent_compressed_bytes < stats.sent_bytes / 2);
    }
}

#[tokio::test]
async fn the_least_limits_hold_nobody_up() {
    for kib in [16, 48, 129] {
        let mut server = ServerConfig::default();
        let mut client = ClientConfig::default();
        for session in [&mut server.session, &mut client.session] {
            session.compression = by_any();
            session.limits.max_frame_bytes = 16 * 1024;
            session.limits.stream_credit = kib * 1024;
            session.limits.connection_credit = (32 + kib) * 1024;
        }
        let scene = Scene::at("tcp", Server::new().config(server).service(echoes())).await;
        let client = scene.client_with(client).await;
        // Half shrinks by half, so that pieces are near to what there is credit for.
        let half = |bytes: usize| -> Bytes {
            let pairs = noise(bytes).into_iter().zip(text(bytes));
            pairs.flat_map(|(noise, text)| [noise, text]).collect()
        };
        let call = async || check_echo(&client, &half(400_000)).await;
        tokio::join!(call(), call(), call(), call());
        let head = Body::streaming(half(30_000), Streaming::from_values(vec![half(200_000)]));
        let request = Request::new("echo", head).with_codec(Codec::Raw);
        let answer = client.call(request).await.unwrap();
        let (_, items) = answer.body.split().await.unwrap();
        assert!(
            all(items).await == [Ok(half(200_000))],
            "windows of {kib} KiB"
        );
    }
}

#[tokio::test]
async fn a_method_that_fails_after_its_data_says_why() {
    let failing = |_: Request| async {
        let error = linkspan::codec::Payload::new(Codec::Raw, text(100_000));
        let (sender, items) = Streaming::channel(2);
        sender.send(Ok(text(100_000))).await.ok();
        sender.send(Err(CallError::Application(error))).await.ok();
        Ok(Response::new(Body::streaming(Bytes::new(), items)).with_codec(Codec::Raw))
    };
    let server = Server::new()
        .compression(by_any())
        .service(Router::new().raw_method("fail", failing));
    let scene = Scene::at("tcp", server).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let answer = client
        .call(Request::new("fail", Bytes::new()))
        .await
        .unwrap();
    let (_, items) = answer.body.split().await.unwrap();
    let items = all(items).await;
    let [Ok(item), Err(CallError::Application(error))] = &items[..] else {
        panic!("an item, and the method's own error")
    };
    assert!(*item == text(100_000) && error.bytes == text(100_000));
}

#[tokio::test]
async fn a_proxy_inflates_and_compresses_anew() {
    let back = Scene::at(crate::support::LOCAL, echo()).await;
    let to = back.client(by(Compression::Zstd)).await;
    let forward = move |request: Request| {
        let to = to.clone();
        async move {
            let forwarded = Request::new(request.method.clone(), request.body);
            let response = to.call(forwarded.with_codec(Codec::Raw)).await?;
            Ok(Response::new(response.body).with_codec(Codec::Raw))
        }
    };
    let front = Server::new()
        .compression(by_any())
        .service(Router::new().raw_method("echo", forward));
    let front = Scene::at("tcp", front).await;
    let client = front.client(by(Compression::Lz4)).await;
    for bytes in [1000, 2000, 65_536, 65_537, 1_000_000] {
        check_echo(&client, &text(bytes)).await;
    }
}

#[tokio::test]
async fn what_a_call_cost_is_told_as_its_bodies_are() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let mut request = Request::new("echo", text(5000)).with_codec(Codec::Raw);
    let metadata = request.metadata.get_or_insert_default();
    metadata.set_text(Metadata::USAGE, "yes");
    let answer = client.call(request).await.unwrap();
    let usage = answer.metadata.as_ref().unwrap().usage().unwrap();
    assert_eq!(usage.received_bytes, 5000);
}

#[tokio::test]
async fn methods_that_are_not_there_are_said_not_to_be() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Lz4)).await;
    let question = Raw(text(500_000));
    let answer = client.send_request::<Raw>("nothing", &question);
    let error = answer.await.unwrap_err();
    assert_eq!(error.code(), Code::METHOD_NOT_FOUND);
    check_echo(&client, &text(100_000)).await;
}
