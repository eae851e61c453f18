//! Sessions that end because of what came from somebody who was let in.

use bytes::Bytes;
use linkspan_test::raw::RawClient;
use linkspan_test::wait;
use proto::frame::Flags;
use proto::message::{Message, Request};

use super::scene::{Scene, patient};
use crate::support::LOCAL;

async fn scene() -> Scene {
    Scene::new(LOCAL, patient()).await
}

fn request() -> Message {
    Message::Request(Request::new("whoami", Bytes::new()))
}

/// What is written down about the one session that has ended.
async fn noted(scene: &Scene, reason: &str) -> serde_json::Value {
    scene.noted("session.end", reason).await;
    let line = scene.last();
    assert_eq!(line.get("decision").unwrap(), "ended", "{line}");
    assert_eq!(
        line.get("principal").unwrap(),
        &os::own_credentials().user.to_string()
    );
    assert_eq!(line.get("method").unwrap(), "peer_credentials", "{line}");
    line
}

#[tokio::test]
async fn a_broken_rule_is_written_down_with_who_broke_it() {
    let scene = scene().await;
    let mut client = RawClient::open(scene.address()).await.unwrap();
    // The even ones are the server's to open.
    client.send(2, Flags::END, request()).await.unwrap();
    wait::within("the end", client.receive_to_end()).await;
    drop(client);
    let line = noted(&scene, "protocol").await;
    let detail = "stream 2 cannot be opened by the peer after stream 0";
    assert_eq!(line["detail"], detail, "{line}");
    scene
        .others_are_undisturbed("a stream of the server's")
        .await;
}

#[tokio::test]
async fn bytes_that_are_no_frame_are_written_down() {
    let scene = scene().await;
    let mut client = RawClient::open(scene.address()).await.unwrap();
    client.send(1, Flags::END, request()).await.unwrap();
    client.send_bytes(&[0xA5; 200]).await.unwrap();
    wait::within("the end", client.receive_to_end()).await;
    drop(client);
    noted(&scene, "protocol").await;
    scene.others_are_undisturbed("no frames").await;
}

#[tokio::test]
async fn the_end_within_a_frame_is_written_down() {
    let scene = scene().await;
    let mut client = RawClient::open(scene.address()).await.unwrap();
    client.send_bytes(b"LSPN").await.unwrap();
    drop(client);
    noted(&scene, "truncated").await;
    scene.others_are_undisturbed("half a frame").await;
}

#[tokio::test]
async fn who_just_goes_is_not_accused() {
    let scene = scene().await;
    let mut client = RawClient::open(scene.address()).await.unwrap();
    client.send(1, Flags::END, request()).await.unwrap();
    wait::within("the answer", client.receive()).await.unwrap();
    client.shutdown().await.unwrap();
    wait::within("the end", client.receive_to_end()).await;
    drop(client);
    // One who is accused comes after it, so what was to be written down before has been.
    let mut other = RawClient::open(scene.address()).await.unwrap();
    other.send_bytes(&[0xA5; 200]).await.unwrap();
    wait::within("the end", other.receive_to_end()).await;
    noted(&scene, "protocol").await;
    assert_eq!(scene.all_lines().matches("session.end").count(), 1);
}
