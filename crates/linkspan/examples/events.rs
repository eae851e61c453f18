//! Methods and events by name, without a trait; and a server that calls its client back.
//!
//! ```console
//! $ cargo run -q -p linkspan --example events
//! listening at unix:/tmp/events.sock
//! note: the build begins
//! note: the build ends
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --example events client
//! {"steps":2}
//! build/progress: {"done":1,"of":2}
//! build/progress: {"done":2,"of":2}
//! the server asks: overwrite release.tar?
//! {"kept":"release.tar"}
//! there is no method "build.strat"; the nearest are build.start, build.plan
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use linkspan::Address;
use linkspan::rpc::{CallError, Client, ClientConfig, Context, Router, Server};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("events.sock"));
    if std::env::args().len() > 1 {
        return converse(&address).await;
    }
    let _serving = Server::new()
        .method("build.plan", async |_: Value, _: Context| {
            Ok::<_, CallError>(json!({ "steps": 2 }))
        })
        .method("build.start", build)
        .on_event("note", async |text: String, _: Context| {
            println!("note: {text}");
        })
        .listen(&address)
        .await?;
    println!("listening at {address}");
    std::future::pending().await
}

/// Tells its caller about its progress and asks it a question, all on the caller's connection.
async fn build(_: Value, cx: Context) -> Result<Value, CallError> {
    let Some(caller) = cx.connection() else {
        return Err(CallError::Cancelled);
    };
    for done in 1..=2 {
        let progress = json!({ "done": done, "of": 2 });
        caller.send_event("build/progress", &progress).await?;
    }
    let question = "overwrite release.tar?";
    let answer = if caller.send_request("ask", question).await? {
        "written"
    } else {
        "kept"
    };
    Ok(json!({ answer: "release.tar" }))
}

async fn converse(address: &Address) -> Result<(), Box<dyn std::error::Error>> {
    // What the server may call here, and tell.
    let router = Router::new()
        .on_event("build/progress", async |progress: Value, _: Context| {
            println!("build/progress: {progress}");
        })
        .method("ask", async |question: String, _: Context| {
            println!("the server asks: {question}");
            Ok::<_, CallError>(false)
        });
    let client = Client::connect_with(address, ClientConfig::default(), router).await?;

    client.send_event("note", "the build begins").await?;
    let plan: Value = client.send_request("build.plan", &()).await?;
    println!("{plan}");
    let outcome: Value = client.send_request("build.start", &()).await?;
    println!("{outcome}");
    client.send_event("note", "the build ends").await?;

    if let Err(error) = client.send_request::<Value>("build.strat", &()).await {
        println!("{error}");
    }
    Ok(())
}
