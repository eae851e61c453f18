//! Tower's layers around a server: a limit, a timeout, and one of our own that knows who asks.
//!
//! ```console
//! $ cargo run -q -p linkspan --example layers
//! listening at unix:/tmp/layers.sock
//! uid:1000 calls clock.sleep
//! uid:1000 calls clock.sleep
//! uid:1000 calls clock.reset
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --example layers client
//! slept 1 ms
//! refused: a layer rejected the request: request timed out
//! refused: uid:1000 may not call clock.reset
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::time::Duration;

use linkspan::rpc::{CallError, Request, Server};
use linkspan::{Address, Category, Code, Failure};
use tower::filter::FilterLayer;
use tower::limit::ConcurrencyLimitLayer;
use tower::timeout::TimeoutLayer;
use tower::{BoxError, ServiceBuilder};

#[linkspan::service]
trait Clock {
    /// Sleeps.
    async fn sleep(&self, millis: u64) -> Result<u64, CallError>;

    /// Sets the clock to zero.
    async fn reset(&self) -> Result<(), CallError>;
}

struct Real;

impl Clock for Real {
    async fn sleep(&self, millis: u64) -> Result<u64, CallError> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(millis)
    }

    async fn reset(&self) -> Result<(), CallError> {
        Ok(())
    }
}

/// Lets a request through or not, by who asks and for what.
fn guard(mut request: Request) -> Result<Request, BoxError> {
    // `context` takes the metadata out of the request, and the handler needs it, too.
    let metadata = request.metadata.clone();
    let principal = request.context().principal();
    request.metadata = metadata;

    println!("{} calls {}", principal.name, request.method);
    if &*request.method != "clock.reset" || principal.roles.iter().any(|role| role == "keeper") {
        return Ok(request);
    }
    let message = format!("{} may not call {}", principal.name, request.method);
    let failure = Failure::new(Category::Authorization, Code::DENIED, message);
    Err(CallError::from(failure).into())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("layers.sock"));
    if std::env::args().len() > 1 {
        return converse(&ClockClient::connect(&address).await?).await;
    }
    // From the outside in, as with every tower stack.
    let layers = ServiceBuilder::new()
        .layer(FilterLayer::new(guard))
        .layer(ConcurrencyLimitLayer::new(16))
        .layer(TimeoutLayer::new(Duration::from_millis(250)));
    let _serving = Server::new()
        .service(ClockServer::new(Real))
        .layer(layers)
        .listen(&address)
        .await?;
    println!("listening at {address}");
    std::future::pending().await
}

async fn converse(clock: &impl Clock) -> Result<(), Box<dyn std::error::Error>> {
    println!("slept {} ms", clock.sleep(1).await?);
    for refused in [clock.sleep(60_000).await.err(), clock.reset().await.err()] {
        let error = refused.ok_or("it was let through")?;
        println!("refused: {error}");
    }
    Ok(())
}
