//! What a run measured, and how rounds become one number.

use anyhow::Result;
use serde::Serialize;

use crate::figures::{Figure, Latencies, Sample};
use crate::machine::Machine;

/// Everything that a run measured.
#[derive(Debug, Serialize)]
pub(crate) struct Results {
    pub(crate) machine: Machine,
    pub(crate) rounds: usize,
    pub(crate) seconds: f64,
    /// What the programs are that were brought along.
    pub(crate) brought: Vec<String>,
    series: Vec<Series>,
}

/// The samples of one peer in one case, one for each round.
#[derive(Debug, Serialize)]
struct Series {
    scenario: String,
    case: String,
    peer: String,
    samples: Vec<Sample>,
}

impl Results {
    pub(crate) fn new(machine: Machine, rounds: usize, seconds: f64) -> Self {
        Self {
            machine,
            rounds,
            seconds,
            brought: Vec::new(),
            series: Vec::new(),
        }
    }

    /// Adds the sample of a round.
    pub(crate) fn add(&mut self, scenario: &str, case: &str, peer: &str, sample: Sample) {
        if let Some(index) = self.index(scenario, case, peer)
            && let Some(series) = self.series.get_mut(index)
        {
            series.samples.push(sample);
            return;
        }
        self.series.push(Series {
            scenario: scenario.to_owned(),
            case: case.to_owned(),
            peer: peer.to_owned(),
            samples: vec![sample],
        });
    }

    /// Whether a peer took part in a case.
    pub(crate) fn has(&self, scenario: &str, case: &str, peer: &str) -> bool {
        self.index(scenario, case, peer).is_some()
    }

    /// The median of a peer's rounds.
    pub(crate) fn median(
        &self,
        scenario: &str,
        case: &str,
        peer: &str,
        figure: Figure,
    ) -> Option<f64> {
        median(self.values(scenario, case, peer, figure).collect())
    }

    /// The least of a peer's rounds, for what has to hold in each.
    pub(crate) fn least(
        &self,
        scenario: &str,
        case: &str,
        peer: &str,
        figure: Figure,
    ) -> Option<f64> {
        let values = self.values(scenario, case, peer, figure);
        values.min_by(f64::total_cmp)
    }

    /// The median of the ratios of two peers, round by round: what disturbs a round disturbs both.
    pub(crate) fn ratio(
        &self,
        scenario: &str,
        case: &str,
        [peer, base]: [&str; 2],
        figure: Figure,
    ) -> Option<f64> {
        let values = self.values(scenario, case, peer, figure);
        let bases = self.values(scenario, case, base, figure);
        median(
            values
                .zip(bases)
                .map(|(value, base)| value / base)
                .collect(),
        )
    }

    /// The latencies of all of a peer's rounds.
    pub(crate) fn latencies(&self, scenario: &str, case: &str, peer: &str) -> Result<Latencies> {
        Latencies::merged(self.samples(scenario, case, peer))
    }

    fn values(
        &self,
        scenario: &str,
        case: &str,
        peer: &str,
        figure: Figure,
    ) -> impl Iterator<Item = f64> {
        let samples = self.samples(scenario, case, peer).iter();
        samples.filter_map(move |sample| sample.figures.get(&figure).copied())
    }

    fn samples(&self, scenario: &str, case: &str, peer: &str) -> &[Sample] {
        let series = self
            .index(scenario, case, peer)
            .and_then(|index| self.series.get(index));
        series.map_or(&[], |series| &series.samples)
    }

    fn index(&self, scenario: &str, case: &str, peer: &str) -> Option<usize> {
        let wanted = [scenario, case, peer];
        self.series.iter().position(|series| {
            [&series.scenario, &series.case, &series.peer].map(String::as_str) == wanted
        })
    }
}

/// The middle value; of two middle ones, their mean.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get(values.len().checked_sub(1)? / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn empty() -> Results {
        Results::new(Machine::look().unwrap(), 7, 0.5)
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![]), None);
        assert_eq!(median(vec![3.0]), Some(3.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![9.0, 1.0, 2.0, 4.0]), Some(3.0));
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let mut results = empty();
        for (ours, theirs) in [(2.0, 1.0), (30.0, 10.0), (8.0, 2.0)] {
            let sample = |value| Sample::default().with(Figure::P50, value);
            results.add("unary", "any core", "ours", sample(ours));
            results.add("unary", "any core", "theirs", sample(theirs));
        }
        let median = results.median("unary", "any core", "ours", Figure::P50);
        assert_eq!(median, Some(8.0));
        let ratio = results.ratio("unary", "any core", ["ours", "theirs"], Figure::P50);
        assert_eq!(ratio, Some(3.0));
        assert_eq!(
            results.ratio("unary", "any core", ["ours", "tonic"], Figure::P50),
            None
        );
    }
}
