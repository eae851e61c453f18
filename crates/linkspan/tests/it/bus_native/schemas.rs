//! Publications that have to fit a schema.

use bytes::Bytes;
use linkspan::bus::{
    Broker, DeadLetterFilter, DeadReason, Delivery, Post, PostError, SchemaError, Schemas,
};
use linkspan::codec::{Codec, Payload, Raw};
use linkspan_test::wait;
use serde_json::{Value, json};

use super::scene::{Scene, next, number};
use crate::support::SCHEMES;

const READING: &str = r#"{
    "type": "object",
    "required": ["celsius"],
    "properties": {
        "celsius": { "type": "number", "maximum": 100 },
        "tags": { "type": "array", "items": { "type": "string", "pattern": "^[a-z]+$" } }
    },
    "additionalProperties": false
}"#;

fn readings() -> Schemas {
    let mut schemas = Schemas::new();
    schemas
        .add(&"house/+/reading".parse().unwrap(), READING)
        .unwrap();
    schemas
}

/// Why a payload does not fit.
fn problem(posted: Result<Delivery, PostError>) -> String {
    match posted {
        Err(PostError::Invalid(problem)) => problem,
        other => panic!("{other:?}"),
    }
}

/// A body in an encoding.
struct Encoded(Codec, Vec<u8>);

impl linkspan::codec::Encode for Encoded {
    fn encode(&self, _: Codec) -> Result<Payload, linkspan::codec::CodecError> {
        Ok(Payload::new(self.0, self.1.clone().into()))
    }
}

#[tokio::test]
async fn what_does_not_fit_is_refused_with_its_place_and_kept() {
    for scheme in SCHEMES {
        let scene = Scene::with(scheme, Broker::new().schemas(readings())).await;
        let (client, other) = (scene.client("one").await, scene.client("two").await);
        let mut got = other.subscribe("house/#").await.unwrap();
        let publish = async |value: &Value| client.publish("house/x/reading", value).await;
        assert_eq!(
            publish(&json!({ "celsius": 21.5 })).await,
            Ok(Delivery::Delivered)
        );
        let told = problem(publish(&json!({ "celsius": "hot" })).await);
        assert!(told.contains(" at /celsius: "), "{told}");
        assert!(told.contains("number") && !told.contains("hot"), "{told}");
        let told = problem(publish(&json!({ "celsius": 1, "tags": ["ab", "C"] })).await);
        assert!(told.contains(" at /tags/1: "), "{told}");
        let told = problem(publish(&json!([])).await);
        assert!(told.contains(" at /: "), "{told}");
        // Nothing is asked of other topics, and of messages to clients.
        assert_eq!(
            client.publish("house/x", &json!([])).await,
            Ok(Delivery::Delivered)
        );
        assert_eq!(
            client.send("two", &json!([])).await,
            Ok(Delivery::Delivered)
        );
        assert_eq!(
            next(&mut got).await.decode(),
            Ok(json!({ "celsius": 21.5 }))
        );
        assert_eq!(next(&mut got).await.topic(), "house/x");

        let letters = client
            .dead_letters(&DeadLetterFilter::default())
            .await
            .unwrap();
        assert_eq!(letters.len(), 3);
        assert!(
            letters
                .iter()
                .all(|letter| letter.reason == DeadReason::Schema)
        );
        assert!(letters[0].detail.contains("/celsius"), "{letters:?}");
        assert_eq!(scene.serving.stats().invalid, 3);
    }
}

#[tokio::test]
async fn payloads_are_read_as_what_they_are() {
    let scene = Scene::with("mem", Broker::new().schemas(readings())).await;
    let client = scene.client("one").await;
    let publish = async |body: Encoded| client.publish("house/x/reading", &body).await;
    let (text, packed) = (
        br#"{"celsius":1}"#.to_vec(),
        b"\x81\xa7celsius\x01".to_vec(),
    );
    for (codec, payload) in [
        (Codec::Json, &text),
        (Codec::Msgpack, &packed),
        (Codec::Raw, &text),
        (Codec::Raw, &packed),
    ] {
        let published = publish(Encoded(codec, payload.clone())).await;
        assert_eq!(published, Ok(Delivery::Nobody), "{codec}: {payload:x?}");
    }
    let nested = [vec![0x91; 500], vec![1]].concat();
    for (codec, payload, complaint) in [
        (Codec::Json, packed.clone(), "not JSON"),
        (Codec::Msgpack, text.clone(), "not MessagePack"),
        (
            Codec::Msgpack,
            [&packed[..], b"\x01"].concat(),
            "1 bytes follow",
        ),
        (
            Codec::Msgpack,
            b"\x81\xa7celsius\xc4\x01x".to_vec(),
            "not MessagePack",
        ),
        (Codec::Msgpack, nested.clone(), "not MessagePack"),
        (Codec::Json, vec![b'['; 500], "not JSON"),
        (Codec::Protobuf, text.clone(), "protobuf"),
        (Codec::Raw, b"\xc1".to_vec(), "not JSON, nor MessagePack"),
        (Codec::Raw, Vec::new(), "not JSON, nor MessagePack"),
        (
            Codec::Raw,
            vec![b' '; 1024 * 1024 + 1],
            "exceeds the limit of 1048576 bytes",
        ),
    ] {
        let told = problem(publish(Encoded(codec, payload)).await);
        assert!(told.contains(complaint), "{codec}: {told}");
    }
}

#[tokio::test]
async fn every_schema_of_a_topic_has_to_fit() {
    let mut schemas = readings();
    schemas
        .add(&"#".parse().unwrap(), r#"{ "minProperties": 2 }"#)
        .unwrap();
    let scene = Scene::with("mem", Broker::new().schemas(schemas)).await;
    let client = scene.client("one").await;
    let publish = async |topic, value: Value| client.publish(topic, &value).await;
    let both = json!({ "celsius": 1, "tags": [] });
    assert_eq!(
        publish("house/x/reading", both.clone()).await,
        Ok(Delivery::Nobody)
    );
    let told = problem(publish("house/x/reading", json!({ "celsius": 1 })).await);
    assert!(told.contains("schema of \"#\""), "{told}");
    problem(publish("other", json!({ "celsius": 1 })).await);
    assert_eq!(
        publish("other", json!({ "a": 1, "b": 2 })).await,
        Ok(Delivery::Nobody)
    );
}

#[tokio::test]
async fn schemas_change_while_a_broker_runs_and_letters_fit_later() {
    let scene = Scene::with("mem", Broker::new().schemas(readings())).await;
    let client = scene.client("one").await;
    let mut got = scene.client("two").await.subscribe("#").await.unwrap();
    let post = Post::to_topic("house/x/reading", &7).unwrap();
    problem(client.post(&post).await);
    let all = DeadLetterFilter::default();
    let replayed = client.replay_dead_letters(&all).await.unwrap();
    assert_eq!((replayed.delivered, replayed.kept), (0, 1));
    scene.serving.broker().set_schemas(Schemas::new());
    let replayed = client.replay_dead_letters(&all).await.unwrap();
    assert_eq!((replayed.delivered, replayed.kept), (1, 0));
    assert_eq!(number(&mut got).await, 7);
    assert_eq!(client.post(&post).await, Ok(Delivery::Delivered));
    assert_eq!(number(&mut got).await, 7);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let mut schemas = Schemas::new();
    let mask = "#".parse().unwrap();
    let mut refused = |schema: &str| schemas.add(&mask, schema).unwrap_err();
    let SchemaError::Json {
        line,
        column,
        problem,
    } = refused("{\n  \"type\": }")
    else {
        panic!("it is not JSON");
    };
    assert_eq!((line, column), (2, 11), "{problem}");
    for (schema, place) in [
        (
            r#"{ "properties": { "x": { "type": "nothing" } } }"#,
            "/properties/x/type",
        ),
        (r#"{ "$ref": "https://example.com/x.json" }"#, "/"),
        (r#"{ "pattern": "(?=a)" }"#, "/pattern"),
    ] {
        let SchemaError::Schema { path, problem } = refused(schema) else {
            panic!("{schema} is JSON");
        };
        assert_eq!(path, place, "{problem}");
    }
    assert!(schemas.is_empty());
}

#[tokio::test]
async fn a_payload_that_is_made_to_be_slow_is_not() {
    let mut schemas = Schemas::new();
    let schema = r#"{ "type": "string", "pattern": "^(a+)+$" }"#;
    schemas.add(&"t".parse().unwrap(), schema).unwrap();
    let scene = Scene::with("mem", Broker::new().schemas(schemas)).await;
    let client = scene.client("one").await;
    let slow = format!("\"{}!\"", "a".repeat(100_000));
    let slow = Raw(Bytes::from(slow));
    let published = wait::within("an answer", client.publish("t", &slow)).await;
    problem(published);
}
