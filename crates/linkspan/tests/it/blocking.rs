//! A client without a runtime.

use linkspan::rpc::blocking::Client;
use linkspan::rpc::{CallError, Context, Router, Server, Streaming};
use serde_json::Value;

use crate::support::{LOCAL, address};

#[linkspan::service]
trait Counter {
    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError>;
}

struct Real;

impl Counter for Real {
    async fn count(&self, upto: u32) -> Result<Streaming<u32>, CallError> {
        Ok(Streaming::from_values(1..=upto))
    }
}

#[test]
fn plain_threads_call_stream_and_tell() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sender, told) = std::sync::mpsc::channel::<String>();
    let router = Router::new()
        .service(CounterServer::new(Real))
        .method("double", async |number: i64, _: Context| {
            Ok::<_, CallError>(2 * number)
        })
        .on_event("word", move |word: String, _: Context| {
            sender.send(word).unwrap();
            async {}
        });
    let directory = tempfile::tempdir().unwrap();
    let address = address(LOCAL, &directory);
    let _serving = runtime
        .block_on(Server::new().service(router).listen(&address))
        .unwrap();

    let client = Client::connect(&address).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for number in 0..100_i64 {
                    assert_eq!(client.send_request("double", &number), Ok(2 * number));
                }
            });
        }
    });
    let counted =
        client.send_request_for_items::<u32>("counter.count", &serde_json::json!({ "upto": 1000 }));
    let counted: Result<Vec<_>, _> = counted.unwrap().collect();
    assert_eq!(counted.unwrap(), (1..=1000).collect::<Vec<_>>());
    client.send_event("word", "hello").unwrap();
    assert_eq!(
        told.recv_timeout(std::time::Duration::from_secs(10))
            .unwrap(),
        "hello"
    );
    let error = client.send_request::<Value>("missing", &()).unwrap_err();
    assert_eq!(error.code(), linkspan::Code::METHOD_NOT_FOUND);
}
