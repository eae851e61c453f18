use linkspan::rpc::CallError;

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: &str) -> Result<String, CallError>;
}

fn main() {}
