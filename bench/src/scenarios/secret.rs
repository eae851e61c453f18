//! What it costs that nobody else reads: TLS, and bodies that are sealed from end to end.

use crate::figures::Figure;
use crate::scenarios::calls::{Calls, Content};
use crate::scenarios::connect::Connect;
use crate::scenarios::stream::Stream;
use crate::scenarios::{Case, Effort, Scenario, Setting, Work};

/// Small calls.
pub(crate) const CALLS: Scenario = Scenario {
    name: "secret-calls",
    title: "Encrypted: one call after the other",
    text: "64 bytes and 16 KiB there and back, one call in flight, both processes on one core; with \
           certificates on both sides, TLS 1.3 and AES-256-GCM, where nothing else is said. What is \
           sealed goes over a plain Unix socket, and can be read by nobody on the way.",
    cases: calls,
    figures: &[Figure::P50, Figure::P99, Figure::Rate],
    ratios: &[
        (Figure::P50, "linkspan-unix"),
        (Figure::P50, "linkspan-tcp"),
    ],
};

/// Much data.
pub(crate) const STREAM: Scenario = Scenario {
    name: "secret-stream",
    title: "Encrypted: a stream",
    text: "1 GiB from server to client in chunks of 64 KiB. Checksums, which TLS makes needless, \
           are left out there.",
    cases: stream,
    figures: &[Figure::Throughput, Figure::CpuPerGib],
    ratios: &[
        (Figure::Throughput, "linkspan-unix"),
        (Figure::Throughput, "linkspan-tcp"),
    ],
};

/// Handshakes.
pub(crate) const CONNECT: Scenario = Scenario {
    name: "secret-connect",
    title: "Encrypted: connecting",
    text: "A connection is opened, makes one call, and is closed; then the next one. Under TLS both \
           sides sign and verify in full each time, with keys of ECDSA on P-256 and a key exchange \
           that is safe from quantum computers, too.",
    cases: connect,
    figures: &[Figure::Rate, Figure::P50, Figure::P99],
    ratios: &[
        (Figure::Rate, "linkspan-unix"),
        (Figure::Rate, "linkspan-tcp"),
    ],
};

const PEERS: &[&str] = &[
    "linkspan-unix",
    "linkspan-unix-tls",
    "linkspan-tcp",
    "linkspan-tls",
    "linkspan-tls-chacha",
    "linkspan-sealed",
    "linkspan-sealed-chacha",
];

fn calls(effort: Effort) -> Vec<Case> {
    let case = |(body_bytes, label)| {
        let work = Work::Calls(Calls {
            body_bytes,
            in_flight: 1,
            duration: effort.duration,
            content: Content::Bytes,
        });
        case(label, Setting::OneCore, work)
    };
    [(64, "64 B"), (16 * 1024, "16 KiB")].map(case).into()
}

fn stream(effort: Effort) -> Vec<Case> {
    let work = Work::Stream(Stream::new(effort.chunks(1.0)));
    vec![case("64 KiB chunks", Setting::OneThread, work)]
}

fn connect(effort: Effort) -> Vec<Case> {
    let work = Work::Connect(Connect {
        duration: effort.duration,
    });
    vec![case("open, call, close", Setting::OneThread, work)]
}

fn case(label: &str, setting: Setting, work: Work) -> Case {
    Case {
        label: label.to_owned(),
        peers: PEERS,
        setting,
        work,
    }
}
