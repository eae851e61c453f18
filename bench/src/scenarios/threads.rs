//! Many calls at once between runtimes of several threads.

use crate::figures::Figure;
use crate::scenarios::{Effort, Scenario, Setting, concurrency};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "threads",
    title: "Many calls at once, two threads each",
    text: "As above with 64 calls in flight, but each process has tokio's multi-thread runtime with \
           two workers, so that four threads share this machine's cores.",
    cases: |effort: Effort| vec![concurrency::case(64, Setting::TwoThreads, effort)],
    figures: &[Figure::Rate, Figure::P50, Figure::P99],
    ratios: &[(Figure::Rate, "tarpc"), (Figure::Rate, "tonic")],
};
