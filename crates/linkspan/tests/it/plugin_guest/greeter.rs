//! What a plugin can do, by the example.

use std::sync::{Arc, Mutex};

use linkspan::plugin::{Describe, Progress};
use linkspan::rpc::{CallError, Context, MethodInfo, Router, Shape, Streaming};
use linkspan_test::wait;
use serde::{Deserialize, Serialize};

use super::Plugin;

/// What the plugin has, as a host declares it.
#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, GreetError>;
    async fn greet_all(&self, names: Streaming<String>) -> Result<String, GreetError>;
    async fn letters(&self, name: String) -> Result<Streaming<String>, GreetError>;
    async fn echo(&self, words: Streaming<String>) -> Result<Streaming<String>, GreetError>;
    async fn ask_host(&self, method: String) -> Result<String, GreetError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum GreetError {
    #[error("nobody is there")]
    NobodyThere,
    #[error(transparent)]
    Call(#[from] CallError),
}

#[tokio::test]
async fn it_answers_and_streams_both_ways() {
    let plugin = Plugin::start("greeter", Router::new()).await;
    let greeter = GreeterClient::new(plugin.client.clone());
    let greeted = wait::within("an answer", greeter.greet("Ada".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada!");
    let refused = wait::within("an error", greeter.greet(String::new())).await;
    assert_eq!(refused, Err(GreetError::NobodyThere));

    let names = Streaming::from_values(["Ada", "Bo"].map(str::to_owned));
    let greeted = wait::within("an answer to items", greeter.greet_all(names)).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada and Bo!");
    let letters = wait::within("a stream", greeter.letters("Ada".into())).await;
    assert_eq!(items(letters.unwrap()).await, ["A", "d", "a"]);
    let long = "x".repeat(300_000);
    let words = Streaming::from_values(["one".to_owned(), long.clone()]);
    let loud = wait::within("both streams", greeter.echo(words)).await;
    assert_eq!(items(loud.unwrap()).await, ["ONE", &long.to_uppercase()]);
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn it_calls_back_and_tells() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (greetings, steps) = (Arc::clone(&told), Arc::clone(&told));
    let router = Router::new()
        .method("host.name", async |asked: Asked, _: Context| {
            Ok::<_, CallError>(format!("host of {}", asked.who))
        })
        .on_event("people/ada/greeted", move |body: Greeted, _| {
            greetings.lock().unwrap().push(body.text);
            std::future::ready(())
        })
        .on_event("linkspan.progress", move |body: Progress, context| {
            let (stream, total) = (context.correlation_id(), body.total.unwrap());
            let step = format!("{} of {total} on {stream}", body.done);
            steps.lock().unwrap().push(step);
            std::future::ready(())
        });
    let plugin = Plugin::start("greeter", router).await;
    let greeter = GreeterClient::new(plugin.client.clone());
    let name = wait::within("a call back", greeter.ask_host("host.name".into())).await;
    assert_eq!(name.unwrap(), "host of greeter");
    let missing = wait::within("a failure", greeter.ask_host("host.nme".into())).await;
    let problem = missing.unwrap_err().to_string();
    assert!(problem.contains("host.name"), "{problem}");

    let arrived = plugin.client.send_event("people/ada/arrived", "Ada");
    wait::within("an event", arrived).await.unwrap();
    wait::until("its answer", || told.lock().unwrap().len() == 1).await;
    assert_eq!(*told.lock().unwrap(), ["Hello, Ada!"]);
    let letters = greeter.letters("Bo".into()).await.unwrap();
    assert_eq!(items(letters).await, ["B", "o"]);
    // The last step may be told when the stream has ended, and then nobody hears of it.
    wait::until("its progress", || told.lock().unwrap().len() >= 2).await;
    assert_eq!(told.lock().unwrap()[1], "1 of 2 on 5");
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn it_says_what_it_is() {
    let plugin = Plugin::start("greeter", Router::new()).await;
    let identity = plugin.client.connection().unwrap().peer_identity().clone();
    let found = (identity.name.as_str(), identity.version.as_str());
    assert_eq!(found, ("greeter", "1.0"));
    let methods = plugin.client.send_request("linkspan.methods", &());
    let methods: Vec<MethodInfo> = wait::within("the methods", methods).await.unwrap();
    let shapes = methods
        .iter()
        .map(|method| (method.name.as_str(), method.shape));
    let expected = [
        ("greeter.ask_host", Shape::Unary),
        ("greeter.echo", Shape::BothStreams),
        ("greeter.greet", Shape::Unary),
        ("greeter.greet_all", Shape::ClientStream),
        ("greeter.letters", Shape::ServerStream),
    ];
    assert_eq!(shapes.collect::<Vec<_>>(), expected);
    let describe = plugin.client.send_request("linkspan.plugin.describe", "x");
    let describe: Describe = wait::within("who it is", describe).await.unwrap();
    assert_eq!(
        (describe.name, describe.version),
        (identity.name, identity.version)
    );
    assert_eq!(describe.methods, methods);
    assert_eq!(describe.events, ["people/+/arrived"]);
    assert_eq!((describe.protocol.min, describe.protocol.max), (1, 1));
    assert_eq!(describe.doc, "Greets people.");
    assert_eq!(describe.sdk.language, "rust");
    assert!(plugin.stop().await.success());
}

async fn items(mut stream: Streaming<String>) -> Vec<String> {
    let mut items = Vec::new();
    while let Some(item) = wait::within("an item", stream.next()).await {
        items.push(item.unwrap());
    }
    items
}

#[derive(Serialize, Deserialize)]
struct Asked {
    who: String,
}

#[derive(Serialize, Deserialize)]
struct Greeted {
    text: String,
}
