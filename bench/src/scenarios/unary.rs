//! One call after the other.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "unary",
    title: "One call after the other",
    text: "64 bytes there and back, one call in flight. On *any core* the kernel places the two \
           processes, and waking a sleeping core is most of the time; on *one core* there is only \
           the work itself. `linkspan-mem` has client and server in one process.",
    cases,
    figures: &[Figure::P50, Figure::P99, Figure::P999, Figure::Rate],
    ratios: &[(Figure::P50, "tokio")],
};

/// The case in which the kernel places the processes.
pub(crate) const ANY_CORE: &str = "any core";

/// The case in which both processes share a core.
pub(crate) const ONE_CORE: &str = "one core";

fn cases(effort: Effort) -> Vec<Case> {
    let work = Work::Calls(Calls {
        body_bytes: 64,
        in_flight: 1,
        duration: effort.duration,
        content: Content::Bytes,
    });
    vec![
        Case {
            label: ANY_CORE.to_owned(),
            peers: &[
                "std",
                "tokio",
                "linkspan-unix",
                "linkspan-unchecked",
                "linkspan-tcp",
                "linkspan-mem",
                "tarpc",
                "tonic",
            ],
            setting: Setting::OneThread,
            work: work.clone(),
        },
        Case {
            label: ONE_CORE.to_owned(),
            peers: &[
                "std",
                "tokio",
                "linkspan-unix",
                "linkspan-unchecked",
                "linkspan-tcp",
                "tarpc",
                "tonic",
            ],
            setting: Setting::OneCore,
            work,
        },
    ]
}
