//! Methods by name: closures, codecs, reflection, errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use linkspan::codec::{Codec, Payload, Raw};
use linkspan::rpc::{Body, BoxService, CallError, Context, Request, Response, Router, Shape};
use linkspan::{Category, Code, Metadata, Status};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::{LOCAL, SCHEMES, pair};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Order {
    item: String,
    pieces: u32,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct OutOfStock {
    left: u32,
}

fn shop() -> Router {
    Router::new()
        .method("shop.order", async |order: Order, _: Context| {
            if order.pieces > 10 {
                Err(OutOfStock { left: 10 })
            } else {
                Ok(order.pieces * 3)
            }
        })
        .method("process_data", async |data: Value, _: Context| {
            Ok::<_, CallError>(json!({ "received": data }))
        })
        .method("raw", async |body: Raw, _: Context| {
            Ok::<_, CallError>(body)
        })
        .raw_method("codec", async |request: Request| {
            let codec = request.codec()?;
            Ok(Response::with_payload(
                Status::Ok,
                Payload::new(codec, codec.name().into()),
            ))
        })
}

#[tokio::test]
async fn closures_answer_untyped_calls_on_every_transport() {
    for scheme in SCHEMES {
        let pair = pair(scheme, shop()).await;
        let answer: Value = pair
            .client
            .send_request("process_data", &json!({ "a": [1, 2.5, null] }))
            .await
            .unwrap();
        assert_eq!(answer, json!({ "received": { "a": [1, 2.5, null] } }));
        let order = Order {
            item: "screw".into(),
            pieces: 4,
        };
        assert_eq!(
            pair.client.send_request("shop.order", &order).await,
            Ok(12_u32)
        );
        let bytes = Raw(vec![0, 1, 255].into());
        assert_eq!(
            pair.client.send_request::<Raw>("raw", &bytes).await,
            Ok(bytes)
        );
    }
}

#[tokio::test]
async fn a_methods_own_error_comes_as_it_was_given() {
    let pair = pair(LOCAL, shop()).await;
    let order = Order {
        item: "nut".into(),
        pieces: 11,
    };
    let error = pair
        .client
        .send_request::<u32>("shop.order", &order)
        .await
        .unwrap_err();
    let CallError::Application(payload) = error else {
        panic!("{error}")
    };
    assert_eq!(
        payload.codec.decode::<OutOfStock>(&payload.bytes),
        Ok(OutOfStock { left: 10 })
    );
}

#[tokio::test]
async fn the_answer_is_encoded_as_the_question_was() {
    let pair = pair(LOCAL, shop()).await;
    for codec in [Codec::Msgpack, Codec::Json] {
        let order = codec
            .encode(&Order {
                item: "bolt".into(),
                pieces: 2,
            })
            .unwrap();
        let request = Request::with_payload("shop.order", Payload::new(codec, order));
        let answer = pair
            .client
            .call(request)
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        assert_eq!(answer.codec, codec);
        assert_eq!(codec.decode::<u32>(&answer.bytes), Ok(6));
    }
    for codec in [Codec::Msgpack, Codec::Json, Codec::Protobuf, Codec::Raw] {
        let request = Request::with_payload("codec", Payload::new(codec, "".into()));
        let answer = pair
            .client
            .call(request)
            .await
            .unwrap()
            .collect()
            .await
            .unwrap();
        assert_eq!(
            (answer.codec, &answer.bytes[..]),
            (codec, codec.name().as_bytes())
        );
    }
}

#[tokio::test]
async fn a_codec_that_nobody_knows_is_named() {
    let pair = pair(LOCAL, shop()).await;
    let mut request = Request::new("shop.order", "");
    let mut metadata = Metadata::new();
    metadata.set_text(Metadata::CONTENT_TYPE, "smoke-signals");
    request.metadata = Some(Box::new(metadata));
    let error = pair.client.call(request).await.unwrap_err();
    assert_eq!(error.code(), Code::UNSUPPORTED_CODEC);
    assert!(error.to_string().contains("\"smoke-signals\""), "{error}");
}

#[tokio::test]
async fn an_unknown_method_names_the_nearest() {
    let pair = pair(LOCAL, shop()).await;
    let error = pair
        .client
        .send_request::<Value>("shop.ordre", &())
        .await
        .unwrap_err();
    assert_eq!(
        (error.category(), error.code()),
        (Category::Request, Code::METHOD_NOT_FOUND)
    );
    assert_eq!(
        error.to_string(),
        "there is no method \"shop.ordre\"; the nearest are shop.order"
    );
    let error = pair
        .client
        .send_request::<Value>("xyz", &())
        .await
        .unwrap_err();
    assert!(
        error
            .to_string()
            .contains("call linkspan.methods for those that exist"),
        "{error}"
    );
}

#[tokio::test]
async fn every_server_lists_its_methods() {
    let pair = pair(LOCAL, shop()).await;
    let methods: Vec<linkspan::rpc::MethodInfo> = pair
        .client
        .send_request("linkspan.methods", &())
        .await
        .unwrap();
    let names: Vec<_> = methods.iter().map(|method| method.name.as_str()).collect();
    assert_eq!(names, ["codec", "process_data", "raw", "shop.order"]);
    assert!(methods.iter().all(|method| method.shape == Shape::Unary));
}

#[tokio::test]
async fn usage_is_told_to_callers_that_ask() {
    let pair = pair(LOCAL, shop()).await;
    let body = Codec::Json.encode(&json!("x".repeat(1000))).unwrap();
    let mut request = Request::with_payload("process_data", Payload::new(Codec::Json, body));
    request
        .metadata
        .as_mut()
        .unwrap()
        .set_text(Metadata::USAGE, "wanted");
    let response = pair.client.call(request).await.unwrap();
    let usage = response.metadata.unwrap().usage().unwrap();
    assert!(usage.time > std::time::Duration::ZERO && usage.cpu_time.is_some());
    assert_eq!(usage.received_bytes, 1002);
    assert_eq!(usage.sent_bytes, 1002 + r#"{"received":}"#.len() as u64);
    assert!(usage.peak_bytes.unwrap() > 1_000_000);
}

#[tokio::test]
async fn bodies_over_the_limit_of_a_collected_message_are_refused() {
    let mut config = linkspan::rpc::ServerConfig::default();
    config.session.max_message_bytes = 1_000_000;
    let server = linkspan::rpc::Server::new().config(config).service(shop());
    let pair = crate::support::pair_of(LOCAL, server).await;
    let fits = Raw(vec![1; 1_000_000].into());
    assert_eq!(
        pair.client.send_request::<Raw>("raw", &fits).await,
        Ok(fits)
    );
    let over = Raw(vec![1; 1_000_001].into());
    let error = pair
        .client
        .send_request::<Raw>("raw", &over)
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::TOO_LARGE);
    assert!(
        error
            .to_string()
            .contains("exceeds the limit of 1000000 bytes"),
        "{error}"
    );
    let request = Request::new("raw", Body::unary(vec![2; 10]));
    assert!(
        pair.client.call(request).await.is_ok(),
        "the connection goes on"
    );
}

#[cfg(feature = "prost")]
#[tokio::test]
async fn protobuf_messages_are_bodies() {
    use linkspan::codec::Protobuf;

    #[derive(Clone, PartialEq, prost::Message)]
    struct Point {
        #[prost(int32, tag = "1")]
        x: i32,
        #[prost(int32, tag = "2")]
        y: i32,
    }
    let router = Router::new().method("mirror", async |point: Protobuf<Point>, _: Context| {
        Ok::<_, CallError>(Protobuf(Point {
            x: -point.0.x,
            y: point.0.y,
        }))
    });
    let pair = pair(LOCAL, router).await;
    let mirrored: Protobuf<Point> = pair
        .client
        .send_request("mirror", &Protobuf(Point { x: 3, y: 4 }))
        .await
        .unwrap();
    assert_eq!(mirrored.0, Point { x: -3, y: 4 });
    let error = pair
        .client
        .send_request::<Value>("mirror", &json!({ "x": 1 }))
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::INVALID_PARAMETERS);
}

#[tokio::test]
async fn methods_that_come_and_go_are_found_at_each_call() {
    let is_there = Arc::new(AtomicBool::new(true));
    let weather = Router::new().method("weather.today", async |place: String, _: Context| {
        Ok::<_, CallError>(format!("rain in {place}"))
    });
    let shown = Arc::clone(&is_there);
    let router = shop().others(move |name| {
        let is_its = name.starts_with("weather.") && shown.load(Ordering::Relaxed);
        is_its.then(|| BoxService::new(weather.clone()))
    });
    for scheme in SCHEMES {
        let pair = pair(scheme, router.clone()).await;
        let today = pair.client.send_request("weather.today", "Paris").await;
        assert_eq!(today, Ok("rain in Paris".to_owned()), "{scheme}");
        let order = Order {
            item: "screw".into(),
            pieces: 4,
        };
        let ordered = pair.client.send_request("shop.order", &order).await;
        assert_eq!(ordered, Ok(12_u32), "its own methods come first");
    }
    let pair = pair(LOCAL, router).await;
    is_there.store(false, Ordering::Relaxed);
    let gone = pair
        .client
        .send_request::<String>("weather.today", "Paris")
        .await;
    assert_eq!(gone.unwrap_err().code(), Code::METHOD_NOT_FOUND);
}
