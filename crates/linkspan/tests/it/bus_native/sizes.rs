//! Messages just within the limit, and just beyond.

use bytes::Bytes;
use linkspan::bus::{Broker, Config, Delivery, Post, PostError};
use linkspan::codec::Raw;

use super::scene::{Scene, next};
use crate::support::SCHEMES;

const LIMIT: usize = 100_000;
/// Encoding, length of the headers, and the topic `t` with its NUL.
const HEAD_BYTES: usize = 5;

#[tokio::test]
async fn a_message_is_as_long_as_the_broker_takes_and_no_longer() {
    for scheme in SCHEMES {
        let mut config = Config::default();
        config.max_message_bytes = LIMIT.try_into().unwrap();
        let scene = Scene::with(scheme, Broker::new().config(config)).await;
        let (client, other) = (scene.client("one").await, scene.client("two").await);
        let mut got = other.subscribe("t").await.unwrap();
        let post = |bytes: usize| {
            let payload = Bytes::from(vec![7; bytes - HEAD_BYTES]);
            Post::to_topic("t", &Raw(payload)).unwrap()
        };
        for bytes in [LIMIT - 1, LIMIT] {
            assert_eq!(client.post(&post(bytes)).await, Ok(Delivery::Delivered));
            client.post_unacked(&post(bytes)).await.unwrap();
            for _ in 0..2 {
                let payload = next(&mut got).await.payload();
                assert_eq!(payload.len(), bytes - HEAD_BYTES, "{scheme}");
            }
        }
        let refused = client.post(&post(LIMIT + 1)).await;
        let Err(PostError::Call(error)) = refused else {
            panic!("{refused:?} over {scheme}");
        };
        let told = error.to_string();
        assert!(told.contains("100001") && told.contains("100000"), "{told}");
        // Where an event can hold it, nobody hears that the broker does not take it.
        client.post_unacked(&post(LIMIT + 1)).await.ok();
        assert_eq!(client.post(&post(LIMIT)).await, Ok(Delivery::Delivered));
        let message = next(&mut got).await;
        assert_eq!(message.payload().len(), LIMIT - HEAD_BYTES, "{scheme}");
        assert_eq!(message.gap(), None);
    }
}
