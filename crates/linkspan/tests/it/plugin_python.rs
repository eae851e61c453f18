//! A plugin in Python, `sdk/python/examples/greeter.py`, on one end of a pair of sockets.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use linkspan::auth::Principal;
use linkspan::rpc::{CallError, Client, Context, MethodInfo, Router, Shape, Streaming};
use linkspan::session::Config;
use linkspan::transport::Connected;
use linkspan_test::wait;
use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};

/// What the plugin has, as a client in Rust declares it.
#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, GreetError>;
    async fn greet_all(&self, names: Streaming<String>) -> Result<String, GreetError>;
    async fn letters(&self, name: String) -> Result<Streaming<String>, GreetError>;
    async fn echo(&self, words: Streaming<String>) -> Result<Streaming<String>, GreetError>;
    async fn ask_host(&self, method: String) -> Result<String, GreetError>;
}

#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
enum GreetError {
    #[error("nobody is there")]
    NobodyThere,
    #[error(transparent)]
    Call(#[from] CallError),
}

#[tokio::test]
async fn it_answers_and_streams_both_ways() {
    let plugin = Plugin::start(Router::new()).await;
    let greeter = GreeterClient::new(plugin.client.clone());
    let greeted = wait::within("an answer", greeter.greet("Ada".into())).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada!");
    let refused = wait::within("an error", greeter.greet(String::new())).await;
    assert_eq!(refused, Err(GreetError::NobodyThere));

    let names = Streaming::from_values(["Ada", "Bo"].map(str::to_owned));
    let greeted = wait::within("an answer to items", greeter.greet_all(names)).await;
    assert_eq!(greeted.unwrap(), "Hello, Ada and Bo!");
    let letters = wait::within("a stream", greeter.letters("Ada".into())).await;
    assert_eq!(items(letters.unwrap()).await, ["A", "d", "a"]);
    let long = "x".repeat(300_000);
    let words = Streaming::from_values(["one".to_owned(), long.clone()]);
    let loud = wait::within("both streams", greeter.echo(words)).await;
    assert_eq!(items(loud.unwrap()).await, ["ONE", &long.to_uppercase()]);
    assert!(plugin.stop().await.success());
}

#[tokio::test]
async fn it_calls_back_and_tells() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (greetings, steps) = (Arc::clone(&told), Arc::clone(&told));
    let router = Router::new()
        .method("host.name", async |asked: Asked, _: Context| {
            Ok::<_, CallError>(format!("host of {}", asked.who))
        })
        .on_event("people/ada/greeted", move |body: Greeted, _| {
            greetings.lock().unwrap().push(body.text);
            std::future::ready(())
        })
        .on_event("linkspan.progress", move |body: Progress, context| {
            let stream = context.correlation_id();
            let step = format!("{} of {} on {stream}", body.done, body.total);
            steps.lock().unwrap().push(step);
            std::future::ready(())
        });
    let plugin = Plugin::start(router).await;
    let greeter = GreeterClient::new(plugin.client.clone());
    let name = wait::within("a call back", greeter.ask_host("host.name".into())).await;
    assert_eq!(name.unwrap(), "host of greeter");
    let missing = wait::within("a failure", greeter.ask_host("host.nme".into())).await;
    let problem = missing.unwrap_err().to_string();
    assert!(problem.contains("host.name"), "{problem}");

    let arrived = plugin.client.send_event("people/ada/arrived", "Ada");
    wait::within("an event", arrived).await.unwrap();
    wait::until("its answer", || told.lock().unwrap().len() == 1).await;
    assert_eq!(*told.lock().unwrap(), ["Hello, Ada!"]);
    let letters = greeter.letters("Bo".into()).await.unwrap();
    assert_eq!(items(letters).await, ["B", "o"]);
    wait::until("its progress", || told.lock().unwrap().len() == 3).await;
    assert_eq!(told.lock().unwrap()[1..], ["1 of 2 on 5", "2 of 2 on 5"]);
    plugin.stop().await;
}

#[tokio::test]
async fn it_says_what_it_is() {
    let plugin = Plugin::start(Router::new()).await;
    let connection = plugin.client.connection().unwrap();
    assert_eq!(connection.peer().principal().name, "plugin:greeter");
    assert_eq!(connection.peer_identity().name, "greeter");
    let methods = plugin.client.send_request("linkspan.methods", &());
    let methods: Vec<MethodInfo> = wait::within("the methods", methods).await.unwrap();
    let shape = |name: &str| {
        let method = methods.iter().find(|method| method.name == name);
        method.unwrap().shape
    };
    assert_eq!(shape("greeter.greet"), Shape::Unary);
    assert_eq!(shape("greeter.greet_all"), Shape::ClientStream);
    assert_eq!(shape("greeter.letters"), Shape::ServerStream);
    assert_eq!(shape("greeter.echo"), Shape::BothStreams);
    let description = plugin.client.send_request("linkspan.plugin.describe", &());
    let description: Description = wait::within("who it is", description).await.unwrap();
    let found = (description.name.as_str(), description.version.as_str());
    assert_eq!(found, ("greeter", "1.0"));
    assert_eq!(description.methods, methods);
    assert_eq!(description.events, ["people/+/arrived"]);
    plugin.stop().await;
}

#[tokio::test]
async fn it_ends_with_its_connection() {
    let mut plugin = Plugin::start(Router::new()).await;
    drop(plugin.client);
    let ended = wait::within("its end", plugin.process.wait()).await;
    assert!(ended.unwrap().success());
}

async fn items(mut stream: Streaming<String>) -> Vec<String> {
    let mut items = Vec::new();
    while let Some(item) = wait::within("an item", stream.next()).await {
        items.push(item.unwrap());
    }
    items
}

/// The plugin's process and a client of it.
struct Plugin {
    client: Client,
    process: Child,
}

impl Plugin {
    async fn start(router: Router) -> Self {
        let (ours, theirs) = UnixStream::pair().unwrap();
        // The shell moves the socket from its standard input to where plugins expect it.
        let process = Command::new("sh")
            .args(["-c", r#"exec python3 "$0" 3<&0 </dev/null"#, GREETER])
            .env("LINKSPAN_PLUGIN_FD", "3")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let connected = Connected::from_unix(ours, Principal::named("plugin:greeter")).unwrap();
        let mut config = Config::default();
        config.handshake_timeout = wait::PATIENCE;
        let client = Client::over(connected, config, router).await.unwrap();
        Self { client, process }
    }

    /// Says goodbye and waits for its end.
    async fn stop(mut self) -> ExitStatus {
        self.client.close(Duration::from_secs(10)).await;
        let ended = wait::within("the plugin's end", self.process.wait()).await;
        ended.unwrap()
    }
}

#[derive(Serialize, Deserialize)]
struct Asked {
    who: String,
}

#[derive(Serialize, Deserialize)]
struct Greeted {
    text: String,
}

#[derive(Serialize, Deserialize)]
struct Progress {
    done: u32,
    total: u32,
}

#[derive(Deserialize)]
struct Description {
    name: String,
    version: String,
    methods: Vec<MethodInfo>,
    events: Vec<String>,
}

const GREETER: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../sdk/python/examples/greeter.py"
);
