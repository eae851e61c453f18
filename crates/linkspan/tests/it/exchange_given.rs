//! Exchanges over connections that were made elsewhere.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use bytes::Bytes;
use linkspan::auth::Principal;
use linkspan::exchange::{Client, ClientConfig, Context, ExchangeError, IpcConfig, Server};
use linkspan::transport::Connected;

#[tokio::test]
async fn a_client_of_a_given_connection_is_at_its_end_with_it() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let asked = Connected::from_unix(theirs, Principal::named("parent")).unwrap();
    let name = async |_: Bytes, cx: Context| Ok::<_, Bytes>(cx.principal().name.into());
    let serving = tokio::spawn(Server::new().handler(name).serve(asked));

    let given = Connected::from_unix(ours, Principal::named("child")).unwrap();
    let client = Client::over(given, ClientConfig::default());
    let questions = [client.send("who?"), client.send("and who?")];
    let [one, other] = questions.map(|question| async { question.await.unwrap() });
    assert_eq!(tokio::join!(one, other), ("parent".into(), "parent".into()));
    assert_eq!(client.stats().connects, 0);

    serving.abort();
    assert!(serving.await.unwrap_err().is_cancelled());
    let error = client.send("who?").await.unwrap_err();
    let ExchangeError::Ended { endpoint } = &error else {
        panic!("{error}");
    };
    assert_eq!(**endpoint, *"child");
    assert_eq!(error.to_string(), "the connection to child is over");
}

#[tokio::test]
async fn a_server_of_a_given_connection_ends_with_its_client() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let asked = Connected::from_unix(theirs, Principal::named("parent")).unwrap();
    let echo = async |question: Bytes, _: Context| Ok::<_, Bytes>(question);
    // A server that listens would give up who is silent for so long.
    let mut config = IpcConfig::default();
    config.accept_timeout = Duration::ZERO;
    let server = Server::new().config(config).handler(echo);
    let serving = tokio::spawn(server.serve(asked));
    tokio::task::yield_now().await;

    let given = Connected::from_unix(ours, Principal::named("child")).unwrap();
    let client = Client::over(given, ClientConfig::default());
    assert_eq!(client.send("hello").await.unwrap(), "hello");
    drop(client);
    serving.await.unwrap();
}
