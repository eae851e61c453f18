//! Tower's layers, on either side.

use std::time::Duration;

use linkspan::rpc::{CallError, Context, Router, Server};
use linkspan::{Category, Code};
use linkspan_test::wait;
use serde_json::Value;
use tower::ServiceBuilder;
use tower::limit::ConcurrencyLimitLayer;
use tower::load_shed::LoadShedLayer;
use tower::timeout::TimeoutLayer;

use crate::support::{LOCAL, pair, pair_of};

#[linkspan::service]
trait Clock {
    async fn sleep(&self, millis: u64) -> Result<u64, CallError>;
}

struct Real;

impl Clock for Real {
    async fn sleep(&self, millis: u64) -> Result<u64, CallError> {
        tokio::time::sleep(Duration::from_millis(millis)).await;
        Ok(millis)
    }
}

#[tokio::test]
async fn towers_timeout_fits_around_a_server() {
    let server = Server::new()
        .service(ClockServer::new(Real))
        .layer(TimeoutLayer::new(Duration::from_millis(100)));
    let pair = pair_of(LOCAL, server).await;
    let client = ClockClient::new(pair.client);
    assert_eq!(client.sleep(1).await, Ok(1));
    let error = wait::within("the timeout", client.sleep(60_000))
        .await
        .unwrap_err();
    assert_eq!(
        (error.category(), error.code()),
        (Category::Limit, Code::REJECTED)
    );
    assert_eq!(error.causes(), ["request timed out"]);
}

#[tokio::test]
async fn towers_limits_fit_around_a_server() {
    let server = Server::new().service(ClockServer::new(Real)).layer(
        ServiceBuilder::new()
            .layer(LoadShedLayer::new())
            .layer(ConcurrencyLimitLayer::new(1)),
    );
    let pair = pair_of(LOCAL, server).await;
    let client = ClockClient::new(pair.client);
    let (one, two) = tokio::join!(client.sleep(200), client.sleep(201));
    let error = one.and(two).unwrap_err();
    assert_eq!(error.causes(), ["service overloaded"], "{error}");
    assert_eq!(client.sleep(1).await, Ok(1));
}

#[tokio::test]
async fn towers_layers_fit_around_a_client() {
    let pair = pair(LOCAL, ClockServer::new(Real)).await;
    let layered = ServiceBuilder::new()
        .layer(TimeoutLayer::new(Duration::from_millis(100)))
        .service(pair.client);
    let client = ClockClient::new(layered);
    assert_eq!(client.sleep(1).await, Ok(1));
    let error = wait::within("the timeout", client.sleep(60_000))
        .await
        .unwrap_err();
    assert_eq!(error.causes(), ["request timed out"]);
}

#[tokio::test]
async fn layers_see_unknown_methods_and_closures_too() {
    let router = Router::new().method("quick", async |_: Value, _: Context| {
        Ok::<_, CallError>("done")
    });
    let server = Server::new()
        .service(router)
        .layer(TimeoutLayer::new(Duration::from_secs(10)));
    let pair = pair_of("mem", server).await;
    assert_eq!(
        pair.client.send_request("quick", &()).await,
        Ok("done".to_owned())
    );
    let error = pair
        .client
        .send_request::<Value>("quikc", &())
        .await
        .unwrap_err();
    assert_eq!(error.code(), Code::METHOD_NOT_FOUND);
}
