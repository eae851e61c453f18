use linkspan::rpc::CallError;

#[linkspan::service]
trait Greeter<T> {
    async fn greet(&self, name: T) -> Result<String, CallError>;
}

#[linkspan::service]
trait Counter {
    async fn count<T>(&self, things: Vec<T>) -> Result<usize, CallError>;
}

fn main() {}
