//! What is sent as it is.

use bytes::Bytes;
use linkspan::codec::Raw;
use linkspan::compression::{Compress, Compression, CompressionConfig};
use linkspan::rpc::{CallError, Client, Context, Request, Server};

use super::scene::{Scene, by, by_any, by_none, check_echo, echo, echoes, stats, text};

fn compression_of(client: &Client) -> Option<linkspan::session::CompressionStats> {
    client.connection().unwrap().stats().compression
}

#[tokio::test]
async fn nothing_is_compressed_with_a_peer_that_does_not() {
    let silent = Server::new().compression(by_none()).service(echoes());
    let scene = Scene::at("tcp", silent).await;
    let client = scene.client(by_any()).await;
    check_echo(&client, &text(200_000)).await;
    assert_eq!(compression_of(&client), None);
    let counted = client.connection().unwrap().stats();
    assert!(counted.session.bytes_sent > 200_000 && counted.bytes_received > 200_000);

    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by_none()).await;
    check_echo(&client, &text(200_000)).await;
    assert_eq!(compression_of(&client), None);
}

#[tokio::test]
async fn by_default_nothing_is_compressed_that_stays_on_this_machine() {
    for scheme in crate::support::SCHEMES {
        let server = Server::new().service(echoes());
        let scene = Scene::at(scheme, server).await;
        let client = scene.client(CompressionConfig::default()).await;
        check_echo(&client, &text(100_000)).await;
        assert_eq!(compression_of(&client), None, "{scheme}");
    }
}

#[tokio::test]
async fn each_side_compresses_by_what_it_prefers() {
    let mut lz4_first = by_any();
    lz4_first.algorithms.reverse();
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(lz4_first).await;
    check_echo(&client, &text(100_000)).await;
    assert_eq!(stats(&client).compression, Compression::Lz4);
    let server = scene.serving.connections()[0].stats().compression;
    assert_eq!(server.unwrap().compression, Compression::Zstd);
}

#[tokio::test]
async fn a_side_may_inflate_only() {
    let mut inflating = by(Compression::Lz4);
    inflating.threshold_bytes = usize::MAX;
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(inflating).await;
    check_echo(&client, &text(100_000)).await;
    let stats = stats(&client);
    assert_eq!(stats.sent_bytes, 0);
    assert!(stats.received_bytes > 90_000);
}

#[tokio::test]
async fn what_is_short_is_left_alone() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Zstd)).await;
    check_echo(&client, &text(1023)).await;
    assert_eq!((stats(&client).sent_bytes, stats(&client).in_vain), (0, 0));
    check_echo(&client, &text(1024)).await;
    assert_eq!(stats(&client).sent_bytes, 1024);
}

#[linkspan::service]
trait Vault {
    async fn tell(&self, context: Context, guess: String) -> Result<String, CallError>;
}

struct Secret;

impl Vault for Secret {
    async fn tell(&self, _: Context, guess: String) -> Result<String, CallError> {
        Ok(format!("{guess}, but the password is {}", "p".repeat(2000)))
    }
}

#[tokio::test]
async fn a_message_with_a_secret_can_be_left_as_it_is() {
    let server = Server::new()
        .compression(by_any())
        .service(echoes())
        .service(
            linkspan::rpc::Router::new()
                .service(VaultServer::new(Secret))
                .uncompressed(),
        );
    let scene = Scene::at("tcp", server).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let vault = VaultClient::new(client.clone());
    let guess = "password ".repeat(1000);
    let context = Context::new().without_compression();
    let told = vault.tell(context, guess.clone()).await;
    assert!(told.unwrap().starts_with(&guess));
    let counted = stats(&client);
    assert_eq!((counted.sent_bytes, counted.received_bytes), (0, 0));
    assert_eq!(counted.in_vain, 0);

    let mut request = Request::new("echo", text(300_000));
    request.compress = Compress::Never;
    let answer = client.call(request).await.unwrap();
    assert!(answer.body.collect().await.unwrap() == text(300_000));
    assert_eq!(stats(&client).sent_bytes, 0);
    assert!(
        stats(&client).received_bytes > 0,
        "the answer is another matter"
    );
    let told = vault.tell(Context::new(), guess.clone()).await.unwrap();
    assert!(told.starts_with(&guess));
    // {"guess": a text of 9,000 bytes}
    assert_eq!(stats(&client).sent_bytes, 1 + 6 + 3 + 9000);
}

#[tokio::test]
async fn an_answer_with_a_secret_can_be_left_as_it_is() {
    let answer = |is_secret: bool| {
        move |_: Request| async move {
            let mut response = linkspan::rpc::Response::new(text(200_000));
            if is_secret {
                response.compress = Compress::Never;
            }
            Ok(response)
        }
    };
    let router = linkspan::rpc::Router::new()
        .raw_method("secret", answer(true))
        .raw_method("known", answer(false));
    let server = Server::new().compression(by_any()).service(router);
    let scene = Scene::at("tcp", server).await;
    let client = scene.client(by(Compression::Lz4)).await;
    let ask = async |method: &str| {
        let answer = client.call(Request::new(method, Bytes::new())).await;
        let body = answer.unwrap().body.collect().await;
        assert!(body.unwrap() == text(200_000));
        stats(&client).received_bytes
    };
    assert_eq!(ask("secret").await, 0);
    assert!(ask("known").await > 190_000);
}

#[tokio::test]
async fn sealed_flags_and_noise_are_no_reason_to_fail() {
    let scene = Scene::at("tcp", echo()).await;
    let client = scene.client(by(Compression::Zstd)).await;
    let mut request = Request::new("echo", text(100_000));
    request.sealed = true;
    // Nothing here opens it, and nothing has compressed it.
    let error = client.call(request).await.unwrap_err();
    assert!(error.to_string().contains("sealed"), "{error}");
    assert_eq!((stats(&client).sent_bytes, stats(&client).in_vain), (0, 0));
    let answer = client.send_request::<Raw>("echo", &Raw(text(2000))).await;
    assert!(answer.is_ok());
}
