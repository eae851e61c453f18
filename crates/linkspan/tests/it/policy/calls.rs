//! Calls and events that a guard holds back.

use std::future::ready;
use std::sync::{Arc, Mutex};

use linkspan::Code;
use linkspan::auth::policy::{Guard, Policy, Roles};
use linkspan::rpc::{CallError, Client, Context, Server};
use tokio::sync::mpsc;

use super::role;
use crate::support::{LOCAL, pair_of};

#[tokio::test]
async fn who_has_no_right_is_told_so_and_nothing_of_the_method() {
    let denied = Arc::new(Mutex::new(Vec::new()));
    let noted = Arc::clone(&denied);
    let roles = Roles::new().with("anybody", role(&["rpc.call:open.*"], &["anonymous"]));
    let guard = Guard::new(Policy::new(roles)).on_denial(move |principal, access, decision| {
        let line = format!("{} {access}: {}", principal.name, decision.rule);
        noted.lock().unwrap().push(line);
    });
    // Nobody proves anything over TCP alone.
    let pair = pair_of("tcp", server().guard(guard)).await;
    assert_eq!(call(&pair.client, "open.door").await.unwrap(), "open");
    let closed = call(&pair.client, "closed.door").await.unwrap_err();
    assert_eq!(message(&closed), "anonymous may not rpc.call:closed.door");
    let absent = call(&pair.client, "absent.door").await.unwrap_err();
    assert_eq!(message(&absent), "anonymous may not rpc.call:absent.door");
    assert_eq!(
        *denied.lock().unwrap(),
        [
            "anonymous rpc.call:closed.door: nothing permits it",
            "anonymous rpc.call:absent.door: nothing permits it",
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
    let (said, mut heard) = mpsc::unbounded_channel();
    let others = said.clone();
    let server = server()
        .on_event("public", move |text: String, _: Context| {
            said.send(text).unwrap();
            ready(())
        })
        .on_event("secret", move |text: String, _: Context| {
            others.send(text).unwrap();
            ready(())
        });
    let roles = Roles::new().with("anybody", role(&["rpc.event:public"], &["anonymous"]));
    let pair = pair_of("tcp", server.guard(Guard::new(Policy::new(roles)))).await;
    pair.client.send_event("secret", &"one").await.unwrap();
    pair.client.send_event("public", &"two").await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "two");
}

#[tokio::test]
async fn another_policy_holds_for_open_connections_at_once() {
    let open = || Roles::new().with("anybody", role(&["rpc.call:*"], &["anonymous"]));
    let guard = Guard::new(Policy::new(open()));
    let pair = pair_of("tcp", server().guard(guard.clone())).await;
    assert_eq!(call(&pair.client, "open.door").await.unwrap(), "open");
    guard.replace(Policy::default());
    let closed = call(&pair.client, "open.door").await.unwrap_err();
    assert_eq!(message(&closed), "anonymous may not rpc.call:open.door");
    guard.replace(Policy::new(open()));
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
