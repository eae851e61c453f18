//! `cargo xtask windows`: the tests, built for Windows and run under Wine.

mod outcome;

use anyhow::Result;

use crate::cross::{self, Cross, Standard, WINDOWS, Wine};
use crate::shell;
use crate::steps::Steps;
use crate::windows::outcome::Outcome;

/// Build the tests for Windows and run them under Wine
///
/// The first time, a second compiler and Wine are fetched and std is built: some minutes. Needs
/// Debian on amd64, and root where a package is missing. What Wine cannot do is listed at the end:
/// tests name it by lines that begin with "gap: ".
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub(crate) struct Options {
    /// Run only tests whose name contains this
    #[arg(long, value_name = "NAME")]
    filter: Option<String>,
    /// Set up what is missing, and build nothing
    #[arg(long, conflicts_with_all = ["filter", "no_run"])]
    setup_only: bool,
    /// Build the tests, and run none
    #[arg(long, conflicts_with = "filter")]
    no_run: bool,
    #[command(flatten)]
    directory: cross::Directory,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut steps = Steps::new();
    let (cross, wine) = steps.step("Toolchain and Wine", cross::REMEDY, || {
        let cross = Cross::set_up(&options.directory, &[(WINDOWS, Standard::Complete)])?;
        let wine = cross.wine()?;
        Ok((cross, wine))
    })?;
    if !options.setup_only {
        let remedy = "what does not compile on Windows is named above";
        steps.step("Tests, built", remedy, || build(&cross))?;
    }
    if !options.setup_only && !options.no_run {
        let remedy = "run the test that is named above by `cargo xtask windows --filter NAME`";
        let filter = options.filter.as_deref();
        steps.step("Tests, run under Wine", remedy, || {
            test(&cross, &wine, filter)?.conclude()
        })?;
    }
    steps.report("all well");
    Ok(())
}

fn build(cross: &Cross) -> Result<()> {
    // Tests start some of them as programs, and these are what no test builds.
    shell::run(cross.cargo().arg("build").args(EXAMPLES))?;
    shell::run(cross.cargo().args(["test", "--no-run"]).args(TESTS))
}

fn test(cross: &Cross, wine: &Wine, filter: Option<&str>) -> Result<Outcome> {
    let mut cargo = cross.cargo();
    wine.start()?;
    wine.choose(&mut cargo);
    if shell::has_nextest() {
        cargo.args(["nextest", "run", "--profile", PROFILE]);
        let report = shell::root().join(REPORT);
        Outcome::of_nextest(cargo.args(TESTS).args(filter), &report)
    } else {
        let shown = ["--", "--show-output"];
        cargo.arg("test");
        Outcome::of_cargo(cargo.args(TESTS).args(filter).args(shown))
    }
}

const EXAMPLES: [&str; 6] = [
    "--target",
    WINDOWS,
    "--all-features",
    "--examples",
    "--package=linkspan",
    "--package=linkspan-os",
];
/// All tests of the crates that Windows programs use, but for those in documentation.
const TESTS: [&str; 12] = [
    "--target",
    WINDOWS,
    "--all-features",
    "--lib",
    "--tests",
    "--package=linkspan",
    "--package=linkspan-cli",
    "--package=linkspan-macros",
    "--package=linkspan-os",
    "--package=linkspan-proto",
    "--package=linkspan-test",
    "--no-fail-fast",
];
/// In .config/nextest.toml: patient, and with a report of all that was printed.
const PROFILE: &str = "windows";
const REPORT: &str = "target/nextest/windows/junit.xml";
