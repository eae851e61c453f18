//! The same principals on the bus.

use std::sync::{Arc, Mutex};

use linkspan::Address;
use linkspan::auth::{ApiKeys, Authentication, Credential};
use linkspan::bus::{Action, Broker, Client, ClientConfig, ConnectError};
use linkspan_test::wait::within;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::security::scene::patient;

async fn connect(
    address: &Address,
    credential: Option<Credential>,
) -> Result<Client, ConnectError> {
    let mut config = ClientConfig::default();
    config.session.credential = credential;
    within("the bus", Client::connect_with(address, "ada", config)).await
}

#[tokio::test]
async fn the_rule_of_a_broker_sees_who_proved_what() {
    let keys = ApiKeys::new([]).unwrap();
    let key = keys.issue("sensor", vec!["writer".into()], None).unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let asked = Arc::clone(&seen);
    let serving = Broker::new()
        .authentication(Authentication::new(patient().with(keys.clone())))
        .authorize(move |principal, action| {
            let roles = principal.roles.clone();
            asked.lock().unwrap().push((principal.name.clone(), roles));
            matches!(action, Action::Publish(_))
        })
        .listen("tcp:127.0.0.1:0")
        .await
        .unwrap();
    let stranger = connect(serving.address(), None).await;
    assert!(
        matches!(stranger, Err(ConnectError::Session(_))),
        "{stranger:?}"
    );

    let client = connect(serving.address(), Some(Credential::key(key.clone()))).await;
    let client = client.unwrap();
    assert!(client.publish("house/kitchen", &21).await.is_ok());
    let expected = ("key:sensor".to_owned(), vec!["writer".to_owned()]);
    assert!(seen.lock().unwrap().contains(&expected), "{seen:?}");

    // A key that is revoked ends membership, too.
    keys.revoke(key.id());
    linkspan_test::wait::until("the end of the membership", || !client.is_connected()).await;
}

#[tokio::test]
async fn a_client_of_busrt_has_no_words_to_prove_anything_and_stays_outside() {
    let keys = ApiKeys::new([]).unwrap();
    let serving = Broker::new()
        .authentication(Authentication::new(patient().with(keys)))
        .listen("tcp:127.0.0.1:0")
        .await
        .unwrap();
    let Address::Tcp(host) = serving.address() else {
        panic!("{}", serving.address());
    };
    let mut stream = TcpStream::connect((host.host.as_str(), host.port))
        .await
        .unwrap();
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting).await.unwrap();
    assert_eq!(greeting, [0xeb, 1, 0]);
    stream.write_all(&greeting).await.unwrap();
    let mut answer = Vec::new();
    // Closed, with or without a reset.
    within("the end", stream.read_to_end(&mut answer))
        .await
        .ok();
    assert!(answer.is_empty(), "{answer:?}");
}
