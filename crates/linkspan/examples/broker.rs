//! A broker: `broker ADDRESS...` serves clients of BUS/RT until it is interrupted.

#![allow(clippy::print_stdout, reason = "it talks to people")]

use linkspan::bus::Broker;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut addresses = std::env::args().skip(1);
    let first = addresses.next().ok_or("usage: broker ADDRESS...")?;
    let mut serving = Broker::new().listen(first.as_str()).await?;
    for address in addresses {
        serving.also(address.as_str()).await?;
    }
    for address in serving.addresses() {
        println!("clients may come to {address}");
    }
    std::future::pending().await
}
