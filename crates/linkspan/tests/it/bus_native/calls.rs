//! Calls between clients.

use std::time::{Duration, Instant};

use linkspan::bus::Client;
use linkspan::rpc::{CallError, Context, Request, Router};
use linkspan::{Code, Failure};
use linkspan_test::wait;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::scene::Scene;
use crate::support::{LOCAL, SCHEMES};

#[derive(Debug, PartialEq, Error, Serialize, Deserialize)]
enum GreetError {
    #[error("{0} is not greeted")]
    Unwelcome(String),
    #[error(transparent)]
    Call(#[from] CallError),
}

#[linkspan::service]
trait Greeter {
    async fn greet(&self, name: String) -> Result<String, GreetError>;
}

struct Polite;

impl Greeter for Polite {
    async fn greet(&self, name: String) -> Result<String, GreetError> {
        match name.as_str() {
            "Mallory" => Err(GreetError::Unwelcome(name)),
            name => Ok(format!("Hello, {name}!")),
        }
    }
}

#[tokio::test]
async fn a_service_is_served_on_a_name_and_called_through_it() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let (caller, callee) = (scene.client("caller").await, scene.client("greeter").await);
        callee.serve(GreeterServer::new(Polite));
        let greeter = GreeterClient::new(caller.remote("greeter"));
        assert_eq!(
            greeter.greet("Ada".into()).await.unwrap(),
            "Hello, Ada!",
            "{scheme}"
        );
        let unwelcome = greeter.greet("Mallory".into()).await.unwrap_err();
        assert_eq!(unwelcome, GreetError::Unwelcome("Mallory".into()));
    }
}

fn methods() -> Router {
    Router::new()
        .method("double", async |number: i64, _: Context| {
            Ok::<_, CallError>(2 * number)
        })
        .method("whoami", async |_: (), context: Context| {
            Ok::<_, CallError>(context.metadata("caller").unwrap_or_default().to_owned())
        })
        .method("hang", async |_: (), _: Context| {
            std::future::pending::<Result<(), CallError>>().await
        })
        .method("fail", async |_: (), _: Context| {
            let failure = Failure::new(linkspan::Category::Limit, Code::UNAVAILABLE, "not today");
            Err::<(), _>(CallError::from(failure))
        })
}

#[tokio::test]
async fn callees_know_their_callers_and_callers_why_it_failed() {
    let scene = Scene::at(LOCAL).await;
    let (caller, callee) = (scene.client("caller").await, scene.client("callee").await);
    callee.serve(methods());
    let remote = caller.remote("callee");
    assert_eq!(remote.send_request("double", &21).await, Ok(42));
    assert_eq!(
        remote.send_request("whoami", &()).await,
        Ok("caller".to_owned())
    );
    let failed = remote.send_request::<()>("fail", &()).await.unwrap_err();
    assert_eq!(
        (failed.code(), failed.to_string().as_str()),
        (Code::UNAVAILABLE, "not today")
    );
    let unknown = remote.send_request::<()>("doubel", &21).await.unwrap_err();
    assert_eq!(unknown.code(), Code::METHOD_NOT_FOUND);
    assert!(unknown.to_string().contains("double"), "{unknown}");
    let absent = caller
        .remote("nobody")
        .send_request::<()>("double", &1)
        .await;
    assert!(
        matches!(absent, Err(CallError::NotAccepted { .. })),
        "{absent:?}"
    );
}

#[tokio::test]
async fn many_calls_at_once_get_their_own_answers() {
    let scene = Scene::at(LOCAL).await;
    let (caller, callee) = (scene.client("caller").await, scene.client("callee").await);
    callee.serve(methods());
    let calls = (0..200_i64).map(|number| {
        let remote = caller.remote("callee");
        tokio::spawn(async move { remote.send_request::<i64>("double", &number).await })
    });
    for (number, call) in (0..).zip(calls.collect::<Vec<_>>()) {
        assert_eq!(call.await.unwrap(), Ok(2 * number));
    }
}

#[tokio::test]
async fn a_deadline_passes_at_both_ends() {
    let scene = Scene::at(LOCAL).await;
    let (caller, callee) = (scene.client("caller").await, scene.client("callee").await);
    let (dropped, mut was_dropped) = tokio::sync::mpsc::channel::<()>(1);
    let hanging = Router::new().method("hang", move |_: (), _: Context| {
        let dropped = dropped.clone();
        async move {
            let _dropped = dropped;
            std::future::pending::<Result<(), CallError>>().await
        }
    });
    callee.serve(hanging);
    let mut request = Request::new("hang", "");
    request.timeout = Some(Duration::from_millis(50));
    let answer = caller.remote("callee").call(request).await;
    assert!(
        matches!(answer, Err(CallError::DeadlineExceeded)),
        "{answer:?}"
    );
    // Its sender is dropped with the handler, and with the router.
    drop(callee);
    wait::within("the handler to be dropped", was_dropped.recv()).await;
}

/// A call that hangs, with a callee that is there.
async fn hanging(scene: &Scene, callee: &Client) -> tokio::task::JoinHandle<Result<(), CallError>> {
    let (begun, mut has_begun) = tokio::sync::mpsc::channel(1);
    callee.serve(Router::new().method("hang", move |_: (), _: Context| {
        let begun = begun.clone();
        async move {
            begun.send(()).await.ok();
            std::future::pending::<Result<(), CallError>>().await
        }
    }));
    let remote = scene.client("caller").await.remote(callee.name());
    let call = tokio::spawn(async move { remote.send_request::<()>("hang", &()).await });
    wait::within("the call to begin", has_begun.recv()).await;
    call
}

#[tokio::test]
async fn a_callee_that_leaves_fails_its_callers_at_once() {
    for scheme in SCHEMES {
        let scene = Scene::at(scheme).await;
        let callee = scene.client("callee").await;
        let call = hanging(&scene, &callee).await;
        let began = Instant::now();
        drop(callee);
        let failed = wait::within("the caller to fail", call).await.unwrap();
        assert!(
            matches!(failed, Err(CallError::OutcomeUnknown { .. })),
            "{failed:?}"
        );
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "{:?}",
            began.elapsed()
        );
    }
}

#[tokio::test]
async fn one_who_comes_after_a_callee_does_not_keep_its_callers_waiting() {
    let scene = Scene::at(LOCAL).await;
    let callee = scene.client("callee").await;
    let call = hanging(&scene, &callee).await;
    callee.close(Duration::from_secs(1)).await;
    let _next = scene.client("callee").await;
    let failed = wait::within("the caller to fail", call).await.unwrap();
    assert!(
        matches!(failed, Err(CallError::OutcomeUnknown { .. })),
        "{failed:?}"
    );
}
