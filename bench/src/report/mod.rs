//! What a person reads: tables, targets, plots, and the document that holds them.

mod document;
mod plot;
mod plots;
mod table;
mod targets;

use crate::machine::Machine;
use crate::results::Results;
use crate::scenarios::{Case, Effort, Scenario, USUAL};

pub(crate) use self::document::write;
pub(crate) use self::table::Table;
pub(crate) use self::targets::{Bound, targets};

/// Where a run takes place, in one line.
pub(crate) fn machine_line(machine: &Machine) -> String {
    format!(
        "{}, {} cores, {:.0} GiB, Linux {}, {}, linkspan at {}; load {:.2} before the run",
        machine.processor,
        machine.cores,
        machine.memory_gib,
        machine.kernel,
        machine.rustc,
        machine.commit,
        machine.load,
    )
}

/// The table of a scenario: medians, and ratios to other peers that took part.
pub(crate) fn table(scenario: &Scenario, results: &Results) -> Table {
    let has_base = |base: &str| {
        let mut cases = cases(scenario).into_iter();
        cases.any(|case| results.has(scenario.name, &case.label, base))
    };
    let ratios: Vec<_> = scenario
        .ratios
        .iter()
        .filter(|(_, base)| has_base(base))
        .collect();
    let mut head = vec![String::new(), "peer".to_owned()];
    head.extend(
        scenario
            .figures
            .iter()
            .map(|figure| figure.title().to_owned()),
    );
    head.extend(
        ratios
            .iter()
            .map(|(figure, base)| format!("{} ÷ {base}", figure.title())),
    );
    let mut table = Table::new(head);
    for case in cases(scenario) {
        let mut label = case.label.as_str();
        for peer in case
            .peers
            .iter()
            .filter(|&&peer| results.has(scenario.name, &case.label, peer))
        {
            let mut row = vec![label.to_owned(), (*peer).to_owned()];
            row.extend(scenario.figures.iter().map(|&figure| {
                let value = results.median(scenario.name, &case.label, peer, figure);
                value.map_or_else(String::new, |value| figure.shown(value))
            }));
            row.extend(ratios.iter().map(|&&(figure, base)| {
                let value = results.ratio(scenario.name, &case.label, [peer, base], figure);
                value.map_or_else(String::new, |value| format!("{value:.2}"))
            }));
            table.add(row);
            label = "";
        }
    }
    table
}

/// The variants of a scenario, for their labels.
fn cases(scenario: &Scenario) -> Vec<Case> {
    (scenario.cases)(Effort {
        duration: USUAL,
        is_smoke: false,
    })
}
