//! Several endpoints as one: which is asked, which is asked next, and when the first one is asked again.

use std::num::NonZeroU32;
use std::time::Duration;

use linkspan::layer::{
    AttemptError, Balance, BalanceConfig, BalanceError, BreakerState, Endpoint, EndpointStats,
};
use tokio::task::JoinSet;

use crate::layer_fakes::{Behaviour, Fake, Question, Trouble, idempotent, once};

/// Two endpoints, one better than the other.
fn pair(first: Behaviour, second: Behaviour) -> (Balance<Fake>, Fake, Fake) {
    let (first, second) = (Fake::new("first", first), Fake::new("second", second));
    let endpoints = vec![second.endpoint(1), first.endpoint(0)];
    let balance = Balance::new(endpoints, BalanceConfig::default());
    (balance, first, second)
}

/// A pair whose first endpoint failed until its breaker opened.
async fn opened() -> (Balance<Fake>, Fake, Fake) {
    let (balance, first, second) = pair(Behaviour::Refuse, Behaviour::Answer);
    for number in 0..10 {
        assert_eq!(balance.send(once(number)).await, Ok("second"));
    }
    assert_eq!(stats_of(&balance, "first").breaker, BreakerState::Open);
    first.asked();
    second.asked();
    (balance, first, second)
}

fn stats_of(balance: &Balance<Fake>, name: &str) -> EndpointStats {
    let mut stats = balance.stats().into_iter();
    stats.find(|stats| &*stats.name == name).unwrap()
}

/// Breakers that keep nothing back, so that all depends on the rules of repeating.
fn never_open() -> BalanceConfig {
    let mut config = BalanceConfig::default();
    config.breaker.failure_rate = 2.0;
    config
}

/// The time for which a breaker stays open.
async fn until_half_open() {
    tokio::time::advance(BalanceConfig::default().breaker.open_for).await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_was_not_sent_goes_to_the_next_endpoint_and_the_first_is_left_alone() {
    let (balance, first, second) = pair(Behaviour::Refuse, Behaviour::Answer);
    for number in 0..100 {
        assert_eq!(balance.send(once(number)).await, Ok("second"));
    }
    assert_eq!((first.asked(), second.asked()), (10, 100));
    let stats = stats_of(&balance, "first");
    assert_eq!((stats.calls, stats.failures, stats.in_flight), (10, 10, 0));
    assert_eq!(stats.latency, None);
    assert_eq!(balance.budget().counts().repeats, 0);
}

#[tokio::test(start_paused = true)]
async fn the_first_endpoint_is_used_again_after_it_recovered() {
    let (balance, first, second) = opened().await;
    first.behave(Behaviour::Answer);
    assert_eq!(balance.send(once(0)).await, Ok("second"));
    until_half_open().await;
    for number in 0..50 {
        assert_eq!(balance.send(once(number)).await, Ok("first"));
    }
    assert_eq!(second.asked(), 1);
    let stats = stats_of(&balance, "first");
    assert_eq!(stats.breaker, BreakerState::Closed);
    assert_eq!(
        (stats.breaker_counts.opened, stats.breaker_counts.probes),
        (1, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_did_not_recover_costs_one_probe_each_time() {
    let (balance, first, _) = opened().await;
    for _ in 0..5 {
        until_half_open().await;
        for number in 0..20 {
            assert_eq!(balance.send(once(number)).await, Ok("second"));
        }
        assert_eq!(first.asked(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn fifty_callers_make_two_probes() {
    let (balance, first, second) = opened().await;
    until_half_open().await;
    first.behave(Behaviour::Hold);
    let mut calls = JoinSet::new();
    for number in 0..50 {
        let balance = balance.clone();
        calls.spawn(async move { balance.send(once(number)).await });
    }
    for _ in 0..48 {
        assert_eq!(calls.join_next().await.unwrap().unwrap(), Ok("second"));
    }
    assert_eq!((first.most_under_way(), second.asked()), (2, 48));
    assert_eq!(stats_of(&balance, "first").in_flight, 2);

    first.behave(Behaviour::Answer);
    while let Some(answer) = calls.join_next().await {
        assert_eq!(answer.unwrap(), Ok("first"));
    }
    assert_eq!(stats_of(&balance, "first").breaker, BreakerState::Closed);
    assert_eq!(balance.send(once(50)).await, Ok("first"));
}

#[tokio::test(start_paused = true)]
async fn cancelled_probes_do_not_keep_an_endpoint_out() {
    let (balance, first, _) = opened().await;
    until_half_open().await;
    first.behave(Behaviour::Hold);
    for number in 0..10 {
        let call = balance.send(once(number));
        let limit = Duration::from_millis(1);
        tokio::time::timeout(limit, call).await.unwrap_err();
    }
    assert_eq!(stats_of(&balance, "first").in_flight, 0);
    first.behave(Behaviour::Answer);
    for number in 10..15 {
        assert_eq!(balance.send(once(number)).await, Ok("first"));
    }
    assert_eq!(stats_of(&balance, "first").breaker, BreakerState::Closed);
}

#[tokio::test(start_paused = true)]
async fn what_may_have_been_handled_is_repeated_only_if_it_is_idempotent() {
    let (balance, first, second) = pair(Behaviour::Vanish, Behaviour::Answer);
    let error = balance.send(once(1)).await.unwrap_err();
    let endpoint = "first".into();
    let source = Trouble::Lost;
    assert_eq!(error, BalanceError::Endpoint { endpoint, source });
    assert_eq!((first.asked(), second.asked()), (1, 0));

    assert_eq!(balance.send(idempotent(2)).await, Ok("second"));
    assert_eq!((first.asked(), second.asked()), (1, 1));
    assert_eq!(balance.budget().counts().repeats, 1);
}

#[tokio::test(start_paused = true)]
async fn an_applications_own_error_is_an_answer() {
    let (balance, first, second) = pair(Behaviour::Object, Behaviour::Answer);
    for number in 0..30 {
        let error = balance.send(idempotent(number)).await.unwrap_err();
        assert_eq!(error.into_source(), Some(Trouble::Objection));
    }
    assert_eq!((first.asked(), second.asked()), (30, 0));
    let stats = stats_of(&balance, "first");
    assert_eq!((stats.failures, stats.breaker), (0, BreakerState::Closed));
}

/// Endpoints change between all behaviours while requests go through them.
#[tokio::test(start_paused = true)]
async fn no_request_is_taken_twice_whatever_the_endpoints_do() {
    let fakes = ["a", "b", "c"].map(|name| Fake::new(name, Behaviour::Answer));
    let endpoints = fakes.iter().zip([0, 0, 1]);
    let endpoints = endpoints.map(|(fake, priority)| fake.endpoint(priority));
    let balance = Balance::new(endpoints.collect(), never_open());
    let behaviours = [
        Behaviour::Refuse,
        Behaviour::Answer,
        Behaviour::Vanish,
        Behaviour::Object,
        Behaviour::Refuse,
        Behaviour::Take(Duration::from_millis(30)),
        Behaviour::TimeOut(Duration::from_millis(70)),
    ];
    let mut calls = JoinSet::new();
    for number in 0..2_000 {
        for (fake, pace) in fakes.iter().zip([1, 3, 5]) {
            fake.behave(behaviours[(number as usize / pace) % behaviours.len()]);
        }
        let balance = balance.clone();
        calls.spawn(async move { balance.send(once(number)).await });
        tokio::time::sleep(Duration::from_millis(7)).await;
    }
    let answers = calls.join_all().await;
    let mut taken = vec![0; answers.len()];
    for (number, times) in fakes.iter().flat_map(Fake::taken) {
        taken[number as usize] += times;
    }
    assert!(taken.iter().all(|&times| times <= 1), "{taken:?}");
    assert!(fakes.iter().all(|fake| fake.asked() > 100));
    assert!(balance.stats().iter().all(|stats| stats.in_flight == 0));
    assert_eq!(balance.budget().counts().repeats, 0);
}

#[tokio::test(start_paused = true)]
async fn repeats_stay_within_the_budget_when_every_endpoint_fails() {
    let fakes = ["a", "b", "c"].map(|name| Fake::new(name, Behaviour::Vanish));
    let endpoints = fakes.iter().map(|fake| fake.endpoint(0)).collect();
    let balance = Balance::new(endpoints, never_open());
    for number in 0..1_000 {
        balance.send(idempotent(number)).await.unwrap_err();
    }
    let asked: u64 = fakes.iter().map(|fake| fake.asked() as u64).sum();
    assert!((1_100..=1_110).contains(&asked), "{asked}");
    let counts = balance.budget().counts();
    assert_eq!((counts.calls, counts.repeats), (1_000, asked - 1_000));
    assert!(counts.refused > 0);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_leaves_the_outcome_open_is_not_covered_by_a_refusal() {
    let (balance, _, second) = pair(Behaviour::Vanish, Behaviour::Refuse);
    let error = balance.send(idempotent(1)).await.unwrap_err();
    assert_eq!(second.asked(), 1);
    assert!(!error.is_unsent() && error.is_failure());
    assert_eq!(error.to_string(), "endpoint first failed");
}

#[tokio::test(start_paused = true)]
async fn without_an_endpoint_that_admits_calls_nothing_is_sent() {
    let (balance, first, second) = pair(Behaviour::Refuse, Behaviour::Refuse);
    for number in 0..10 {
        balance.send(once(number)).await.unwrap_err();
    }
    first.asked();
    second.asked();
    tokio::time::advance(Duration::from_secs(2)).await;
    let error = balance.send(idempotent(10)).await.unwrap_err();
    let retry_after = Some(Duration::from_secs(3));
    assert_eq!(error, BalanceError::Unavailable { retry_after });
    assert!(error.is_unsent() && !error.is_failure());
    assert_eq!((first.asked(), second.asked()), (0, 0));

    let nothing = Balance::<Fake>::new(Vec::new(), BalanceConfig::default());
    let error = nothing.send(once(1)).await.unwrap_err();
    assert_eq!(error, BalanceError::Unavailable { retry_after: None });
}

#[tokio::test(start_paused = true)]
async fn an_endpoint_that_hangs_is_left_alone_by_and_by() {
    let limit = Duration::from_millis(200);
    let hanging = Fake::new("hanging", Behaviour::TimeOut(limit));
    let working = Fake::new("working", Behaviour::Take(Duration::from_millis(1)));
    let endpoints = vec![hanging.endpoint(0), working.endpoint(0)];
    let balance = Balance::new(endpoints, BalanceConfig::default());
    let mut calls = JoinSet::new();
    for number in 0..400 {
        let balance = balance.clone();
        calls.spawn(async move { balance.send(idempotent(number)).await });
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let answers = calls.join_all().await;
    assert!(answers.iter().all(|answer| *answer == Ok("working")));
    assert!(hanging.asked() <= 20);
    assert_eq!(stats_of(&balance, "hanging").breaker, BreakerState::Open);
}

#[tokio::test(start_paused = true)]
async fn requests_go_where_fewer_are_in_flight_for_the_weight() {
    let fakes = ["light", "heavy"].map(|name| Fake::new(name, Behaviour::Hold));
    let [light, heavy] = &fakes;
    let mut endpoints: Vec<Endpoint<Fake>> = fakes.iter().map(|fake| fake.endpoint(0)).collect();
    endpoints[1].weight = NonZeroU32::new(3).unwrap();
    let balance = Balance::new(endpoints, BalanceConfig::default());
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let balance = balance.clone();
        calls.spawn(async move { balance.send(once(number)).await });
    }
    while balance.stats().iter().map(|stats| stats.calls).sum::<u64>() < 40 {
        tokio::task::yield_now().await;
    }
    assert_eq!((light.most_under_way(), heavy.most_under_way()), (10, 30));
    for fake in &fakes {
        fake.behave(Behaviour::Answer);
    }
    assert!(calls.join_all().await.iter().all(Result::is_ok));
}

#[tokio::test(start_paused = true)]
async fn the_quicker_endpoint_is_preferred_and_the_slower_one_not_forgotten() {
    let quick = Fake::new("quick", Behaviour::Take(Duration::from_millis(1)));
    let slow = Fake::new("slow", Behaviour::Take(Duration::from_millis(40)));
    let endpoints = vec![slow.endpoint(0), quick.endpoint(0)];
    let balance = Balance::new(endpoints, BalanceConfig::default());
    for number in 0..1_000 {
        balance.send(once(number)).await.unwrap();
    }
    assert_eq!((slow.asked(), quick.asked()), (1, 999));
    assert_eq!(
        stats_of(&balance, "slow").latency,
        Some(Duration::from_millis(40))
    );

    slow.behave(Behaviour::Answer);
    tokio::time::advance(Duration::from_secs(70)).await;
    quick.behave(Behaviour::Take(Duration::from_millis(2)));
    for number in 0..100_000 {
        balance.send(once(number)).await.unwrap();
        if slow.asked() > 0 {
            return;
        }
    }
    panic!("the slower endpoint was never asked again");
}

#[tokio::test(start_paused = true)]
async fn threads_share_it_and_tower_layers_fit_around_it() {
    fn shared<T: Clone + Send + Sync + 'static>(_: &T) {}
    let (balance, ..) = pair(Behaviour::Take(Duration::from_secs(9)), Behaviour::Answer);
    shared(&balance);
    let limited = tower::ServiceBuilder::new()
        .layer(tower::timeout::TimeoutLayer::new(Duration::from_secs(1)))
        .service(balance.clone());
    let answer = tower::ServiceExt::<Question>::oneshot(limited, once(1)).await;
    assert_eq!(answer.unwrap_err().to_string(), "request timed out");
    assert_eq!(stats_of(&balance, "first").in_flight, 0);
}
