//! What compression costs, where nothing is gained by it.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const SCENARIO: Scenario = Scenario {
    name: "compressed",
    title: "Compressed: one call after the other",
    text: "Lines of a log there and back over a Unix socket, one call in flight, both processes on one \
           core. Both sides compress and inflate, and the socket is as fast as memory: what is more than \
           plain is the price, which has to be less than the time that a slower network takes for what \
           is saved.",
    cases,
    figures: &[Figure::P50, Figure::P99, Figure::Rate],
    ratios: &[(Figure::P50, "linkspan-unix")],
};

fn cases(effort: Effort) -> Vec<Case> {
    let case = |(body_bytes, label): (usize, &str)| Case {
        label: label.to_owned(),
        peers: &["linkspan-unix", "linkspan-lz4", "linkspan-zstd"],
        setting: Setting::OneCore,
        work: Work::Calls(Calls {
            body_bytes,
            in_flight: 1,
            duration: effort.duration,
            content: Content::Text,
        }),
    };
    let sizes = [
        (2 * 1024, "2 KiB"),
        (16 * 1024, "16 KiB"),
        (256 * 1024, "256 KiB"),
    ];
    sizes.map(case).into()
}
