//! One session for rpc and bus, and brokers within a process.

use linkspan::auth::Principal;
use linkspan::auth::policy::{Guard, Policy, Role, Roles};
use linkspan::bus::{Broker, Client, Delivery, PostError};
use linkspan::rpc::{self, CallError, Context, Server};

use super::scene::next;
use crate::support::{SCHEMES, address};

#[tokio::test]
async fn a_server_of_rpc_can_be_a_broker_too() {
    for scheme in SCHEMES {
        let directory = tempfile::tempdir().unwrap();
        let broker = Broker::new().embed().unwrap();
        let serving = Server::new()
            .method("double", async |number: i64, _: Context| {
                Ok::<_, CallError>(2 * number)
            })
            .service(broker.router())
            .listen(&address(scheme, &directory))
            .await
            .unwrap();
        let caller = rpc::Client::connect(serving.address()).await.unwrap();
        assert_eq!(caller.send_request("double", &21).await, Ok(42));
        let client = Client::connect(serving.address(), "one").await.unwrap();
        let inside = broker.connect("inside").await.unwrap();
        let mut subscription = inside.subscribe("t").await.unwrap();
        assert_eq!(
            client.publish("t", &7).await,
            Ok(Delivery::Delivered),
            "{scheme}"
        );
        let message = next(&mut subscription).await;
        assert_eq!((message.sender(), message.decode()), ("one", Ok(7)));
        assert_eq!(broker.stats().clients, 2);
    }
}

#[tokio::test]
async fn without_a_name_nothing_is_passed_on() {
    let broker = Broker::new().embed().unwrap();
    let serving = Server::new()
        .service(broker.router())
        .listen("mem:nameless")
        .await
        .unwrap();
    let caller = rpc::Client::connect(serving.address()).await.unwrap();
    let refused = caller
        .send_request::<()>("bus.subscribe", &())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("bus.attach"), "{refused}");
}

#[tokio::test]
async fn a_client_of_this_process_may_what_somebody_else_may() {
    let rights = ["bus.publish:index/#".parse().unwrap()];
    let role = Role::new(rights).with_members(["plugin:indexer"]);
    let guard = Guard::new(Policy::new(Roles::new().with("plugin indexer", role)));
    let broker = Broker::new().guard(guard).embed().unwrap();
    let own = broker.connect("own").await.unwrap();
    let mut subscription = own.subscribe("index/#").await.unwrap();

    let indexer = Principal::named("plugin:indexer");
    let first = broker.connect_as("plugin.indexer", &indexer).await.unwrap();
    let sent = first.publish("index/a", &7).await;
    assert_eq!(sent, Ok(Delivery::Delivered));
    let message = next(&mut subscription).await;
    assert_eq!(message.sender(), "plugin.indexer");
    let denied = first.publish("other", &7).await.unwrap_err();
    assert!(matches!(denied, PostError::Denied { .. }), "{denied}");
    first.subscribe("index/#").await.unwrap_err();

    // It comes in where it came in before, and nobody else is it.
    drop(first);
    let again = broker.connect_as("again", &indexer).await.unwrap();
    let sent = again.publish("index/a", &7).await;
    assert_eq!(sent, Ok(Delivery::Delivered));
    let other = Principal::named("plugin:other");
    let other = broker.connect_as("plugin.other", &other).await.unwrap();
    other.publish("index/a", &7).await.unwrap_err();
}
