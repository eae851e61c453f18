//! `cargo xtask arch`: the invariants of ARCHITECTURE.md, each with checks that hold it.
//!
//! The checks read the tree, not the compiler's mind: names are resolved by the imports of their
//! file, and what a macro makes is not seen. What clippy, rustc and tests hold better is left to
//! them; then the check makes sure that they are asked.

mod bounds;
mod capability;
mod conditions;
mod document;
mod features;
mod finding;
mod input;
mod layout;
mod paths;
mod platform;
mod public;
mod purity;
mod secrets;
pub(crate) mod source;
pub(crate) mod tree;
mod unsafety;
mod wire;

use anyhow::{Result, ensure};

use crate::arch::finding::{Finding, Weight};
use crate::arch::tree::Tree;

/// One group of checks.
pub(crate) struct Check {
    /// The invariant in ARCHITECTURE.md; none for the shape of the tree itself.
    invariant: Option<u8>,
    /// Its file's name, by which ARCHITECTURE.md refers to it.
    name: &'static str,
    run: fn(&Tree) -> Vec<Finding>,
}

/// Check the invariants of ARCHITECTURE.md
#[derive(Debug, clap::Args)]
pub(crate) struct Options {}

pub(crate) fn run(_options: &Options) -> Result<()> {
    let tree = Tree::load()?;
    let mut violations = 0;
    for check in CHECKS {
        for finding in (check.run)(&tree) {
            println!("{}", finding.line_for(check));
            violations += usize::from(finding.weight == Weight::Violation);
        }
    }
    ensure!(
        violations == 0,
        "the tree breaks {violations} rules of ARCHITECTURE.md"
    );
    println!("{} groups of checks, no violation", CHECKS.len());
    Ok(())
}

const fn invariant(number: u8, name: &'static str, run: fn(&Tree) -> Vec<Finding>) -> Check {
    Check {
        invariant: Some(number),
        name,
        run,
    }
}

const fn shape(name: &'static str, run: fn(&Tree) -> Vec<Finding>) -> Check {
    Check {
        invariant: None,
        name,
        run,
    }
}

const CHECKS: &[Check] = &[
    invariant(1, "purity", purity::check),
    invariant(2, "unsafety", unsafety::check),
    invariant(3, "platform", platform::check),
    invariant(4, "capability", capability::check),
    invariant(5, "wire", wire::check),
    invariant(6, "bounds", bounds::check),
    invariant(7, "features", features::check),
    invariant(8, "public", public::check),
    invariant(9, "input", input::check),
    invariant(10, "secrets", secrets::check),
    shape("layout", layout::check),
    shape("document", document::check),
];
