//! The node's answers to exchanges.

use linkspan::Address;
use linkspan::exchange::{Client, ClientConfig, IpcConfig, Variant};
use prost::Message;
use rustix::process::Signal;

use crate::support::{Node, Place};

/// As the guide's schema has it.
#[derive(Clone, PartialEq, Message)]
struct DetectionTask {
    #[prost(string, tag = "1")]
    task_id: String,
    #[prost(string, optional, tag = "2")]
    name_contains: Option<String>,
    #[prost(uint64, optional, tag = "4")]
    min_memory_bytes: Option<u64>,
    #[prost(uint32, optional, tag = "5")]
    limit: Option<u32>,
}

#[derive(Clone, PartialEq, Message)]
struct DetectionResult {
    #[prost(string, tag = "1")]
    task_id: String,
    #[prost(message, repeated, tag = "2")]
    processes: Vec<DetectedProcess>,
    #[prost(uint32, tag = "3")]
    found: u32,
    #[prost(uint32, tag = "4")]
    looked_at: u32,
}

#[derive(Clone, PartialEq, Message)]
struct DetectedProcess {
    #[prost(uint32, tag = "1")]
    pid: u32,
    #[prost(uint32, tag = "2")]
    parent: u32,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(uint64, tag = "5")]
    memory_bytes: u64,
}

fn start(place: &Place, config: &str) -> (Node, String) {
    place.write("linkspan.yaml", config);
    let node = place.node::<&str>([]);
    let address = node.ready["exchanges"][0].as_str().unwrap().to_owned();
    (node, address)
}

async fn client(address: &str, change: impl FnOnce(&mut ClientConfig)) -> Client {
    let mut config = ClientConfig::from(&IpcConfig::default());
    change(&mut config);
    let address: Address = address.parse().unwrap();
    Client::builder()
        .config(config)
        .endpoint(address)
        .connect()
        .await
        .unwrap()
}

fn find_itself() -> DetectionTask {
    DetectionTask {
        task_id: "task".to_owned(),
        name_contains: Some("linkspan".to_owned()),
        min_memory_bytes: Some(1),
        // Others may run many programs of this name.
        limit: Some(10_000),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_finds_processes_of_the_machine() {
    let place = Place::new();
    let (node, address) = start(
        &place,
        "ipc: { endpoint_path: run/exchange.sock, crc32_variant: castagnoli }",
    );
    let there = format!("unix:{}", place.path("run/exchange.sock").display());
    let castagnoli = |config: &mut ClientConfig| config.crc32_variant = Variant::Castagnoli;
    let client = client(&there, castagnoli).await;
    let result: DetectionResult = client.call(&find_itself()).await.unwrap();
    let own = result
        .processes
        .iter()
        .find(|process| process.pid == node.child.id());
    let own = own.unwrap_or_else(|| panic!("{result:?}"));
    assert_eq!(
        (own.name.as_str(), own.parent),
        ("linkspan", std::process::id())
    );
    assert_eq!(result.task_id, "task");
    assert!(
        result.looked_at > result.found && result.found >= 1,
        "{result:?}"
    );

    assert!(address.ends_with("run/exchange.sock"), "{address}");
    let status = place.run(["status", "--json"]).json();
    let listener = &status["status"]["listeners"][1];
    assert_eq!(listener["exchange"]["answered"], 1, "{listener}");
    assert_eq!(
        (&listener["max_connections"], &listener["backend"]),
        (&16.into(), &"tokio".into())
    );
    let text = place.run(["status"]).ok();
    assert!(
        text.contains("exchanges") && text.contains("calls"),
        "{text}"
    );
    // Measuring needs another node, which answers none.
    place.run(["transport", "test", "--count", "10"]).ok();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn switches_and_reloads_hold_for_exchanges_too() {
    let place = Place::new();
    let (node, address) = start(&place, "ipc: { endpoint_path: ./e.sock }");
    let address = address.replace("unix:./", &format!("unix:{}/", place.path("").display()));
    let kept = client(&address, |_| {}).await;
    let call = async |client: &Client| {
        let result: DetectionResult = client.call(&find_itself()).await.unwrap();
        assert!(result.found >= 1);
    };
    call(&kept).await;
    let switched = place
        .run(["transport", "switch", "legacy", "--json"])
        .json();
    assert_eq!(switched["switched"][1]["to"], "legacy", "{switched}");
    call(&kept).await;
    call(&client(&address, |_| {}).await).await;

    place.write(
        "linkspan.yaml",
        "ipc: { endpoint_path: ./e.sock, transport: interprocess, max_frame_bytes: 10 }",
    );
    node.signal(Signal::HUP);
    node.logs("configuration was read again");
    call(&kept).await;
    let limited = client(&address, |_| {}).await;
    limited
        .call::<_, DetectionResult>(&find_itself())
        .await
        .unwrap_err();
    let status = place.run(["status", "--json"]).json();
    let listener = &status["status"]["listeners"][1];
    assert_eq!(listener["backend"], "interprocess", "{listener}");
    assert_eq!(listener["exchange"]["bad_length"], 1, "{listener}");
    node.signal(Signal::TERM);
    assert_eq!(node.ends().0, Some(0));
}

#[test]
fn a_node_whose_place_for_exchanges_is_taken_does_not_start() {
    let place = Place::new();
    let (_node, _) = start(&place, "ipc: { endpoint_path: ./e.sock }");
    let other = ["up", "--listen", "tcp:127.0.0.1:0"];
    let complaint = place.run(other).fails(1);
    assert!(
        complaint.contains("e.sock is in use by process"),
        "{complaint}"
    );
}
