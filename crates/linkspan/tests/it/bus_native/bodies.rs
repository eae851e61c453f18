//! What is published: values of serde, messages of protobuf, and bytes.

use std::fmt::Debug;

use linkspan::bus::{Client, Delivery, Subscription};
use linkspan::codec::{Codec, Decode, Encode, Raw};

use super::scene::{Scene, next};
use crate::support::SCHEMES;

/// Publishes something; sees that it comes as what it was.
async fn pass<T>(publisher: &Client, subscription: &mut Subscription, body: T, codec: Codec)
where
    T: Encode + Decode + Debug + PartialEq,
{
    let published = publisher.publish("t", &body).await;
    assert_eq!(published, Ok(Delivery::Delivered));
    let message = next(subscription).await;
    assert_eq!(message.codec(), Some(codec));
    assert_eq!(message.decode(), Ok(body));
}

#[tokio::test]
async fn values_and_bytes_come_as_what_they_were() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
        let mut subscription = subscriber.subscribe("t").await.unwrap();
        let subscription = &mut subscription;
        let value = (String::from("k1"), 21.5, vec![1, 2, 3]);
        pass(&publisher, subscription, value, Codec::Msgpack).await;
        pass(&publisher, subscription, (), Codec::Msgpack).await;
        let bytes = Raw(vec![0xC1; 100_000].into());
        pass(&publisher, subscription, bytes, Codec::Raw).await;
        pass(&publisher, subscription, Raw::default(), Codec::Raw).await;
    }
}

#[cfg(feature = "prost")]
mod protobuf {
    use linkspan::bus::Delivery;
    use linkspan::codec::{Codec, Protobuf, Raw};
    use prost::Message as _;

    use super::pass;
    use crate::bus_native::mixed::BusRt;
    use crate::bus_native::scene::{Scene, next};
    use crate::support::{LOCAL, SCHEMES};

    #[derive(Clone, PartialEq, prost::Message)]
    struct Reading {
        #[prost(string, tag = "1")]
        sensor: String,
        #[prost(double, tag = "2")]
        celsius: f64,
    }

    fn reading() -> Protobuf<Reading> {
        let sensor = "k1".into();
        Protobuf(Reading {
            sensor,
            celsius: 21.5,
        })
    }

    #[tokio::test]
    async fn messages_come_as_what_they_were_and_as_nothing_else() {
        for scheme in SCHEMES {
            let scene = Scene::at(scheme).await;
            let (publisher, subscriber) = (scene.client("one").await, scene.client("two").await);
            let mut subscription = subscriber.subscribe("t").await.unwrap();
            pass(&publisher, &mut subscription, reading(), Codec::Protobuf).await;
            let published = publisher.publish("t", &reading()).await;
            assert_eq!(published, Ok(Delivery::Delivered));
            let message = next(&mut subscription).await;
            message.decode::<String>().unwrap_err();
            assert_eq!(message.payload(), reading().0.encode_to_vec());
            let published = publisher.publish("t", &"text").await;
            assert_eq!(published, Ok(Delivery::Delivered));
            let message = next(&mut subscription).await;
            let wrong = message.decode::<Protobuf<Reading>>().unwrap_err();
            assert!(wrong.to_string().contains("not protobuf"), "{wrong}");
        }
    }

    #[tokio::test]
    async fn clients_of_busrt_exchange_them_as_bytes() {
        let scene = Scene::at(LOCAL).await;
        let mut foreign = BusRt::join(scene.address(), "foreign").await;
        assert_eq!(foreign.operate(0x42, b"to/foreign").await, 1);
        let native = scene.client("native").await;
        let mut subscription = native.subscribe("from/foreign").await.unwrap();
        let bytes = reading().0.encode_to_vec();
        let body = [b"from/foreign\0".as_slice(), &bytes].concat();
        assert_eq!(foreign.operate(0x41, &body).await, 1);
        let message = next(&mut subscription).await;
        assert_eq!(message.codec(), None);
        assert_eq!(message.decode(), Ok(reading()));
        assert_eq!(message.decode(), Ok(Raw(bytes.clone().into())));
        let published = native.publish("to/foreign", &reading()).await;
        assert_eq!(published, Ok(Delivery::Delivered));
        let expected = [b"native\0to/foreign\0".as_slice(), &bytes].concat();
        assert_eq!(foreign.delivery().await, (0x01, expected));
    }
}
