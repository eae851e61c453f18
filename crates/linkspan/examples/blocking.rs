//! A client without a runtime: calls, a stream and an event from plain threads. It needs the feature
//! `blocking`; the server is an ordinary one.
//!
//! ```console
//! $ cargo run -q -p linkspan --features blocking --example blocking
//! listening at unix:/tmp/blocking.sock
//! said: done
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --features blocking --example blocking client
//! 2 + 3 = 5
//! counted 1 2 3
//! four threads: 0 1 4 9
//! 1 / 0: "division by zero"
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::thread;

use linkspan::Address;
use linkspan::rpc::blocking::Client;
use linkspan::rpc::{CallError, Context, Server, Streaming};
use serde_json::json;

#[linkspan::service]
trait Calculator {
    /// Adds.
    async fn add(&self, a: i64, b: i64) -> Result<i64, CallError>;

    /// Counts.
    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError>;
}

struct Machine;

impl Calculator for Machine {
    async fn add(&self, a: i64, b: i64) -> Result<i64, CallError> {
        Ok(a + b)
    }

    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError> {
        Ok(Streaming::from_values(1..=upto))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("blocking.sock"));
    if std::env::args().len() > 1 {
        return converse(&address);
    }
    serve(&address)
}

#[tokio::main]
async fn serve(address: &Address) -> Result<(), Box<dyn std::error::Error>> {
    let _serving = Server::new()
        .service(CalculatorServer::new(Machine))
        .method("divide", async |(a, b): (i64, i64), _: Context| {
            a.checked_div(b).ok_or("division by zero")
        })
        .on_event("said", async |words: String, _: Context| {
            println!("said: {words}");
        })
        .listen(address)
        .await?;
    println!("listening at {address}");
    std::future::pending().await
}

fn converse(address: &Address) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::connect(address)?;
    let sum: i64 = client.send_request("calculator.add", &json!({ "a": 2, "b": 3 }))?;
    println!("2 + 3 = {sum}");

    // Items come while the loop runs, not all at once.
    let mut counted = String::new();
    for number in client.send_request_for_items::<u32>("calculator.count", &json!({ "upto": 3 }))? {
        counted += &format!(" {}", number?);
    }
    println!("counted{counted}");

    // Clones share the connection, from any thread.
    let square = |number: i64| {
        let client = client.clone();
        let numbers = json!({ "a": number * number, "b": 0 });
        thread::spawn(move || client.send_request::<i64>("calculator.add", &numbers))
    };
    let threads = [0, 1, 2, 3].map(square);
    let mut squares = String::new();
    for thread in threads {
        let square = thread.join().map_err(|_| "a thread panicked")??;
        squares += &format!(" {square}");
    }
    println!("four threads:{squares}");

    client.send_event("said", "done")?;

    // A method's own error comes as it was given, in whatever encoding it has.
    if let Err(CallError::Application(payload)) =
        client.send_request::<i64>("divide", &(1_i64, 0_i64))
    {
        let text: String = payload.codec.decode(&payload.bytes)?;
        println!("1 / 0: {text:?}");
    }
    Ok(())
}
