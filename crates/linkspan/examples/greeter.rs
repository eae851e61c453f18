//! A service, and a client of it in another process. It is the program of the project's README.
//!
//! ```console
//! $ cargo run -q -p linkspan --example greeter
//! listening at unix:/tmp/greeter.sock
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --example greeter Ada
//! Hello, Ada!
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use linkspan::Address;
use linkspan::rpc::{CallError, Server};

#[linkspan::service(deadline = "5s")]
trait Greeter {
    /// Greets somebody.
    async fn greet(&self, name: String) -> Result<String, CallError>;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: String) -> Result<String, CallError> {
        Ok(format!("Hello, {name}!"))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("greeter.sock"));
    if let Some(name) = std::env::args().nth(1) {
        let greeter = GreeterClient::connect(&address).await?;
        println!("{}", greeter.greet(name).await?);
        return Ok(());
    }
    let server = Server::new().service(GreeterServer::new(Polite));
    let _serving = server.listen(&address).await?;
    println!("listening at {address}");
    std::future::pending().await
}
