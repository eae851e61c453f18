use linkspan::rpc::CallError;

struct Opaque;

#[linkspan::service]
trait Greeter {
    async fn greet(&self, whom: Opaque) -> Result<String, CallError>;
}

fn main() {}
