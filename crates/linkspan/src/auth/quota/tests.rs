use std::num::NonZeroU32;
use std::time::Duration;

use crate::auth::Principal;
use crate::auth::policy::{Access, Action};
use crate::auth::quota::{Bound, Excess, Limiter, Place, Quota, Quotas};

fn number(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn limiter(quotas: Quotas) -> Limiter {
    Limiter::new(quotas).unwrap()
}

/// One call of a method by somebody.
fn call(limiter: &Limiter, who: &str, method: &str) -> Result<Place, Excess> {
    let access = Access::new(Action::RpcCall, method);
    let taken = limiter.take(&Principal::named(who), &[access]);
    taken.map_err(|refused| refused.excess)
}

/// How often something goes until it is too much.
fn until_refused(limiter: &Limiter, who: &str, method: &str) -> (usize, Excess) {
    let mut done = 0;
    loop {
        match call(limiter, who, method) {
            Ok(place) => drop(place),
            Err(excess) => return (done, excess),
        }
        done += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn each_principal_has_its_own_rate_and_is_told_when_to_come_back() {
    let limiter = limiter(Quotas::new(Quota::rate(number(60), number(3))));
    let (done, excess) = until_refused(&limiter, "key:a", "m");
    assert_eq!((done, excess.bound, &*excess.rule), (3, Bound::Rate, "*"));
    assert_eq!(excess.retry_after, Duration::from_secs(1));
    assert_eq!(until_refused(&limiter, "key:b", "m").0, 3);
    tokio::time::advance(excess.retry_after).await;
    assert_eq!(until_refused(&limiter, "key:a", "m").0, 1);
}

#[tokio::test(start_paused = true)]
async fn what_lies_within_two_quotas_needs_both_and_takes_of_both_or_none() {
    let slow = Quota::rate(number(60), number(1));
    let quotas = Quotas::new(Quota::rate(number(60), number(3)))
        .with("rpc.call:host.*".parse().unwrap(), slow);
    let limiter = limiter(quotas);
    let (done, excess) = until_refused(&limiter, "key:a", "host.health");
    assert_eq!((done, &*excess.rule), (1, "rpc.call:host.*"));
    // What was refused there has cost nothing here: two of three are left.
    let (done, excess) = until_refused(&limiter, "key:a", "other");
    assert_eq!((done, &*excess.rule), (2, "*"));
}

#[tokio::test(start_paused = true)]
async fn one_operation_on_many_things_costs_once() {
    let limiter = limiter(Quotas::new(Quota::rate(number(60), number(2))));
    let masks = ["a/#", "b/#", "c/#"].map(|mask| Access::new(Action::BusSubscribe, mask));
    let principal = Principal::named("key:a");
    assert!(limiter.take(&principal, &masks).is_ok());
    assert!(limiter.take(&principal, &masks).is_ok());
    assert!(limiter.take(&principal, &masks).is_err());
}

#[test]
fn a_place_is_free_again_when_it_is_dropped() {
    let quota = Quota::default().at_once(number(2));
    let limiter = limiter(Quotas::new(quota).with(
        "rpc.call:host.*".parse().unwrap(),
        Quota::default().at_once(number(1)),
    ));
    let first = call(&limiter, "key:a", "host.health").unwrap();
    let excess = call(&limiter, "key:a", "host.health").unwrap_err();
    assert_eq!(
        (excess.bound, &*excess.rule),
        (Bound::Concurrency, "rpc.call:host.*")
    );
    let second = call(&limiter, "key:a", "other").unwrap();
    assert_eq!(&*call(&limiter, "key:a", "other").unwrap_err().rule, "*");
    assert!(call(&limiter, "key:b", "host.health").is_ok());
    drop((first, second));
    assert!(call(&limiter, "key:a", "host.health").is_ok());
}

#[tokio::test(start_paused = true)]
async fn somebody_is_told_once_in_a_while_and_of_how_many_then() {
    let limiter = limiter(Quotas::new(Quota::rate(number(1), number(1))));
    let principal = Principal::named("key:a");
    let news = || {
        let access = Access::new(Action::RpcCall, "m");
        let refused = limiter.take(&principal, &[access]).err();
        refused.map(|refused| refused.is_news.then_some(refused.excess.untold))
    };
    assert_eq!(news(), None);
    assert_eq!(news(), Some(Some(0)));
    assert!((0..100).all(|_| news() == Some(None)));
    tokio::time::advance(Duration::from_secs(10)).await;
    assert_eq!(news(), Some(Some(100)));
    assert_eq!(news(), Some(None));
}

#[tokio::test(start_paused = true)]
async fn no_more_principals_are_remembered_than_may_be() {
    let mut quotas = Quotas::new(Quota::rate(number(60), number(2)).at_once(number(1)));
    quotas.max_principals = 3;
    let limiter = limiter(quotas);
    let busy = call(&limiter, "key:0", "m").unwrap();
    for who in 1..10 {
        until_refused(&limiter, &format!("key:{who}"), "m");
        assert!(limiter.principals() <= 3);
    }
    // Those for whom there is no room share one account, which is used up.
    assert!(call(&limiter, "key:new", "m").is_err());
    // Who has used nothing for long is forgotten, who has something under way is not.
    tokio::time::advance(Duration::from_secs(60)).await;
    assert!(call(&limiter, "key:new", "m").is_ok());
    assert_eq!(limiter.principals(), 2);
    let excess = call(&limiter, "key:0", "m").unwrap_err();
    assert_eq!(excess.bound, Bound::Concurrency);
    drop(busy);
}

#[test]
fn the_owner_has_no_limits_unless_it_is_as_all_others() {
    let owner = os::own_credentials().user.to_string();
    let mut quotas = Quotas::new(Quota::rate(number(1), number(1)).at_once(number(1)));
    let unlimited = limiter(quotas.clone());
    let places: Vec<_> = (0..100).map(|_| call(&unlimited, &owner, "m")).collect();
    assert!(places.iter().all(Result::is_ok));
    quotas.owner_is_exempt = false;
    assert_eq!(until_refused(&limiter(quotas), &owner, "m").0, 1);
}

#[test]
fn quotas_that_limit_nothing_are_none() {
    assert!(Limiter::new(Quotas::default()).is_none());
    let quotas = Quotas::default().with("rpc.call:*".parse().unwrap(), Quota::default());
    assert!(Limiter::new(quotas).is_none());
}

#[test]
fn nobody_gets_around_a_quota_by_letters_that_are_wildcards_in_masks() {
    let one = Quota::default().at_once(number(1));
    let quotas = Quotas::default().with("bus.publish:log/+".parse().unwrap(), one);
    let limiter = limiter(quotas);
    let take = |action, topic: &str| {
        let taken = limiter.take(&Principal::named("key:a"), &[Access::new(action, topic)]);
        taken.map_err(|refused| refused.excess.bound)
    };
    let _busy = take(Action::BusPublish, "log/a").unwrap();
    let too_long = format!("log/+{}", "a".repeat(100_000));
    for topic in ["log/b", "log/#", "log/+", "log/b+", "log/#b", &too_long] {
        let refused = take(Action::BusPublish, topic).unwrap_err();
        assert_eq!(refused, Bound::Concurrency, "{topic:.20}");
    }
    for topic in ["+/a", "log", "log/a/b", "logs/a"] {
        assert!(take(Action::BusPublish, topic).is_ok(), "{topic}");
    }
    assert!(take(Action::BusSubscribe, "log/+").is_ok());
}
