//! The breaker in simulated time, by hand and against a model.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::*;

const WINDOW_SECS: u64 = 10;
const OPEN_SECS: u64 = 5;
const MINIMUM: u32 = 4;
const PROBES: u32 = 2;

fn breaker() -> Breaker {
    Breaker::new(BreakerConfig {
        window: Duration::from_secs(WINDOW_SECS),
        failure_rate: 0.5,
        minimum_calls: NonZeroU32::new(MINIMUM).unwrap(),
        open_for: Duration::from_secs(OPEN_SECS),
        half_open_calls: NonZeroU32::new(PROBES).unwrap(),
    })
}

/// A breaker that has just opened, and when it will be half-open.
fn opened(start: Instant) -> (Breaker, Instant) {
    let breaker = breaker();
    for _ in 0..MINIMUM {
        breaker.admit(start).unwrap().failure(start);
    }
    assert_eq!(breaker.state(start), BreakerState::Open);
    (breaker, start + Duration::from_secs(OPEN_SECS))
}

#[test]
fn it_opens_when_the_rate_is_reached_and_enough_calls_were_made() {
    let (breaker, now) = (breaker(), Instant::now());
    for is_failure in [true, false, true] {
        let permit = breaker.admit(now).unwrap();
        if is_failure {
            permit.failure(now);
        } else {
            permit.success(now);
        }
        assert_eq!(breaker.state(now), BreakerState::Closed);
    }
    breaker.admit(now).unwrap().success(now);
    assert_eq!(breaker.state(now), BreakerState::Open);
    assert_eq!(breaker.counts().opened, 1);
}

#[test]
fn failures_that_left_the_window_do_not_count() {
    let (breaker, start) = (breaker(), Instant::now());
    for _ in 0..MINIMUM - 1 {
        breaker.admit(start).unwrap().failure(start);
    }
    let later = start + Duration::from_secs(WINDOW_SECS);
    breaker.admit(later).unwrap().failure(later);
    assert_eq!(breaker.state(later), BreakerState::Closed);
}

#[test]
fn an_open_one_says_when_to_ask_again() {
    let start = Instant::now();
    let (breaker, _) = opened(start);
    let refusal = breaker.admit(start + Duration::from_secs(2)).unwrap_err();
    assert_eq!(refusal.retry_after, Duration::from_secs(OPEN_SECS - 2));
    assert_eq!(breaker.counts().refused, 1);
}

#[test]
fn successful_probes_close_it_and_a_failed_one_opens_it_again() {
    let (breaker, half_open) = opened(Instant::now());
    let probes = [breaker.admit(half_open), breaker.admit(half_open)].map(Result::unwrap);
    assert_eq!(breaker.state(half_open), BreakerState::HalfOpen);
    breaker.admit(half_open).unwrap_err();
    for probe in probes {
        probe.success(half_open);
    }
    assert_eq!(breaker.state(half_open), BreakerState::Closed);

    let (breaker, half_open) = opened(Instant::now());
    breaker.admit(half_open).unwrap().success(half_open);
    breaker.admit(half_open).unwrap().failure(half_open);
    assert_eq!(breaker.state(half_open), BreakerState::Open);
    let counts = breaker.counts();
    assert_eq!((counts.opened, counts.probes), (2, 2));
}

#[test]
fn a_dropped_probe_gives_its_place_back() {
    let (breaker, half_open) = opened(Instant::now());
    for _ in 0..10 {
        let probes = [breaker.admit(half_open), breaker.admit(half_open)].map(Result::unwrap);
        breaker.admit(half_open).unwrap_err();
        drop(probes);
    }
    for _ in 0..PROBES {
        breaker.admit(half_open).unwrap().success(half_open);
    }
    assert_eq!(breaker.state(half_open), BreakerState::Closed);
}

#[test]
fn probes_that_hang_do_not_keep_it_half_open_and_may_still_succeed() {
    let (breaker, half_open) = opened(Instant::now());
    let hanging = [breaker.admit(half_open), breaker.admit(half_open)].map(Result::unwrap);
    let refusal = breaker.admit(half_open).unwrap_err();
    assert_eq!(refusal.retry_after, Duration::from_secs(OPEN_SECS));

    let later = half_open + refusal.retry_after;
    let others = [breaker.admit(later), breaker.admit(later)].map(Result::unwrap);
    let [first, second] = hanging;
    drop(first);
    breaker.admit(later).unwrap_err();
    second.success(later);
    assert_eq!(breaker.state(later), BreakerState::HalfOpen);
    let [third, _fourth] = others;
    third.success(later);
    assert_eq!(breaker.state(later), BreakerState::Closed);
}

#[test]
fn results_from_before_a_change_do_not_count() {
    let start = Instant::now();
    let breaker = breaker();
    let slow = [breaker.admit(start), breaker.admit(start)].map(Result::unwrap);
    for _ in 0..MINIMUM {
        breaker.admit(start).unwrap().failure(start);
    }
    let half_open = start + Duration::from_secs(OPEN_SECS);
    assert_eq!(breaker.state(half_open), BreakerState::HalfOpen);
    let [first, second] = slow;
    first.failure(half_open);
    second.success(half_open);
    breaker.admit(half_open).unwrap().success(half_open);
    assert_eq!(breaker.state(half_open), BreakerState::HalfOpen);
}

#[test]
fn a_rate_above_one_never_opens_it() {
    let config = BreakerConfig {
        failure_rate: 1.1,
        ..BreakerConfig::default()
    };
    let (breaker, now) = (Breaker::new(config), Instant::now());
    for _ in 0..100 {
        breaker.admit(now).unwrap().failure(now);
    }
    assert_eq!(breaker.state(now), BreakerState::Closed);
}

/// What the documentation says, with lists of everything instead of counters. Its time is in whole
/// seconds, where the slices of the window are exact.
#[derive(Default)]
struct Model {
    now: u64,
    results: Vec<(u64, bool)>,
    open_until: Option<u64>,
    half_open: Option<HalfOpen>,
    /// Changes of state so far.
    changes: u32,
}

#[derive(Default)]
struct HalfOpen {
    /// When each probe began that holds a place.
    places: Vec<(usize, u64)>,
    last_began: u64,
    successes: u32,
}

impl Model {
    fn state(&mut self) -> BreakerState {
        if self.open_until.is_some_and(|until| until <= self.now) {
            self.open_until = None;
            self.half_open = Some(HalfOpen::default());
            self.changes += 1;
        }
        match (&self.half_open, self.open_until) {
            (Some(_), _) => BreakerState::HalfOpen,
            (None, Some(_)) => BreakerState::Open,
            (None, None) => BreakerState::Closed,
        }
    }

    /// Whether the call of this number is admitted.
    fn admit(&mut self, call: usize) -> bool {
        let state = self.state();
        let Some(half_open) = &mut self.half_open else {
            return state == BreakerState::Closed;
        };
        if half_open.places.len() == PROBES as usize {
            if self.now < half_open.last_began + OPEN_SECS {
                return false;
            }
            half_open.places.clear();
        }
        half_open.places.push((call, self.now));
        half_open.last_began = self.now;
        true
    }

    /// A call ends that was admitted after so many changes.
    fn end(&mut self, call: usize, admitted_at: u32, outcome: Option<bool>) {
        if let Some(half_open) = &mut self.half_open {
            half_open.places.retain(|(probe, _)| *probe != call);
        }
        let Some(is_failure) = outcome.filter(|_| admitted_at == self.changes) else {
            return;
        };
        match &mut self.half_open {
            Some(_) if is_failure => self.open(),
            Some(half_open) => {
                half_open.successes += 1;
                if half_open.successes == PROBES {
                    self.half_open = None;
                    self.results.clear();
                    self.changes += 1;
                }
            }
            None => {
                self.results.push((self.now, is_failure));
                let is_recent = |&&(at, _): &&(u64, bool)| at + WINDOW_SECS > self.now;
                let recent: Vec<_> = self.results.iter().filter(is_recent).collect();
                let failures = recent.iter().filter(|(_, is_failure)| *is_failure).count();
                if recent.len() >= MINIMUM as usize && failures * 2 >= recent.len() {
                    self.open();
                }
            }
        }
    }

    fn open(&mut self) {
        self.open_until = Some(self.now + OPEN_SECS);
        self.half_open = None;
        self.changes += 1;
    }
}

#[derive(Debug, Clone)]
enum Step {
    Wait(u64),
    Admit,
    /// One of the calls under way ends.
    End(prop::sample::Index, Option<bool>),
}

fn step() -> impl Strategy<Value = Step> {
    let outcome = prop_oneof![
        Just(None),
        Just(Some(true)),
        Just(Some(true)),
        Just(Some(false))
    ];
    prop_oneof![
        1 => (1_u64..7).prop_map(Step::Wait),
        3 => Just(Step::Admit),
        3 => (any::<prop::sample::Index>(), outcome).prop_map(|(call, outcome)| Step::End(call, outcome)),
    ]
}

proptest! {
    #[test]
    fn it_does_what_the_model_does(steps in prop::collection::vec(step(), 1..300)) {
        let (breaker, start) = (breaker(), Instant::now());
        let mut model = Model::default();
        let mut under_way = Vec::new();
        for (number, step) in steps.into_iter().enumerate() {
            let now = start + Duration::from_secs(model.now);
            match step {
                Step::Wait(secs) => model.now += secs,
                Step::Admit => {
                    let permit = breaker.admit(now).ok();
                    prop_assert_eq!(permit.is_some(), model.admit(number));
                    under_way.extend(permit.map(|permit| (number, model.changes, permit)));
                }
                Step::End(call, outcome) if !under_way.is_empty() => {
                    let (call, changes, permit) = under_way.remove(call.index(under_way.len()));
                    match outcome {
                        Some(true) => permit.failure(now),
                        Some(false) => permit.success(now),
                        None => drop(permit),
                    }
                    model.end(call, changes, outcome);
                }
                Step::End(..) => {}
            }
            let now = start + Duration::from_secs(model.now);
            prop_assert_eq!(breaker.state(now), model.state());
        }
    }
}
