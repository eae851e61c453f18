//! The plots: which figures of a run they show.

use std::path::Path;

use anyhow::Result;
use plotters::prelude::SeriesLabelPosition;

use crate::figures::Figure;
use crate::report::plot::{Axis, COLOURS, Line, Plot};
use crate::results::Results;
use crate::scenarios::concurrency::{IN_FLIGHT, label};
use crate::scenarios::sizes::SIZES;
use crate::scenarios::unary::ANY_CORE;

/// Draws all plots into a directory; gives the scenario and the file of each.
pub(crate) fn write(directory: &Path, results: &Results) -> Result<Vec<(String, String)>> {
    let mut written = Vec::new();
    for (scenario, file, plot) in plots(results)? {
        if plot.lines.is_empty() {
            continue;
        }
        plot.draw(&directory.join(file))?;
        written.push((scenario.to_owned(), file.to_owned()));
    }
    Ok(written)
}

fn plots(results: &Results) -> Result<[(&'static str, &'static str, Plot); 4]> {
    Ok([
        ("unary", "latency.svg", latency(results)?),
        ("unary-n", "concurrency.svg", by_concurrency(results)),
        (
            "sizes",
            "sizes.svg",
            by_size(results, "sizes", "Rate by the size of bodies"),
        ),
        (
            "exchange",
            "exchange.svg",
            by_size(results, "exchange", "Exchanges by the size of messages"),
        ),
    ])
}

fn latency(results: &Results) -> Result<Plot> {
    let mut lines = Vec::new();
    for &(peer, _) in COLOURS
        .iter()
        .filter(|(peer, _)| results.has("unary", ANY_CORE, peer))
    {
        let latencies = results.latencies("unary", ANY_CORE, peer)?;
        // The quantile 1 - 1/x from the median on, as far as ten calls are slower.
        let deepest = (latencies.count() as f64 / 10.0).min(10_000.0);
        let steps = (0..).map(|step| 2.0 * 10_f64.powf(f64::from(step) / 20.0));
        let steps = steps.take_while(|&x| x <= deepest);
        lines.push((
            peer,
            steps
                .map(|x| (x, latencies.quantile(1.0 - 1.0 / x)))
                .collect(),
        ));
    }
    let ticks = vec![
        (2.0, "50 %".to_owned()),
        (10.0, "90 %".to_owned()),
        (100.0, "99 %".to_owned()),
        (1000.0, "99.9 %".to_owned()),
        (10_000.0, "99.99 %".to_owned()),
    ];
    let x = Axis {
        title: "part of the calls that is at least as quick",
        ticks,
    };
    Ok(Plot {
        title: "Latency of one call after the other",
        x,
        y: "µs",
        lines,
        legend: SeriesLabelPosition::UpperLeft,
    })
}

fn by_concurrency(results: &Results) -> Plot {
    let cases = IN_FLIGHT.map(|in_flight| (in_flight, label(in_flight)));
    let ticks = IN_FLIGHT
        .map(|in_flight| (in_flight as f64, in_flight.to_string()))
        .into();
    Plot {
        title: "Rate by the number of calls in flight",
        x: Axis {
            title: "calls in flight",
            ticks,
        },
        y: "calls per second",
        lines: rates(results, "unary-n", &cases),
        legend: SeriesLabelPosition::UpperLeft,
    }
}

fn by_size(results: &Results, scenario: &str, title: &'static str) -> Plot {
    let cases = SIZES.map(|(bytes, label)| (bytes, label.to_owned()));
    let ticks = SIZES
        .map(|(bytes, label)| (bytes as f64, label.to_owned()))
        .into();
    Plot {
        title,
        x: Axis {
            title: "size in each direction",
            ticks,
        },
        y: "calls per second",
        lines: rates(results, scenario, &cases),
        legend: SeriesLabelPosition::LowerLeft,
    }
}

fn rates(results: &Results, scenario: &str, cases: &[(usize, String)]) -> Vec<Line> {
    let line = |&(peer, _): &(&'static str, _)| {
        let points = cases.iter().filter_map(|(x, case)| {
            Some((
                *x as f64,
                results.median(scenario, case, peer, Figure::Rate)?,
            ))
        });
        (peer, points.collect::<Vec<_>>())
    };
    COLOURS
        .iter()
        .map(line)
        .filter(|(_, points)| !points.is_empty())
        .collect()
}
