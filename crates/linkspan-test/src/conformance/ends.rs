//! Connections end in all the ways that there are, and everybody is told.

use std::time::{Duration, Instant};

use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Request, Router, StopReport};
use proto::frame::Flags;
use proto::message::Message;
use serde_json::Value;

use crate::conformance::bodies::{blast, next};
use crate::conformance::{Place, Server};
use crate::raw::RawClient;
use crate::wait;

/// A client that ends its direction is answered first, and the connection ends in order.
pub async fn half_close(place: Place) {
    let server = Server::start(place).await;
    let mut client = RawClient::open(&server.address).await.expect("a session");
    let request = proto::message::Request::new("echo", "last words".into());
    client
        .send(1, Flags::END, Message::Request(request))
        .await
        .expect("it is sent");
    let answer = wait::within("the answer", client.receive())
        .await
        .expect("an answer");
    assert!(matches!(
        answer.expect("a frame").message,
        Message::Response(_)
    ));
    client.shutdown().await.expect("half of it closes");
    let rest = wait::within("the end", client.receive_to_end()).await;
    assert!(rest.is_empty(), "{rest:?}");
    wait::until("the connection is gone", || server.stats().open == 0).await;
}

/// A client that is killed in the middle of a stream costs the server only its connection.
pub async fn peer_killed(place: Place) {
    let server = Server::start(place).await;
    let staying = server.client().await;
    {
        let client = server.client().await;
        let mut items = blast(&client, None).await;
        next(&mut items)
            .await
            .expect("without end")
            .expect("the stream goes on");
        assert_eq!(server.stats().open, 2);
    }
    wait::until("the connection is gone", || server.stats().open == 1).await;
    let echo: Raw = staying
        .send_request("echo", &Raw("still here".into()))
        .await
        .expect("an echo");
    assert_eq!(echo.0, "still here");
}

/// A server that is killed in the middle of a stream and of a call: both fail by their type within
/// a second, and a client that reconnects finds the next server.
pub async fn server_killed(place: Place) {
    let mut server = Server::spawn(place);
    let mut config = server.client_config();
    config.reconnect = None;
    let client = linkspan::rpc::Client::connect_with(&server.address, config, Router::new())
        .await
        .expect("a session");
    let mut items = blast(&client, None).await;
    next(&mut items)
        .await
        .expect("without end")
        .expect("the stream goes on");
    let call = client.clone();
    let call = tokio::spawn(async move { call.send_request::<Value>("never", &()).await });
    let busy = client.clone();
    wait::within("both under way", async move {
        busy.send_request::<u32>("pid", &())
            .await
            .expect("an answer");
    })
    .await;

    server.kill();
    let killed = Instant::now();
    let error = loop {
        match wait::within("the end of the stream", next(&mut items)).await {
            Some(Ok(_)) => {}
            Some(Err(error)) => break error,
            None => panic!("a killed server does not end its stream in order"),
        }
    };
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    let error = wait::within("the call", call)
        .await
        .expect("no panic")
        .unwrap_err();
    assert!(matches!(error, CallError::OutcomeUnknown { .. }), "{error}");
    assert!(
        killed.elapsed() < Duration::from_secs(1),
        "{:?}",
        killed.elapsed()
    );
}

/// A server that stops lets what it accepted finish, and reports what it had to cut off.
pub async fn server_stops_in_order(place: Place) {
    let mut server = Server::start(place).await;
    let client = server.client().await;
    let quick = client.clone();
    let quick = tokio::spawn(async move { quick.send_request::<u64>("sleep", &100_u64).await });
    let slow = client.clone();
    let slow = tokio::spawn(async move { slow.call(Request::new("never", "")).await });
    wait::until("both are under way", || {
        let connections = client.connection();
        connections.is_some_and(|connection| connection.stats().session.streams_open == 2)
    })
    .await;
    let _: u32 = client
        .send_request("pid", &())
        .await
        .expect("requests are handled in order");

    let report: StopReport =
        wait::within("the stop", server.take().stop(Duration::from_millis(500))).await;
    assert_eq!((report.connections, report.cut), (1, 1));
    assert_eq!(
        quick.await.expect("no panic").expect("it was accepted"),
        100
    );
    let error = slow.await.expect("no panic").unwrap_err();
    assert_eq!(error.code(), linkspan::Code::CUT_OFF, "{error}");
}
