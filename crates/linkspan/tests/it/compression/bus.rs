//! A broker between clients that compress and others.

use bytes::Bytes;
use linkspan::bus::{Broker, Client, ClientConfig, Post, Subscription};
use linkspan::codec::Raw;
use linkspan::compression::{Compression, CompressionConfig};
use linkspan_test::wait;

use super::scene::{by, by_any, by_none, noise, text};
use crate::bus_busrt::raw;

async fn join(address: &linkspan::Address, name: &str, compression: CompressionConfig) -> Client {
    let mut config = ClientConfig::default();
    config.session.compression = compression;
    let client = Client::connect_with(address, name, config).await;
    client.unwrap()
}

async fn next(subscription: &mut Subscription) -> Bytes {
    let message = wait::within("a message", subscription.next()).await;
    message.unwrap().unwrap().payload()
}

#[tokio::test]
async fn everybody_gets_what_was_published_however_it_came() {
    let broker = Broker::new().compression(by_any());
    let serving = broker.listen("tcp:127.0.0.1:0").await.unwrap();
    let address = serving.address();
    let publisher = join(address, "publisher", by(Compression::Lz4)).await;
    let modern = join(address, "modern", by(Compression::Zstd)).await;
    let plain = join(address, "plain", by_none()).await;
    let mut modern_messages = modern.subscribe("house/#").await.unwrap();
    let mut plain_messages = plain.subscribe("house/#").await.unwrap();
    let mut foreign = raw::Client::join(address, "foreign").await;
    foreign.subscribe(&["house/#"]).await;

    let bodies = [10, 2000, 60_000, 65_536, 200_000, 1_000_000].map(text);
    let bodies: Vec<_> = bodies.into_iter().chain([noise(150_000)]).collect();
    for body in &bodies {
        for is_acknowledged in [true, false] {
            let post = Post::to_topic("house/kitchen", &Raw(body.clone())).unwrap();
            match is_acknowledged {
                true => publisher.post(&post).await.map(drop).unwrap(),
                false => publisher.post_unacked(&post).await.unwrap(),
            }
            assert!(next(&mut modern_messages).await == body);
            assert!(next(&mut plain_messages).await == body);
            let delivery = foreign.delivery().await;
            assert_eq!(delivery.topic, "house/kitchen");
            assert!(delivery.payload == *body);
        }
    }
    foreign.publish("house/cellar", &text(50_000)).await;
    assert!(next(&mut modern_messages).await == text(50_000));
    assert!(next(&mut plain_messages).await == text(50_000));
}
