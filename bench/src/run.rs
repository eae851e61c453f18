//! A run: all scenarios, round by round, with the peers taking turns.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;

use crate::machine::Machine;
use crate::peer::Place;
use crate::peers::{self, Entry};
use crate::process::{Launcher, Order};
use crate::report;
use crate::results::Results;
use crate::scenarios::{self, Case, Effort, Scenario, USUAL};

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Only sees whether everything works: raw sockets and ours, one short round, no documents
    #[arg(long)]
    smoke: bool,
    /// Only these peers [default: all]
    #[arg(long, num_args = 1.., value_name = "NAME")]
    peer: Vec<String>,
    /// Only these scenarios [default: all]
    #[arg(long, num_args = 1.., value_name = "NAME")]
    scenario: Vec<String>,
    /// How often each peer has its turn [default: 7, or 1 with --smoke]
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// How long a sample takes; streams are shortened in proportion [default: 0.5]
    #[arg(long, value_name = "S")]
    seconds: Option<f64>,
    /// Does not write docs/benchmarks.md
    #[arg(long)]
    no_docs: bool,
    /// Writes everything that was measured
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let chosen = options.scenarios()?;
    options.check()?;
    let machine = Machine::look()?;
    let mut out = io::stdout();
    writeln!(out, "{}", report::machine_line(&machine))?;
    let mut results = Results::new(machine, options.rounds(), options.duration()?.as_secs_f64());
    options.ask(&chosen, &mut results)?;
    for scenario in chosen {
        options.take(scenario, &mut results)?;
        writeln!(
            out,
            "\n{}\n\n{}",
            scenario.title,
            report::table(scenario, &results)
        )?;
    }
    if let Some(path) = &options.json {
        let text = serde_json::to_string(&results)?;
        fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    if options.smoke {
        return Ok(());
    }
    writeln!(out, "\nTargets\n\n{}", report::targets(&results))?;
    options.write_documents(&results)
}

impl Options {
    /// Has programs that were brought along say what they are, and says which were not.
    fn ask(&self, scenarios: &[&Scenario], results: &mut Results) -> Result<()> {
        let effort = self.effort()?;
        let cases: Vec<_> = scenarios
            .iter()
            .flat_map(|scenario| (scenario.cases)(effort))
            .collect();
        for entry in peers::ALL {
            let is_in = |case: &Case| case.peers.contains(&entry.name);
            if !self.wants(entry.name) || !cases.iter().any(is_in) {
                continue;
            }
            if let Some(obstacle) = entry.obstacle() {
                writeln!(io::stdout(), "{} is left out: {obstacle}", entry.name)?;
            }
            let Some(brought) = &entry.brought else {
                continue;
            };
            if brought.is_here() {
                let directory = tempfile::tempdir()?;
                let version = (brought.version)(&Place::new(directory.path()));
                results.brought.push(version.context(entry.name)?);
            } else {
                let (name, variable) = (entry.name, brought.variable);
                writeln!(io::stdout(), "{name} is left out: {variable} is not set")?;
            }
        }
        Ok(())
    }

    /// Takes all samples of a scenario.
    ///
    /// Every second round has the peers in reverse, so that none always follows the same one.
    fn take(&self, scenario: &Scenario, results: &mut Results) -> Result<()> {
        let effort = self.effort()?;
        for round in 0..self.rounds() {
            for case in (scenario.cases)(effort) {
                progress(&format!(
                    "round {} of {}: {}, {}",
                    round + 1,
                    self.rounds(),
                    scenario.name,
                    case.label
                ));
                self.take_turns(round, scenario, &case, results)?;
            }
        }
        progress("");
        Ok(())
    }

    /// Takes one sample of each peer.
    fn take_turns(
        &self,
        round: usize,
        scenario: &Scenario,
        case: &Case,
        results: &mut Results,
    ) -> Result<()> {
        let mut turns: Vec<_> = case.peers.iter().filter(|name| self.has(name)).collect();
        if round % 2 == 1 {
            turns.reverse();
        }
        for &peer in turns {
            let (setting, work) = (case.setting, case.work.clone());
            let order = Order {
                peer: peer.to_owned(),
                setting,
                work,
                server: None,
            };
            let sample = Launcher::default().sample(order);
            let sample = sample.with_context(|| format!("{}, {}", scenario.name, case.label))?;
            results.add(scenario.name, &case.label, peer, sample);
        }
        Ok(())
    }

    fn rounds(&self) -> usize {
        self.rounds.unwrap_or(if self.smoke { 1 } else { ROUNDS })
    }

    fn effort(&self) -> Result<Effort> {
        Ok(Effort {
            duration: self.duration()?,
            is_smoke: self.smoke,
        })
    }

    fn duration(&self) -> Result<Duration> {
        let usual = if self.smoke { SMOKE } else { USUAL };
        let duration = self
            .seconds
            .map_or(Ok(usual), Duration::try_from_secs_f64)?;
        ensure!(
            SMOKE <= duration && duration <= LONGEST,
            "a sample takes 0.03 to 20 seconds"
        );
        Ok(duration)
    }

    fn scenarios(&self) -> Result<Vec<&'static Scenario>> {
        for name in &self.scenario {
            let names: Vec<_> = scenarios::ALL
                .iter()
                .map(|scenario| scenario.name)
                .collect();
            ensure!(
                names.contains(&name.as_str()),
                "no scenario is called {name:?}; there are {}",
                names.join(", ")
            );
        }
        let is_chosen = |name: &str| {
            self.scenario.is_empty() || self.scenario.iter().any(|chosen| chosen == name)
        };
        let all = scenarios::ALL.iter().copied();
        Ok(all.filter(|scenario| is_chosen(scenario.name)).collect())
    }

    fn check(&self) -> Result<()> {
        for name in &self.peer {
            let missing = peers::named(name)?.brought.as_ref();
            if let Some(brought) = missing.filter(|brought| !brought.is_here()) {
                bail!("{name} cannot take part: {} is not set", brought.variable);
            }
            if let Some(obstacle) = peers::named(name)?.obstacle() {
                bail!("{name} cannot take part: {obstacle}");
            }
        }
        ensure!(self.rounds() > 0, "there has to be a round");
        ensure!(
            self.rounds() >= ROUNDS || !self.writes_documents(),
            "{} rounds are too few for docs/benchmarks.md, which needs {ROUNDS}; use --no-docs",
            self.rounds()
        );
        Ok(())
    }

    /// Whether a peer is here and takes part.
    fn has(&self, name: &str) -> bool {
        self.wants(name) && peers::named(name).is_ok_and(Entry::is_here)
    }

    /// Whether a peer takes part if it is here.
    fn wants(&self, name: &str) -> bool {
        let ours = ["linkspan", "exchange", "std", "tokio", "echo"];
        let is_ours = ours.iter().any(|ours| name.starts_with(ours));
        let is_chosen = self.peer.is_empty() || self.peer.iter().any(|chosen| chosen == name);
        is_chosen && (is_ours || !self.smoke)
    }

    /// Only of a whole run: tables with holes would be worse than old ones.
    fn write_documents(&self, results: &Results) -> Result<()> {
        if !self.writes_documents() {
            writeln!(io::stdout(), "\ndocs/benchmarks.md is left as it is")?;
            return Ok(());
        }
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        report::write(&directory, results)
    }

    fn writes_documents(&self) -> bool {
        let is_whole = self.peer.is_empty() && self.scenario.is_empty() && cfg!(feature = "peers");
        is_whole && !self.smoke && !self.no_docs
    }
}

/// Shows what is going on, on a terminal in one line.
fn progress(line: &str) {
    let mut error = io::stderr().lock();
    let shown = if error.is_terminal() {
        write!(error, "\r\x1b[K{line}").and_then(|()| error.flush())
    } else {
        Ok(())
    };
    // A terminal that has gone away is no reason to stop.
    shown.ok();
}

/// Rounds whose median is worth a document.
const ROUNDS: usize = 7;
const SMOKE: Duration = Duration::from_millis(30);
const LONGEST: Duration = Duration::from_secs(20);
