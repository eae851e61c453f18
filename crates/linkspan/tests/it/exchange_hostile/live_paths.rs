//! Two servers and one path.

use std::time::Duration;

use bytes::Bytes;
use linkspan::Address;
use linkspan::exchange::{Client, ClientConfig, Context, Server, Serving};
use linkspan::transport::ListenError;
use linkspan_test::conformance::Place;
use linkspan_test::wait;
use tokio::sync::mpsc;

use super::victim::ipc;

const PLACES: [Place; 3] = [Place::Unix, Place::UnixInterprocess, Place::UnixLegacy];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_server_learns_who_has_the_path() {
    for (first, second) in PLACES
        .map(|first| PLACES.map(|second| (first, second)))
        .concat()
    {
        let directory = tempfile::tempdir().unwrap();
        let address = first.address(&directory);
        let serving = listen(first, &address, "first").await.unwrap();
        let error = listen(second, &address, "second").await.unwrap_err();
        let ListenError::InUse { pid, .. } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(*pid, Some(std::process::id()));
        let expected = format!("{address} is in use by process {}", std::process::id());
        assert_eq!(error.to_string(), expected);
        assert_eq!(who(second, &address).await, "first");
        drop(serving);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stops_leaves_the_socket_of_the_next_one_alone() {
    for (first, second) in PLACES
        .map(|first| PLACES.map(|second| (first, second)))
        .concat()
    {
        let directory = tempfile::tempdir().unwrap();
        let address = first.address(&directory);
        let (serving, mut begun) = hanging(first, &address).await;
        let client = client(first, &address);
        let asking = tokio::spawn(async move { client.send("hello").await });
        wait::within("the question is being handled", begun.recv()).await;

        // The first one is still draining when the second one takes the path.
        let stopping = tokio::spawn(serving.stop(Duration::from_millis(300)));
        let next = wait::within("the path is free", async {
            loop {
                match listen(second, &address, "second").await {
                    Ok(serving) => break serving,
                    Err(ListenError::InUse { .. }) => tokio::task::yield_now().await,
                    Err(error) => panic!("{error:?}"),
                }
            }
        })
        .await;
        assert!(!stopping.is_finished(), "a question is under way");
        assert_eq!(who(first, &address).await, "second");
        let report = wait::within("the first one's end", stopping).await.unwrap();
        assert_eq!(report.cut, 1);
        asking.await.unwrap().unwrap_err();
        assert_eq!(who(second, &address).await, "second");
        next.stop(Duration::from_secs(1)).await;
        let Address::Unix(path) = address else {
            panic!("{address}")
        };
        assert!(!path.exists());
    }
}

async fn listen(
    place: Place,
    address: &Address,
    name: &'static str,
) -> Result<Serving, ListenError> {
    let answer = Ok::<_, Bytes>(Bytes::from(name));
    let server = Server::new().handler(move |_, _| std::future::ready(answer.clone()));
    server.config(ipc(place)).listen(address).await
}

/// A server that never answers, and tells when it is asked.
async fn hanging(place: Place, address: &Address) -> (Serving, mpsc::Receiver<()>) {
    let (sender, receiver) = mpsc::channel(1);
    let server = Server::new().handler(move |_: Bytes, _: Context| {
        let sender = sender.clone();
        async move {
            sender.send(()).await.unwrap();
            std::future::pending::<Result<Bytes, Bytes>>().await
        }
    });
    let serving = server.config(ipc(place)).listen(address).await.unwrap();
    (serving, receiver)
}

fn client(place: Place, address: &Address) -> Client {
    let mut config = ClientConfig::from(&ipc(place));
    config.backoff.repeats = Some(0);
    Client::builder()
        .config(config)
        .endpoint(address)
        .build()
        .unwrap()
}

async fn who(place: Place, address: &Address) -> Bytes {
    client(place, address).send("who").await.unwrap()
}
