use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Mine;

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, Mine>;
}

fn main() {}
