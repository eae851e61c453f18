use linkspan::rpc::CallError;

#[linkspan::service]
trait Greeter {
    fn greet(&self, name: String) -> Result<String, CallError>;
}

fn main() {}
