use linkspan::rpc::{CallError, Streaming};

#[linkspan::service]
trait Adder {
    async fn add(&self, one: Streaming<i64>, two: Streaming<i64>) -> Result<i64, CallError>;
}

fn main() {}
