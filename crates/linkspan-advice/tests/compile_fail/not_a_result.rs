#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> String;

    async fn dismiss(&self, name: String);
}

fn main() {}
