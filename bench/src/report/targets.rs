//! What the design asks for, and whether this run has it.

use crate::figures::Figure;
use crate::report::Table;
use crate::results::Results;
use crate::scenarios::unary::{ANY_CORE, ONE_CORE};
use crate::scenarios::{
    GIB, bus_idle, concurrency, daemon_memory, exchange, fan_out, first_byte, idle, mixed, output,
    plugin_calls, plugin_idle, plugin_spawn, roll_back, sizes, stream,
};

/// A demand on one number.
struct Target {
    text: &'static str,
    bound: Bound,
    measured: fn(&Results) -> Option<f64>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

impl Bound {
    pub(crate) fn holds(self, value: f64) -> bool {
        match self {
            Self::AtLeast(bound) => value >= bound,
            Self::AtMost(bound) => value <= bound,
            Self::Below(bound) => value < bound,
        }
    }

    pub(crate) fn shown(self) -> String {
        match self {
            Self::AtLeast(bound) => format!("at least {bound}"),
            Self::AtMost(bound) => format!("at most {bound}"),
            Self::Below(bound) => format!("below {bound}"),
        }
    }
}

/// All targets, with what was measured.
pub(crate) fn targets(results: &Results) -> Table {
    let mut table = Table::new(["what", "target", "measured", "met"]);
    for target in TARGETS {
        let (measured, met) = match (target.measured)(results) {
            None => ("–".to_owned(), "not measured"),
            Some(value) if target.bound.holds(value) => (format!("{value:.2}"), "yes"),
            Some(value) => (format!("{value:.2}"), "**no**"),
        };
        table.add([
            target.text.to_owned(),
            target.bound.shown(),
            measured,
            met.to_owned(),
        ]);
    }
    table
}

const TARGETS: &[Target] = &[
    Target {
        text: "unary over `unix:`, p50 ÷ tokio socket, any core",
        bound: Bound::AtMost(1.15),
        measured: |results| {
            results.ratio("unary", ANY_CORE, ["linkspan-unix", "tokio"], Figure::P50)
        },
    },
    Target {
        text: "unary over `unix:`, p50 ÷ tokio socket, one core",
        bound: Bound::AtMost(1.15),
        measured: |results| {
            results.ratio("unary", ONE_CORE, ["linkspan-unix", "tokio"], Figure::P50)
        },
    },
    Target {
        text: "64 in flight over `unix:`, rate ÷ tarpc",
        bound: Bound::AtLeast(2.5),
        measured: |results| rate(results, "tarpc"),
    },
    Target {
        text: "64 in flight over `unix:`, rate ÷ tonic",
        bound: Bound::AtLeast(12.0),
        measured: |results| rate(results, "tonic"),
    },
    Target {
        text: "stream over `unix:` with checksums, GiB/s ÷ tokio socket",
        bound: Bound::AtLeast(0.65),
        measured: |results| throughput(results, "linkspan-unix"),
    },
    Target {
        text: "stream over `unix:` without checksums, GiB/s ÷ tokio socket",
        bound: Bound::AtLeast(0.85),
        measured: |results| throughput(results, "linkspan-unchecked"),
    },
    Target {
        text: "unary over `mem:`, p50 in µs",
        bound: Bound::Below(3.0),
        measured: |results| results.median("unary", ANY_CORE, "linkspan-mem", Figure::P50),
    },
    Target {
        text: "idle connection over `unix:`, KiB in the server",
        bound: Bound::Below(16.0),
        measured: |results| results.median("idle", idle::CASE, "linkspan-unix", Figure::ServerKib),
    },
    Target {
        text: "small calls during a stream over `unix:`, p99 in µs",
        bound: Bound::Below(5000.0),
        measured: |results| slowest(results, "linkspan-unix"),
    },
    Target {
        text: "small calls during a stream over `tcp:`, p99 in µs",
        bound: Bound::Below(5000.0),
        measured: |results| slowest(results, "linkspan-tcp"),
    },
    Target {
        text: "exchange of 64 B, p50 ÷ tokio socket with frames, any core",
        bound: Bound::AtMost(1.2),
        measured: |results| exchanged(results, sizes::SMALLEST, Figure::P50),
    },
    Target {
        text: "exchange of 64 B, p50 ÷ tokio socket with frames, one core",
        bound: Bound::AtMost(1.2),
        measured: |results| exchanged(results, exchange::ONE_CORE, Figure::P50),
    },
    Target {
        text: "exchange of 1 MiB, rate ÷ tokio socket with frames",
        bound: Bound::AtLeast(0.7),
        measured: |results| exchanged(results, sizes::LARGEST, Figure::Rate),
    },
    Target {
        text: "roll-back: exchange of 64 B, p50, tokio ÷ legacy",
        bound: Bound::AtMost(1.05),
        measured: |results| rolled_back(results, roll_back::SMALL, Figure::P50),
    },
    Target {
        text: "roll-back: exchange of 1 MiB, rate, tokio ÷ legacy",
        bound: Bound::AtLeast(0.95),
        measured: |results| rolled_back(results, roll_back::LARGE, Figure::Rate),
    },
    Target {
        text: "roll-back: 100 connections, rate, tokio ÷ legacy",
        bound: Bound::AtLeast(0.95),
        measured: |results| rolled_back(results, roll_back::CROWD, Figure::Rate),
    },
    Target {
        text: "roll-back: 100 idle connections, server KiB, tokio ÷ legacy",
        bound: Bound::AtMost(1.1),
        measured: |results| rolled_back(results, roll_back::CROWD, Figure::ServerKib),
    },
    Target {
        text: "roll-back: 100 busy connections, server KiB, tokio ÷ legacy",
        bound: Bound::AtMost(1.1),
        measured: |results| rolled_back(results, roll_back::CROWD, Figure::BusyKib),
    },
    Target {
        text: "daemon: first byte of a command that starts it, p50 in ms",
        bound: Bound::Below(30.0),
        measured: |results| first_byte(results, first_byte::COLD),
    },
    Target {
        text: "daemon: first byte of a command while it runs, p50 in ms",
        bound: Bound::Below(1.5),
        measured: |results| first_byte(results, first_byte::WARM),
    },
    Target {
        text: "daemon: 1 GiB through a command in GB/s; this or the next line",
        bound: Bound::AtLeast(1.0),
        measured: |results| {
            let gib = results.median("output", output::CASE, DAEMON, Figure::Throughput);
            Some(gib? * GIB / 1e9)
        },
    },
    Target {
        text: "daemon: 1 GiB through a command, rate ÷ bare socket",
        bound: Bound::AtLeast(0.6),
        measured: |results| {
            let peers = [DAEMON, "std-socket"];
            results.ratio("output", output::CASE, peers, Figure::Throughput)
        },
    },
    Target {
        text: "daemon: memory while 1 GiB goes through a command, MB",
        bound: Bound::Below(8.0),
        measured: |results| results.median("output", output::CASE, DAEMON, Figure::PeakMb),
    },
    Target {
        text: "daemon: memory while it is idle, MB",
        bound: Bound::Below(5.0),
        measured: |results| daemon_memory(results, Figure::IdleMb),
    },
    Target {
        text: "daemon: memory while 100 commands write at once, MB",
        bound: Bound::Below(8.0),
        measured: |results| daemon_memory(results, Figure::PeakMb),
    },
    Target {
        text: "plugin: start to first answer without a sandbox, p50 in ms",
        bound: Bound::Below(10.0),
        measured: |results| spawned(results, plugin_spawn::START, PLUGIN),
    },
    Target {
        text: "plugin: start to first answer in a basic sandbox, p50 in ms",
        bound: Bound::Below(30.0),
        measured: |results| spawned(results, plugin_spawn::START, "linkspan-plugin-basic"),
    },
    Target {
        text: "plugin: start to first answer in a strict sandbox, p50 in ms",
        bound: Bound::Below(30.0),
        measured: |results| spawned(results, plugin_spawn::START, "linkspan-plugin-strict"),
    },
    Target {
        text: "plugin: loaded, started and answered in a strict sandbox, p50 in ms",
        bound: Bound::Below(100.0),
        measured: |results| spawned(results, plugin_spawn::LOAD, "linkspan-plugin-strict"),
    },
    Target {
        text: "plugin: one call after the other, p50 ÷ rpc over `unix:`",
        bound: Bound::AtMost(1.2),
        measured: |results| {
            let peers = [PLUGIN, "linkspan-unix"];
            results.ratio(
                "plugin-unary",
                plugin_calls::ONE_IN_FLIGHT,
                peers,
                Figure::P50,
            )
        },
    },
    Target {
        text: "plugin: one call after the other, p99 in µs",
        bound: Bound::Below(1000.0),
        measured: |results| called_one_by_one(results, Figure::P99),
    },
    Target {
        text: "plugin: one call after the other, per second",
        bound: Bound::AtLeast(10_000.0),
        measured: |results| called_one_by_one(results, Figure::Rate),
    },
    Target {
        text: "plugin: 64 calls in flight, per second",
        bound: Bound::AtLeast(100_000.0),
        measured: |results| {
            let case = plugin_calls::MANY_IN_FLIGHT;
            results.median("plugin-unary-64", case, PLUGIN, Figure::Rate)
        },
    },
    Target {
        text: "plugin: 1 GiB from a plugin in GB/s",
        bound: Bound::AtLeast(1.0),
        measured: |results| {
            let case = plugin_calls::CHUNKS;
            let gib = results.median("plugin-stream", case, PLUGIN, Figure::Throughput);
            Some(gib? * GIB / 1e9)
        },
    },
    Target {
        text: "plugin: memory of an idle one beyond a bare process's, MB",
        bound: Bound::Below(2.0),
        measured: |results| {
            let each = |peer| idle_plugin(results, peer, Figure::EachMb);
            Some(each(PLUGIN)? - each("tokio-process")?)
        },
    },
    Target {
        text: "plugin: memory of a host with 100 idle ones beyond its own, MB",
        bound: Bound::Below(100.0),
        measured: |results| idle_plugin(results, PLUGIN, Figure::HostMb),
    },
    Target {
        text: "bus: 1 to 1, messages that arrive in every round, %",
        bound: Bound::AtLeast(100.0),
        measured: |results| results.least("fan-out", &fan_out::label(1), BUS, Figure::Arrived),
    },
    Target {
        text: "bus: 1 to 1, rate ÷ NATS",
        bound: Bound::AtLeast(3.0),
        measured: |results| {
            let peers = [BUS, "nats"];
            results.ratio("fan-out", &fan_out::label(1), peers, Figure::Rate)
        },
    },
    Target {
        text: "bus: one call after the other, p50 ÷ NATS",
        bound: Bound::AtMost(0.5),
        measured: |results| called(results, 1, "nats", Figure::P50),
    },
    Target {
        text: "bus: 64 calls in flight, rate ÷ busrt",
        bound: Bound::AtLeast(2.0),
        measured: |results| called(results, 64, "busrt", Figure::Rate),
    },
    Target {
        text: "bus: memory of the broker for each idle client, kB",
        bound: Bound::AtMost(18.0),
        measured: |results| {
            let kib = results.median("bus-idle", bus_idle::CASE, BUS, Figure::ServerKib);
            Some(kib? * 1.024)
        },
    },
];

fn called(results: &Results, in_flight: usize, base: &str, figure: Figure) -> Option<f64> {
    let case = concurrency::label(in_flight);
    results.ratio("bus-call", &case, [BUS, base], figure)
}

fn rate(results: &Results, base: &str) -> Option<f64> {
    results.ratio(
        "unary-n",
        &concurrency::label(64),
        ["linkspan-unix", base],
        Figure::Rate,
    )
}

fn throughput(results: &Results, peer: &str) -> Option<f64> {
    results.ratio("stream", stream::CASE, [peer, "tokio"], Figure::Throughput)
}

fn exchanged(results: &Results, case: &str, figure: Figure) -> Option<f64> {
    results.ratio("exchange", case, ["exchange-tokio", "tokio-frames"], figure)
}

fn rolled_back(results: &Results, case: &str, figure: Figure) -> Option<f64> {
    let peers = ["exchange-tokio", "exchange-legacy"];
    results.ratio("roll-back", case, peers, figure)
}

/// In milliseconds.
fn first_byte(results: &Results, case: &str) -> Option<f64> {
    let micros = results.median("first-byte", case, DAEMON, Figure::P50);
    Some(micros? / 1e3)
}

fn daemon_memory(results: &Results, figure: Figure) -> Option<f64> {
    results.median("daemon-memory", daemon_memory::CASE, DAEMON, figure)
}

/// In milliseconds.
fn spawned(results: &Results, case: &str, peer: &str) -> Option<f64> {
    let micros = results.median("plugin-spawn", case, peer, Figure::P50);
    Some(micros? / 1e3)
}

fn called_one_by_one(results: &Results, figure: Figure) -> Option<f64> {
    let case = plugin_calls::ONE_IN_FLIGHT;
    results.median("plugin-unary", case, PLUGIN, figure)
}

fn idle_plugin(results: &Results, peer: &str, figure: Figure) -> Option<f64> {
    results.median("plugin-idle", plugin_idle::CASE, peer, figure)
}

fn slowest(results: &Results, peer: &str) -> Option<f64> {
    results.median("mixed", mixed::CASE, peer, Figure::P99)
}

const DAEMON: &str = "linkspan-daemon";
const PLUGIN: &str = "linkspan-plugin";
const BUS: &str = "linkspan-bus";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::Sample;
    use crate::results::tests::empty;
    use crate::scenarios::{ALL, Effort, USUAL};

    #[test]
    fn a_target_is_met_or_not_or_not_measured() {
        let mut results = empty();
        for (peer, rate) in [("linkspan-unix", 900.0), ("tarpc", 300.0), ("tonic", 100.0)] {
            let sample = Sample::default().with(Figure::Rate, rate);
            results.add("unary-n", "64 in flight", peer, sample);
        }
        let table = targets(&results).to_string();
        let line = |text: &str| table.lines().find(|line| line.contains(text)).unwrap();
        assert!(line("÷ tarpc").contains("3.00") && line("÷ tarpc").contains("yes"));
        assert!(line("÷ tonic").contains("9.00") && line("÷ tonic").contains("**no**"));
        assert!(line("idle").contains("not measured"));
    }

    #[test]
    fn targets_name_cases_that_exist() {
        let mut results = empty();
        let figures = [
            Figure::P50,
            Figure::P99,
            Figure::Rate,
            Figure::Throughput,
            Figure::ServerKib,
            Figure::BusyKib,
            Figure::IdleMb,
            Figure::PeakMb,
            Figure::EachMb,
            Figure::HostMb,
            Figure::Arrived,
        ];
        let sample = figures
            .into_iter()
            .fold(Sample::default(), |sample, figure| sample.with(figure, 1.0));
        let effort = Effort {
            duration: USUAL,
            is_smoke: false,
        };
        let cases = ALL
            .iter()
            .map(|scenario| (scenario.name, (scenario.cases)(effort)));
        for (scenario, case) in
            cases.flat_map(|(name, cases)| cases.into_iter().map(move |case| (name, case)))
        {
            for peer in case.peers {
                results.add(scenario, &case.label, peer, sample.clone());
            }
        }
        assert!(!targets(&results).to_string().contains("not measured"));
    }
}
