use linkspan::rpc::CallError;

#[linkspan::service(timeout = "3s")]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, CallError>;
}

#[linkspan::service]
trait Waiter {
    #[linkspan(deadline = "soon")]
    async fn wait(&self) -> Result<(), CallError>;

    #[linkspan(cached)]
    async fn fetch(&self) -> Result<(), CallError>;
}

fn main() {}
