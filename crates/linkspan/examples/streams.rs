//! Streams from a server, to a server and both ways at once, between two processes.
//!
//! ```console
//! $ cargo run -q -p linkspan --example streams
//! listening at unix:/tmp/streams.sock
//! ```
//!
//! and in a second terminal
//!
//! ```console
//! $ cargo run -q -p linkspan --example streams client
//! counted 1 2 3
//! the sum of 1 to 1000 is 500500
//! 3 doubled is 6
//! 4 doubled is 8
//! the stream ends with: 0 cannot be doubled twice
//! a stream without end was left after 1000 numbers
//! ```
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use linkspan::Address;
use linkspan::rpc::{CallError, Server, StreamSender, Streaming};
use serde::{Deserialize, Serialize};
use thiserror::Error;

#[linkspan::service]
trait Numbers {
    /// Counts, for ever if there is no end.
    async fn count(&self, upto: Option<u64>) -> Result<Streaming<u64>, CallError>;

    /// Adds what comes.
    async fn sum(&self, numbers: Streaming<u64>) -> Result<u64, CallError>;

    /// Doubles what comes, each as soon as it is there.
    async fn double(
        &self,
        numbers: Streaming<u64, NumberError>,
    ) -> Result<Streaming<u64, NumberError>, NumberError>;
}

/// What a method of `Numbers` fails with; items can fail with it, too.
#[derive(Debug, Error, Serialize, Deserialize)]
enum NumberError {
    #[error("{0} cannot be doubled twice")]
    Pointless(u64),
    #[error(transparent)]
    Call(#[from] CallError),
}

struct Machine;

impl Numbers for Machine {
    async fn count(&self, upto: Option<u64>) -> Result<Streaming<u64>, CallError> {
        Ok(Streaming::from_values(1..=upto.unwrap_or(u64::MAX)))
    }

    async fn sum(&self, mut numbers: Streaming<u64>) -> Result<u64, CallError> {
        let mut sum = 0;
        while let Some(number) = numbers.next().await {
            sum += number?;
        }
        Ok(sum)
    }

    async fn double(
        &self,
        numbers: Streaming<u64, NumberError>,
    ) -> Result<Streaming<u64, NumberError>, NumberError> {
        let (sender, doubled) = Streaming::channel(16);
        tokio::spawn(double_all(numbers, sender));
        Ok(doubled)
    }
}

async fn double_all(
    mut numbers: Streaming<u64, NumberError>,
    doubled: StreamSender<u64, NumberError>,
) {
    while let Some(number) = numbers.next().await {
        let answer = match number {
            Ok(0) => Err(NumberError::Pointless(0)),
            other => other.map(|number| 2 * number),
        };
        // The reader may have left; then there is nothing more to do.
        if doubled.send(answer).await.is_err() {
            return;
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = Address::Unix(std::env::temp_dir().join("streams.sock"));
    if std::env::args().len() > 1 {
        let numbers = NumbersClient::connect(&address).await?;
        return converse(&numbers).await;
    }
    let server = Server::new().service(NumbersServer::new(Machine));
    let _serving = server.listen(&address).await?;
    println!("listening at {address}");
    std::future::pending().await
}

async fn converse(numbers: &impl Numbers) -> Result<(), Box<dyn std::error::Error>> {
    let counted = numbers.count(Some(3)).await?.collect().await?;
    let counted: Vec<_> = counted.iter().map(u64::to_string).collect();
    println!("counted {}", counted.join(" "));

    let sum = numbers.sum(Streaming::from_values(1..=1000)).await?;
    println!("the sum of 1 to 1000 is {sum}");

    let (sender, questions) = Streaming::channel(1);
    let mut doubled = numbers.double(questions).await?;
    for question in [3, 4, 0] {
        sender.send(Ok(question)).await?;
        match doubled.next().await {
            Some(Ok(answer)) => println!("{question} doubled is {answer}"),
            Some(Err(error)) => println!("the stream ends with: {error}"),
            None => println!("the stream ends"),
        }
    }

    let mut endless = numbers.count(None).await?;
    for _ in 0..1000 {
        endless.next().await.transpose()?;
    }
    drop(endless);
    println!("a stream without end was left after 1000 numbers");
    Ok(())
}
