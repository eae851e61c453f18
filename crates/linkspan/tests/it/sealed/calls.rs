use std::sync::{Arc, Mutex};

use linkspan::Code;
use linkspan::auth::seal::Sealing;
use linkspan::codec::Raw;
use linkspan::rpc::{CallError, Context, Router, Sealed, Server, Streaming};
use serde::{Deserialize, Serialize};

use super::{code, ends, ring};
use crate::support::{SCHEMES, pair_of};

#[derive(Debug, Serialize, Deserialize, thiserror::Error, PartialEq)]
enum VaultError {
    #[error("there is no {0}")]
    Missing(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

#[linkspan::service]
trait Vault {
    async fn read(&self, name: String) -> Result<String, VaultError>;
    async fn list(&self, count: u32) -> Result<Streaming<u32, VaultError>, VaultError>;
    async fn sum(&self, start: u64, numbers: Streaming<u64>) -> Result<u64, CallError>;
    async fn echo(&self, items: Streaming<String>) -> Result<Streaming<String>, CallError>;
}

struct Memory;

impl Vault for Memory {
    async fn read(&self, name: String) -> Result<String, VaultError> {
        match name.as_str() {
            "nothing" => Err(VaultError::Missing(name)),
            name => Ok(name.repeat(3)),
        }
    }

    async fn list(&self, count: u32) -> Result<Streaming<u32, VaultError>, VaultError> {
        let (sender, items) = Streaming::channel(4);
        tokio::spawn(async move {
            for number in 0..count {
                sender.send(Ok(number)).await.unwrap();
            }
            if count == 3 {
                let missing = VaultError::Missing("fourth".to_owned());
                sender.send(Err(missing)).await.unwrap();
            }
        });
        Ok(items)
    }

    async fn sum(&self, start: u64, mut numbers: Streaming<u64>) -> Result<u64, CallError> {
        let mut sum = start;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn echo(&self, items: Streaming<String>) -> Result<Streaming<String>, CallError> {
        Ok(items)
    }
}

#[tokio::test]
async fn calls_and_streams_are_sealed_both_ways() {
    for scheme in SCHEMES {
        let [ada, vault] = ends();
        let server = Server::new()
            .sealed(&vault)
            .service(VaultServer::new(Memory));
        let pair = pair_of(scheme, server).await;
        let client = VaultClient::new(pair.client.clone().sealed(&ada));

        assert_eq!(client.read("ab".into()).await.unwrap(), "ababab");
        let long = "x".repeat(300_000);
        assert_eq!(client.read(long.clone()).await.unwrap(), long.repeat(3));
        let missing = client.read("nothing".into()).await.unwrap_err();
        assert_eq!(missing, VaultError::Missing("nothing".to_owned()));

        let listed = client.list(1000).await.unwrap().collect().await.unwrap();
        assert_eq!(listed, (0..1000).collect::<Vec<_>>());
        let none = client.list(0).await.unwrap().collect().await.unwrap();
        assert!(none.is_empty());
        let mut cut = client.list(3).await.unwrap();
        for number in 0..3 {
            assert_eq!(cut.next().await, Some(Ok(number)));
        }
        let missing = VaultError::Missing("fourth".to_owned());
        assert_eq!(cut.next().await, Some(Err(missing)));
        assert_eq!(cut.next().await, None);

        let sum = client.sum(7, Streaming::from_values(1..=1000)).await;
        assert_eq!(sum.unwrap(), 7 + 500_500);
        let words = ["a".to_owned(), String::new(), "c".repeat(200_000)];
        let echoed = client.echo(Streaming::from_values(words.clone())).await;
        assert_eq!(echoed.unwrap().collect().await.unwrap(), words);
    }
}

#[tokio::test]
async fn what_is_not_sealed_is_refused_by_both_sides() {
    let [ada, vault] = ends();
    let methods = || {
        Router::new().method("double", async |n: i64, _: Context| {
            Ok::<_, CallError>(2 * n)
        })
    };
    let sealed = pair_of("mem", Server::new().sealed(&vault).service(methods())).await;
    let answer = sealed.client.send_request::<i64>("double", &21).await;
    assert_eq!(code(answer), Code::NOT_SEALED);

    // An envelope is nothing that could be doubled, nor bytes for a handler that takes any.
    let any = async |_: Raw, _: Context| Ok::<_, CallError>(1);
    let router = methods().method("any", any).raw_method("plain", async |_| {
        Ok(linkspan::rpc::Response::new(&[1_u8][..]))
    });
    let plain = pair_of("mem", Server::new().service(router)).await;
    let client = plain.client.clone().sealed(&ada);
    for method in ["double", "any"] {
        let answer = client.send_request::<i64>(method, &21).await;
        assert_eq!(code(answer), Code::UNSUPPORTED_CODEC);
    }
    let answer = client.send_request::<i64>("plain", &21).await;
    assert_eq!(code(answer), Code::NOT_SEALED);
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let [_, vault] = ends();
    let server = Server::new().method("double", async |n: i64, _: Context| {
        Ok::<_, CallError>(2 * n)
    });
    let pair = pair_of("mem", server.sealed(&vault)).await;
    let stranger = pair.client.clone().sealed(&Sealing::new(ring(), "eve"));
    let answer = stranger.send_request::<i64>("double", &21).await;
    assert_eq!(code(answer), Code::UNKNOWN_KEY);
}

#[tokio::test]
async fn handlers_know_who_sealed_and_callers_who_answered() {
    let [ada, vault] = ends();
    let server = Server::new().method("who", async |(): (), context: Context| {
        let name = context.metadata("sealed-sender").unwrap_or_default();
        Ok::<_, CallError>(name.to_owned())
    });
    let pair = pair_of("mem", server.sealed(&vault)).await;
    let client = pair.client.clone().sealed(&ada);
    let name: String = client.send_request("who", &()).await.unwrap();
    assert_eq!(name, "ada");
    let request = linkspan::rpc::Request::new("who", &[0xC0_u8][..]);
    let response = client.call(request).await.unwrap();
    let metadata = response.metadata.as_ref().unwrap();
    assert_eq!(metadata.text("sealed-sender"), Some("vault"));
}

#[tokio::test]
async fn one_router_may_have_methods_of_both_sorts() {
    let [ada, vault] = ends();
    let secret = Router::new().method("secret", async |(): (), _: Context| Ok::<_, CallError>(1));
    let open = Router::new().method("open", async |(): (), _: Context| Ok::<_, CallError>(2));
    let server = Server::new().service(secret.sealed(&vault)).service(open);
    let pair = pair_of("mem", server).await;
    let answer: i32 = pair.client.send_request("open", &()).await.unwrap();
    assert_eq!(answer, 2);
    let answer = pair.client.send_request::<i32>("secret", &()).await;
    assert_eq!(code(answer), Code::NOT_SEALED);
    let client = Sealed::new(pair.client.clone(), &ada);
    let answer: i32 = client.send_request("secret", &()).await.unwrap();
    assert_eq!(answer, 1);
}

#[tokio::test]
async fn events_are_sealed_too() {
    let [ada, vault] = ends();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&heard);
    let server = Server::new()
        .on_event("said", move |words: String, _: Context| {
            hears.lock().unwrap().push(words);
            std::future::ready(())
        })
        .method("sync", async |(): (), _: Context| Ok::<_, CallError>(()))
        .sealed(&vault);
    let pair = pair_of("mem", server).await;
    let client = pair.client.clone().sealed(&ada);
    pair.client.send_event("said", "plain").await.unwrap();
    client.send_event("said", "one").await.unwrap();
    client.send_event("said", "two").await.unwrap();
    linkspan_test::wait::until("both were heard", || heard.lock().unwrap().len() >= 2).await;
    assert_eq!(*heard.lock().unwrap(), ["one", "two"]);
}
