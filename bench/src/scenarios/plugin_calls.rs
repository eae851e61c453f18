//! Calls of plugins, and streams from them.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::stream::Stream;
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

pub(crate) const UNARY: Scenario = Scenario {
    name: "plugin-unary",
    title: "Calls of a plugin, one after the other",
    text: "64 bytes there and back through `Plugin`, one call in flight, beside the same service at the \
           other end of a Unix socket. The plugin in Python unpacks and packs in Python.",
    cases: |effort| vec![unary(effort)],
    figures: &[Figure::P50, Figure::P99, Figure::P999, Figure::Rate],
    ratios: &[(Figure::P50, "tokio"), (Figure::P50, "linkspan-unix")],
};

pub(crate) const MANY: Scenario = Scenario {
    name: "plugin-unary-64",
    title: "Many calls of a plugin at once",
    text: "The same with 64 calls in flight.",
    cases: |effort| vec![many(effort)],
    figures: &[Figure::Rate, Figure::P50, Figure::P99],
    ratios: &[(Figure::Rate, "linkspan-unix")],
};

pub(crate) const STREAM: Scenario = Scenario {
    name: "plugin-stream",
    title: "A stream from a plugin",
    text: "1 GiB from the plugin to its host in chunks of 64 KiB. CPU seconds are those of both processes.",
    cases: |effort| vec![stream(effort)],
    figures: &[Figure::Throughput, Figure::CpuPerGib],
    ratios: &[
        (Figure::Throughput, "tokio"),
        (Figure::Throughput, "linkspan-unix"),
    ],
};

/// The only case of each.
pub(crate) const ONE_IN_FLIGHT: &str = "64 B";
pub(crate) const MANY_IN_FLIGHT: &str = "64 B, 64 in flight";
pub(crate) const CHUNKS: &str = "64 KiB chunks";

fn unary(effort: Effort) -> Case {
    let peers = &[
        "std",
        "tokio",
        "linkspan-unix",
        "linkspan-plugin",
        "linkspan-plugin-strict",
        "linkspan-plugin-python",
    ];
    case(ONE_IN_FLIGHT, peers, calls(1, effort))
}

fn many(effort: Effort) -> Case {
    let peers = &[
        "linkspan-unix",
        "linkspan-plugin",
        "linkspan-plugin-strict",
        "linkspan-plugin-python",
    ];
    case(MANY_IN_FLIGHT, peers, calls(64, effort))
}

fn stream(effort: Effort) -> Case {
    let peers = &[
        "tokio",
        "linkspan-unix",
        "linkspan-plugin",
        "linkspan-plugin-strict",
    ];
    let work = Work::Stream(Stream::new(effort.chunks(1.0)));
    case(CHUNKS, peers, work)
}

fn case(label: &str, peers: &'static [&'static str], work: Work) -> Case {
    Case {
        label: label.to_owned(),
        peers,
        setting: Setting::OneThread,
        work,
    }
}

fn calls(in_flight: usize, effort: Effort) -> Work {
    Work::Calls(Calls {
        body_bytes: 64,
        in_flight,
        duration: effort.duration,
        content: Content::Bytes,
    })
}
