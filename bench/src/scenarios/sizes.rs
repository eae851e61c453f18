//! Calls of growing bodies.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "sizes",
    title: "Growing bodies",
    text: "One call in flight, with bodies from 64 B to 1 MiB in both directions.",
    cases,
    figures: &[Figure::P50, Figure::P99, Figure::Rate],
    ratios: &[(Figure::P50, "tokio")],
};

/// Those who take part.
pub(crate) const PEERS: &[&str] = &[
    "tokio",
    "linkspan-unix",
    "linkspan-unchecked",
    "linkspan-tcp",
    "tarpc",
    "tonic",
];

/// The sizes in bytes, and how a person calls them.
pub(crate) const SIZES: [(usize, &str); 5] = [
    (64, SMALLEST),
    (1024, "1 KiB"),
    (16 * 1024, "16 KiB"),
    (256 * 1024, "256 KiB"),
    (1024 * 1024, LARGEST),
];

/// The cases at both ends.
pub(crate) const SMALLEST: &str = "64 B";
pub(crate) const LARGEST: &str = "1 MiB";

fn cases(effort: Effort) -> Vec<Case> {
    let case = |(body_bytes, label): (usize, &str)| Case {
        label: label.to_owned(),
        peers: PEERS,
        setting: Setting::OneThread,
        work: Work::Calls(Calls {
            body_bytes,
            in_flight: 1,
            duration: effort.duration,
            content: Content::Bytes,
        }),
    };
    SIZES.map(case).into()
}
