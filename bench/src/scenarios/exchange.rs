//! One question after the other, in frames with a checksum.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::connect::Connect;
use crate::scenarios::sizes::SIZES;
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "exchange",
    title: "Exchanges",
    text: "Frames of length, CRC-32 and message, by `linkspan::exchange` over each backend of local \
           sockets: one question in flight on a connection that is kept, with messages from 64 B to \
           1 MiB in both directions, and 64 B with a connection for each question. `std-frames` and \
           `tokio-frames` are bare sockets that carry the same messages behind a length, without a \
           checksum. GiB/s count both directions.",
    cases,
    figures: &[Figure::P50, Figure::P99, Figure::Rate, Figure::Throughput],
    ratios: &[
        (Figure::P50, "tokio-frames"),
        (Figure::Rate, "tokio-frames"),
    ],
};

/// The case in which both processes share a core.
pub(crate) const ONE_CORE: &str = "64 B, one core";

fn cases(effort: Effort) -> Vec<Case> {
    let duration = effort.duration;
    let kept = |body_bytes| {
        Work::Calls(Calls {
            body_bytes,
            in_flight: 1,
            duration,
            content: Content::Bytes,
        })
    };
    let on = |setting, label: &str, work| Case {
        label: label.to_owned(),
        peers: PEERS,
        setting,
        work,
    };
    let sizes = SIZES.map(|(bytes, label)| on(Setting::OneThread, label, kept(bytes)));
    let each = Work::Connect(Connect { duration });
    let mut cases = Vec::from(sizes);
    cases.push(on(Setting::OneCore, ONE_CORE, kept(64)));
    cases.push(on(Setting::OneThread, "64 B, a connection each", each));
    cases
}

const PEERS: &[&str] = &[
    "std-frames",
    "tokio-frames",
    "exchange-tokio",
    "exchange-interprocess",
    "exchange-legacy",
];
