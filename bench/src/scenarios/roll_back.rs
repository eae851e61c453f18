//! The backends of local sockets side by side: what who goes back to an older one gets and loses.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::crowd::Crowd;
use crate::scenarios::sizes;
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const EXCHANGES: Scenario = Scenario {
    name: "roll-back",
    title: "Roll-back",
    text: "The backends against each other, by exchanges through the same interface: one question in \
           flight, and 100 connections that ask at once. Server KiB are the growth of its resident \
           memory for each of these connections, first while all are idle after one question, and \
           then at the peak, while all are busy; the kernel's own socket buffers are not in it.",
    cases: exchanges,
    figures: &[
        Figure::P50,
        Figure::P99,
        Figure::Rate,
        Figure::Throughput,
        Figure::ServerKib,
        Figure::BusyKib,
    ],
    ratios: &[
        (Figure::P50, "exchange-legacy"),
        (Figure::Rate, "exchange-legacy"),
        (Figure::ServerKib, "exchange-legacy"),
        (Figure::BusyKib, "exchange-legacy"),
    ],
};

pub(crate) const CALLS: Scenario = Scenario {
    name: "roll-back-calls",
    title: "Roll-back of calls",
    text: "The backends against each other, by calls of 64 bytes there and back.",
    cases: calls,
    figures: &[Figure::P50, Figure::P99, Figure::Rate],
    ratios: &[
        (Figure::P50, "linkspan-legacy"),
        (Figure::Rate, "linkspan-legacy"),
    ],
};

/// The case for latency.
pub(crate) const SMALL: &str = sizes::SMALLEST;

/// The case for throughput.
pub(crate) const LARGE: &str = sizes::LARGEST;

/// The case for memory.
pub(crate) const CROWD: &str = "16 KiB, 100 connections";

fn exchanges(effort: Effort) -> Vec<Case> {
    let case = |label: &str, work| Case {
        label: label.to_owned(),
        peers: &["exchange-tokio", "exchange-interprocess", "exchange-legacy"],
        setting: Setting::OneThread,
        work,
    };
    let crowd = Crowd {
        connections: 100,
        body_bytes: 16 * 1024,
        duration: effort.duration,
    };
    vec![
        case(SMALL, on_one_connection(64, 1, effort)),
        case(LARGE, on_one_connection(1 << 20, 1, effort)),
        case(CROWD, Work::Crowd(crowd)),
    ]
}

fn calls(effort: Effort) -> Vec<Case> {
    let case = |in_flight: usize| Case {
        label: format!("{in_flight} in flight"),
        peers: &["linkspan-unix", "linkspan-interprocess", "linkspan-legacy"],
        setting: Setting::OneThread,
        work: on_one_connection(64, in_flight, effort),
    };
    vec![case(1), case(64)]
}

fn on_one_connection(body_bytes: usize, in_flight: usize, effort: Effort) -> Work {
    Work::Calls(Calls {
        body_bytes,
        in_flight,
        duration: effort.duration,
        content: Content::Bytes,
    })
}
