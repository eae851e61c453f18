//! Repeats after a pause, and a breaker around one service.

use std::time::Duration;

use linkspan::layer::{
    AttemptError, BackoffConfig, Balance, BalanceConfig, Breaker, BreakerConfig, BreakerError,
    BreakerLayer, BreakerState, Budget, Retry, RetryLayer,
};
use tokio::time::Instant;
use tower::{Service, ServiceBuilder, ServiceExt};

use crate::layer_fakes::{Behaviour, Fake, HINT, Trouble, idempotent, once};

fn layer(repeats: Option<u32>) -> RetryLayer {
    let mut config = BackoffConfig::default();
    config.repeats = repeats;
    RetryLayer::new(config, Budget::default())
}

fn around(fake: &Fake, layer: &RetryLayer) -> Retry<Fake> {
    ServiceBuilder::new().layer(layer).service(fake.clone())
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_a_server_that_is_not_there_yet() {
    let fake = Fake::new("late", Behaviour::Refuse);
    let retry = around(&fake, &layer(None));
    let call = tokio::spawn(async move { retry.send(once(1)).await });
    tokio::time::sleep(HINT * 4).await;
    assert!(!call.is_finished());
    fake.behave(Behaviour::Answer);
    assert_eq!(call.await.unwrap(), Ok("late"));
    assert_eq!(fake.taken()[&1], 1);
}

#[tokio::test(start_paused = true)]
async fn pauses_are_as_long_as_the_server_asks_for_and_repeats_end() {
    let fake = Fake::new("busy", Behaviour::Refuse);
    let retry = around(&fake, &layer(Some(3)));
    let began = Instant::now();
    assert_eq!(retry.send(once(1)).await, Err(Trouble::Refused));
    assert_eq!(fake.asked(), 4);
    assert!((HINT * 3..HINT * 4).contains(&began.elapsed()));
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_handled_is_repeated_only_if_it_is_idempotent() {
    let fake = Fake::new("weak", Behaviour::Vanish);
    let retry = around(&fake, &layer(Some(3)));
    assert_eq!(retry.send(once(1)).await, Err(Trouble::Lost));
    assert_eq!(fake.asked(), 1);
    assert_eq!(retry.send(idempotent(2)).await, Err(Trouble::Lost));
    assert_eq!(fake.asked(), 4);
    fake.behave(Behaviour::Object);
    assert_eq!(retry.send(idempotent(3)).await, Err(Trouble::Objection));
    assert_eq!(fake.asked(), 1);
}

#[tokio::test(start_paused = true)]
async fn repeats_of_many_services_stay_within_one_budget() {
    let fake = Fake::new("weak", Behaviour::Vanish);
    let budget = Budget::default();
    let layer = RetryLayer::new(BackoffConfig::default(), budget.clone());
    let began = Instant::now();
    for number in 0..500 {
        let retry = around(&fake, &layer);
        assert_eq!(retry.send(idempotent(number)).await, Err(Trouble::Lost));
    }
    let most = 10.0 + 50.0 + began.elapsed().as_secs_f64();
    let repeats = fake.asked() as u64 - 500;
    assert!(repeats >= 50 && repeats as f64 <= most, "{repeats}");
    assert_eq!(budget.counts().repeats, repeats);
}

#[tokio::test(start_paused = true)]
async fn repeats_go_around_several_endpoints() {
    let fakes = ["a", "b"].map(|name| Fake::new(name, Behaviour::Refuse));
    let endpoints = fakes.iter().map(|fake| fake.endpoint(0)).collect();
    let balance = Balance::new(endpoints, BalanceConfig::default());
    let mut service = ServiceBuilder::new().layer(layer(None)).service(balance);
    let call = tokio::spawn(service.call(once(1)));
    tokio::time::sleep(HINT * 2).await;
    assert!(fakes.iter().all(|fake| fake.asked() > 1));
    fakes[1].behave(Behaviour::Answer);
    assert_eq!(call.await.unwrap(), Ok("b"));
}

#[tokio::test(start_paused = true)]
async fn a_service_behind_an_open_breaker_is_left_alone_until_it_is_probed() {
    let fake = Fake::new("one", Behaviour::Vanish);
    let breaker = Breaker::new(BreakerConfig::default());
    let mut service = ServiceBuilder::new()
        .layer(BreakerLayer::new(breaker.clone()))
        .service(fake.clone());
    for number in 0..10 {
        let error = service.ready().await.unwrap().call(once(number)).await;
        assert_eq!(error, Err(BreakerError::Service(Trouble::Lost)));
    }
    let error = service.call(once(10)).await.unwrap_err();
    assert!(matches!(error, BreakerError::Open(_)), "{error}");
    assert!(error.is_unsent() && !error.is_failure());
    assert_eq!(error.retry_after(), Some(Duration::from_secs(5)));
    assert_eq!(fake.asked(), 10);

    fake.behave(Behaviour::Answer);
    tokio::time::advance(Duration::from_secs(5)).await;
    for number in 11..13 {
        assert_eq!(service.call(once(number)).await, Ok("one"));
    }
    let now = Instant::now().into_std();
    assert_eq!(breaker.state(now), BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_through_a_breaker_gives_its_place_back() {
    let fake = Fake::new("one", Behaviour::Vanish);
    let layer = BreakerLayer::new(Breaker::new(BreakerConfig::default()));
    let mut service = ServiceBuilder::new().layer(layer).service(fake.clone());
    for number in 0..10 {
        service.call(once(number)).await.unwrap_err();
    }
    tokio::time::advance(Duration::from_secs(5)).await;
    fake.behave(Behaviour::Hold);
    for number in 10..20 {
        let limit = Duration::from_millis(1);
        let call = tokio::time::timeout(limit, service.call(once(number)));
        call.await.unwrap_err();
    }
    fake.behave(Behaviour::Answer);
    assert_eq!(service.call(once(20)).await, Ok("one"));
}
