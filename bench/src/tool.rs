//! The benchmark of the program `busrt`, against busrt's own broker and against ours.
//!
//! The tool does one stage after the other and prints a table at the end. Brokers take turns; each run
//! has a fresh one. Ours has its default settings, busrt's has longer queues than by default, without
//! which it does not always get to the end.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::figures::Figure;
use crate::machine::cpu_seconds;
use crate::peers::busrt::busrt_program;
use crate::process::{Launcher, Order};
use crate::report::{Bound, Table};
use crate::results::median;
use crate::scenarios::{Setting, Work};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// How often each broker has its turn
    #[arg(long, default_value_t = 10, value_name = "N")]
    runs: usize,
    /// How often ours has to get to the end, with those runs
    #[arg(long, default_value_t = 20, value_name = "N")]
    finishes: usize,
    /// Operations of each stage, by 8 workers together
    #[arg(long, default_value_t = 200_000, value_name = "N")]
    iterations: u32,
}

/// Runs all, and prints a table.
///
/// # Errors
///
/// When ours did not get to the end each time.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(options.runs > 0, "there has to be a run");
    let mut sides = [THEIRS, OURS].map(Side::new);
    for turn in 0..options.runs {
        let [theirs, ours] = &mut sides;
        let mut order = [theirs, ours];
        order.rotate_left(turn % 2);
        for side in order {
            side.take(options.iterations);
        }
        eprintln!("run {} of {}", turn + 1, options.runs);
    }
    let table = table(&sides);
    let [_, ours] = &mut sides;
    for _ in ours.begun..options.finishes {
        ours.take(options.iterations);
        eprintln!("finish {} of {}", ours.runs.len(), ours.begun);
    }
    println!("{table}");
    for side in &sides {
        let (name, begun) = (side.broker, side.begun);
        println!(
            "{name} got to the end in {} of {begun} runs",
            side.runs.len()
        );
    }
    let [_, ours] = &sides;
    ensure!(
        ours.runs.len() == ours.begun,
        "{OURS} did not always get to the end"
    );
    Ok(())
}

/// A broker, and what became of its runs.
struct Side {
    broker: &'static str,
    begun: usize,
    /// Those that got to the end, by their number.
    runs: BTreeMap<usize, Run>,
}

impl Side {
    fn new(broker: &'static str) -> Self {
        Self {
            broker,
            begun: 0,
            runs: BTreeMap::new(),
        }
    }

    /// Has the tool run once; says why, if it does not get to the end.
    fn take(&mut self, iterations: u32) {
        match Run::take(self.broker, iterations) {
            Ok(run) => {
                self.runs.insert(self.begun, run);
            }
            Err(error) => eprintln!("{error:#}"),
        }
        self.begun += 1;
    }
}

/// What the tool says about one run.
#[derive(Debug)]
struct Run {
    /// Operations per second of each stage, in the order of [`STAGES`].
    rates: Vec<f64>,
    /// CPU time of the broker.
    cpu_seconds: f64,
}

impl Run {
    fn take(broker: &str, iterations: u32) -> Result<Self> {
        let order = Order {
            peer: broker.to_owned(),
            // As `linkspan bus serve` has by default on two processors; busrtd has threads of its own.
            setting: Setting::OneThread,
            work: Work::Nothing,
            server: None,
        };
        let server = Launcher::default().serve(&order)?;
        let listening = server.listening()?;
        let mut tool = Command::new(busrt_program("busrt")?);
        tool.arg(&listening.address)
            .args(["benchmark", "-w", "8", "-i"]);
        tool.arg(iterations.to_string()).stdin(Stdio::null());
        let output = tool.output().context("the tool cannot be started")?;
        let cpu_seconds = cpu_seconds(listening.process)?;
        server.stop()?;
        let said = String::from_utf8_lossy(&output.stdout);
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success(),
            "the tool did not get to the end with {broker}: {}\n{said}\n{complaint}",
            output.status
        );
        let rates = STAGES.iter().map(|stage| rate(&said, stage));
        Ok(Self {
            rates: rates.collect::<Result<_>>()?,
            cpu_seconds,
        })
    }
}

/// The last number in the line of a stage, which is the rate.
fn rate(said: &str, stage: &str) -> Result<f64> {
    let mut lines = said.lines().map(str::split_whitespace);
    let words = lines.find_map(|mut words| (words.next()? == stage).then(|| words.last()));
    let word = words.flatten();
    let word = word.with_context(|| format!("the tool says nothing about {stage}: {said}"))?;
    Ok(word.replace('_', "").parse()?)
}

fn table(sides: &[Side; 2]) -> Table {
    let mut table = Table::new(["stage", THEIRS, OURS, "ratio", "target", "met"]);
    for (index, stage) in STAGES.iter().enumerate() {
        let rate = |run: &Run| run.rates.get(index).copied().unwrap_or_default();
        add(&mut table, stage, sides, rate, Bound::AtLeast(0.95));
    }
    let cpu = |run: &Run| run.cpu_seconds;
    add(
        &mut table,
        "CPU s of the broker",
        sides,
        cpu,
        Bound::AtMost(0.6),
    );
    table
}

/// A line with the medians of both, and of the ratios of those turns in which both got to the end.
fn add(
    table: &mut Table,
    what: &str,
    [theirs, ours]: &[Side; 2],
    figure: impl Fn(&Run) -> f64,
    bound: Bound,
) {
    let values =
        |side: &Side| median(side.runs.values().map(&figure).collect()).unwrap_or_default();
    let both = ours
        .runs
        .iter()
        .filter_map(|(turn, ours)| Some((ours, theirs.runs.get(turn)?)));
    let ratios = both.map(|(ours, theirs)| figure(ours) / figure(theirs));
    let ratio = median(ratios.collect()).unwrap_or_default();
    let met = if bound.holds(ratio) { "yes" } else { "**no**" };
    let shown = |value| match bound {
        Bound::AtMost(_) => format!("{value:.2}"),
        _ => Figure::Rate.shown(value),
    };
    table.add([
        what.to_owned(),
        shown(values(theirs)),
        shown(values(ours)),
        format!("{ratio:.2}"),
        bound.shown(),
        met.to_owned(),
    ]);
}

const THEIRS: &str = "busrtd";
const OURS: &str = "linkspan-busrt";
/// What the tool does, in its order.
const STAGES: [&str; 7] = [
    "rpc.call",
    "rpc.call+handle",
    "rpc.call0",
    "send.qos.no",
    "send.qos.processed",
    "send+recv.qos.no",
    "send+recv.qos.processed",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_the_last_column() {
        let said = " stage       iters    secs   msecs     iters/s \n\
                    -------------------------------------------\n \
                    rpc.call    200_000  1.786  1785.7    112_000 \n \
                    rpc.call0   200_000  0.976  975.6     204_999 \n";
        assert_eq!(rate(said, "rpc.call").unwrap(), 112_000.0);
        assert_eq!(rate(said, "rpc.call0").unwrap(), 204_999.0);
        rate(said, "send.qos.no").unwrap_err();
    }
}
