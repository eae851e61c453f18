//! What does not shrink costs little time.

use bytes::Bytes;
use linkspan::codec::Codec;
use linkspan::compression::Compression;
use linkspan::rpc::{Body, Request, Streaming};

use super::scene::{Scene, by, check_echo, echo, noise, stats, text};

#[tokio::test]
async fn messages_that_do_not_shrink_are_given_up_and_tried_again() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Lz4)).await;
    for _ in 0..100 {
        check_echo(&client, &noise(2000)).await;
    }
    let counted = stats(&client);
    // 3, then one after 16, one after 32 and one after 64 more.
    assert_eq!((counted.in_vain, counted.sent_bytes), (5, 0));
    for _ in 0..17 {
        check_echo(&client, &text(2000)).await;
    }
    assert_eq!(
        stats(&client).sent_bytes,
        0,
        "they pass, as the ones before"
    );
    for _ in 0..100 {
        check_echo(&client, &text(2000)).await;
    }
    let counted = stats(&client);
    assert_eq!(counted.in_vain, 5);
    assert_eq!(counted.sent_bytes, 100 * 2000);
}

#[tokio::test]
async fn each_stream_is_judged_by_itself() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let stream = async |items: Vec<Bytes>| {
        let body = Body::streaming(Bytes::new(), Streaming::from_values(items.clone()));
        let request = Request::new("echo", body).with_codec(Codec::Raw);
        let answer = client.call(request).await.unwrap();
        let whole = answer.body.collect().await.unwrap();
        assert!(whole == items.concat());
        stats(&client)
    };
    let dull = stream(vec![noise(5000); 60]).await;
    assert_eq!((dull.in_vain, dull.sent_bytes), (5, 0));
    let counted = stream(vec![text(5000); 60]).await;
    assert_eq!((counted.in_vain, counted.sent_bytes), (5, 60 * 5000));
}

#[tokio::test]
async fn a_long_item_is_given_up_in_its_middle() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let item: Bytes = [text(500_000), noise(2_000_000)].concat().into();
    let body = Body::streaming(Bytes::new(), Streaming::from_values(vec![item.clone()]));
    let request = Request::new("echo", body).with_codec(Codec::Raw);
    let answer = client.call(request).await.unwrap();
    assert!(answer.body.collect().await.unwrap() == item);
    let counted = stats(&client);
    assert_eq!(counted.in_vain, 3, "{counted:?}");
    assert!(
        (450_000..600_000).contains(&counted.sent_bytes),
        "{counted:?}"
    );
}
