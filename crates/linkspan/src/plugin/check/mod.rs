//! Whether a plugin keeps to the protocol, in whatever language it is written.
//!
//! ```text
//!  Verified ──► Check ──► a process for each clause ──► Outcome: kept, broken or skipped ──► Report
//!                         a host that also says what no host says
//! ```
//!
//! Each [`Clause`] is a sentence of docs/protocol.md that is tried out with a process of its own, by a
//! host that says what the clause is about, right or wrong, and looks what comes of it. All that
//! plugins send is looked at besides: numbers, credit, and what may come on which stream. Every process
//! is in a sandbox, every wait has a limit, and no process is left, whatever a plugin does.
//!
//! Of a plugin's own methods only those are called that its manifest declares pure, and the one that
//! [`Config::call`] names; clauses that need more are skipped, and say so.
//!
//! # Examples
//!
//! ```no_run
//! use linkspan::plugin::check::{Check, Clause, Config};
//! use linkspan::plugin::{self, Pins, Verified};
//!
//! # async fn check() -> Result<(), Box<dyn std::error::Error>> {
//! let mut config = plugin::Config::default();
//! config.pins = Pins::Optional;
//! let verified = Verified::open("./greeter".as_ref(), &config)?;
//! let mut check = Check::new(&verified, Config::default())?;
//! let report = check.run(Clause::all(), |outcome| println!("{}", outcome.clause.name())).await?;
//! for broken in report.broken() {
//!     println!("{}: {:?}", broken.clause.name(), broken.verdict);
//! }
//! # Ok(())
//! # }
//! ```

mod answer;
mod bench;
mod clause;
mod clauses;
mod config;
mod error;
mod frame;
mod ledger;
mod methods;
mod observed;
mod offer;
mod outcome;
mod pack;
mod pipe;
mod stop;
mod subject;
mod talk;

pub use clause::Clause;
pub use config::Config;
pub use error::CheckError;
pub use methods::Call;
pub use outcome::{Outcome, Report, Verdict};

use crate::plugin::Verified;
use crate::plugin::check::bench::Bench;
use crate::plugin::check::stop::Stop;
use crate::plugin::host::launch::{Copies, Image};

/// Tries out whether a plugin keeps to the protocol.
#[derive(Debug)]
pub struct Check {
    bench: Bench,
}

impl Check {
    /// Prepares a plugin to be tried out, as it is now; it reads all of its files, and blocks
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`CheckError::Start`]: its files were changed since they were verified, or there is no place
    /// for a copy of them.
    pub fn new(verified: &Verified, config: Config) -> Result<Self, CheckError> {
        let copies = Copies::open(config.copies.as_deref())?;
        let image = Image::prepare(verified, &copies)?;
        let bench = Bench::new(image, verified.manifest().clone(), config);
        Ok(Self { bench })
    }

    /// Tries clauses out, one after the other, and tells `each` of every outcome as it comes.
    ///
    /// # Errors
    ///
    /// [`CheckError`], if not even that is possible; what a plugin does wrong is in the report.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the process that runs is ended with all that it started, and the
    /// outcomes up to then have been told.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime with time and I/O.
    pub async fn run(
        &mut self,
        clauses: impl IntoIterator<Item = &'static Clause>,
        mut each: impl FnMut(&Outcome),
    ) -> Result<Report, CheckError> {
        let mut report = Report::default();
        for clause in clauses {
            let verdict = match (clause.trial)(&mut self.bench).await {
                Ok(()) => Verdict::Kept,
                Err(Stop::Broken { expected, found }) => Verdict::Broken { expected, found },
                Err(Stop::Skipped(why)) => Verdict::Skipped { why },
                Err(Stop::Failed(error)) => return Err(error),
            };
            let said = match &verdict {
                Verdict::Broken { .. } => self.bench.last_lines(),
                _ => Vec::new(),
            };
            let outcome = Outcome {
                clause,
                verdict,
                said,
            };
            each(&outcome);
            report.outcomes.push(outcome);
        }
        Ok(report)
    }
}
