use linkspan::rpc::CallError;

#[linkspan::service]
trait Greeter {
    async fn greet(&mut self, name: String) -> Result<String, CallError>;

    async fn count() -> Result<u32, CallError>;
}

fn main() {}
