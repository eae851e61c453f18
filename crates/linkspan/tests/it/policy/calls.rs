//! Calls and events that a guard holds back.

use std::future::ready;
use std::sync::{Arc, Mutex};

use linkspan::Code;
use linkspan::auth::policy::{Guard, Policy, Roles};
use linkspan::rpc::{CallError, Client, Context, Server};
use tokio::sync::mpsc;

use super::{owner, role};
use crate::support::{LOCAL, pair_of};

#[tokio::test]
async fn who_has_no_right_is_told_so_and_nothing_of_the_method() {
    let user = owner().name;
    let denied = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&denied);
    let roles = Roles::new().with("anybody", role(&["rpc.call:open.*"], &["*"]));
    let guard = Guard::new(Policy::new(roles).without_owner()).on_denial(
        move |principal, access, decision| {
            let line = format!("{} {access}: {}", principal.name, decision.rule);
            noted.lock().unwrap().push(line);
        },
    );
    let pair = pair_of(LOCAL, server().guard(guard)).await;
    assert_eq!(call(&pair.client, "open.door").await.unwrap(), "open");
    let closed = call(&pair.client, "closed.door").await.unwrap_err();
    assert_eq!(
        message(&closed),
        format!("{user} may not rpc.call:closed.door")
    );
    let absent = call(&pair.client, "absent.door").await.unwrap_err();
    assert_eq!(
        message(&absent),
        format!("{user} may not rpc.call:absent.door")
    );
    assert_eq!(
        *denied.lock().unwrap(),
        [
            format!("{user} rpc.call:closed.door: nothing permits it"),
            format!("{user} rpc.call:absent.door: nothing permits it"),
        ]
    );
}

#[tokio::test]
async fn the_owner_may_call_everything_over_a_local_socket() {
    let pair = pair_of(LOCAL, server().guard(Guard::new(Policy::default()))).await;
    assert_eq!(call(&pair.client, "closed.door").await.unwrap(), "closed");
}

#[tokio::test]
async fn an_event_that_is_not_permitted_reaches_nobody() {
    let (said, mut heard) = mpsc::channel(2);
    let others = said.clone();
    let server = server()
        .on_event("public", move |text: String, _: Context| {
            said.try_send(text).unwrap();
            ready(())
        })
        .on_event("secret", move |text: String, _: Context| {
            others.try_send(text).unwrap();
            ready(())
        });
    let roles = Roles::new().with("anybody", role(&["rpc.event:public"], &["*"]));
    let pair = pair_of(
        LOCAL,
        server.guard(Guard::new(Policy::new(roles).without_owner())),
    )
    .await;
    pair.client.send_event("secret", &"one").await.unwrap();
    pair.client.send_event("public", &"two").await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "two");
}

#[tokio::test]
async fn another_policy_holds_for_open_connections_at_once() {
    let policy = |roles| Policy::new(roles).without_owner();
    let open = || policy(Roles::new().with("anybody", role(&["rpc.call:*"], &["*"])));
    let guard = Guard::new(open());
    let pair = pair_of(LOCAL, server().guard(guard.clone())).await;
    assert_eq!(call(&pair.client, "open.door").await.unwrap(), "open");
    guard.replace(policy(Roles::new()));
    let closed = call(&pair.client, "open.door").await.unwrap_err();
    assert_eq!(
        message(&closed),
        format!("{} may not rpc.call:open.door", owner().name)
    );
    guard.replace(open());
    assert_eq!(call(&pair.client, "open.door").await.unwrap(), "open");
}

fn server() -> Server {
    Server::new()
        .method("open.door", async |(): (), _: Context| {
            Ok::<_, CallError>("open")
        })
        .method("closed.door", async |(): (), _: Context| {
            Ok::<_, CallError>("closed")
        })
}

async fn call(client: &Client, method: &str) -> Result<String, CallError> {
    client.send_request(method, &()).await
}

fn message(error: &CallError) -> String {
    match error {
        CallError::Failed(failure) => {
            assert_eq!(failure.code, Code::DENIED);
            failure.message.clone()
        }
        other => panic!("{other:?}"),
    }
}
