//! Many calls at once on one connection.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "unary-n",
    title: "Many calls at once",
    text: "64 bytes there and back, with 1, 8, 64 and 512 calls in flight on one connection. All \
           limits are the defaults; calls beyond a limit wait at the caller, and their wait counts.",
    cases,
    figures: &[Figure::Rate, Figure::P50, Figure::P99],
    ratios: &[(Figure::Rate, "tarpc"), (Figure::Rate, "tonic")],
};

/// Those who can have more than one call in flight.
pub(crate) const PEERS: &[&str] = &[
    "linkspan-unix",
    "linkspan-unchecked",
    "linkspan-tcp",
    "linkspan-mem",
    "tarpc",
    "tonic",
];

/// How many calls are in flight.
pub(crate) const IN_FLIGHT: [usize; 4] = [1, 8, 64, 512];

/// The case of so many calls in flight.
pub(crate) fn label(in_flight: usize) -> String {
    format!("{in_flight} in flight")
}

/// So many calls in flight, as a case.
pub(crate) fn case(in_flight: usize, setting: Setting, effort: Effort) -> Case {
    let work = Calls {
        body_bytes: 64,
        in_flight,
        duration: effort.duration,
        content: Content::Bytes,
    };
    Case {
        label: label(in_flight),
        peers: PEERS,
        setting,
        work: Work::Calls(work),
    }
}

fn cases(effort: Effort) -> Vec<Case> {
    IN_FLIGHT
        .map(|in_flight| case(in_flight, Setting::OneThread, effort))
        .into()
}
