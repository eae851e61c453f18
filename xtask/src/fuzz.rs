//! `cargo xtask fuzz`: libFuzzer on stable Rust.
//!
//! The workspace `fuzz/` holds one program around the targets of `linkspan_test::fuzz`. It is built
//! with coverage instrumentation by plain rustc flags, so neither cargo-fuzz nor a nightly compiler
//! is needed, only a C++ compiler for libFuzzer itself.
//!
//! | folder | holds |
//! |---|---|
//! | `fuzz/corpus/TARGET` | the stored corpus: seeds of every run, replayed by the ordinary tests |
//! | `fuzz/corpus-new/TARGET` | what runs on this machine have found; not committed |
//! | `fuzz/artifacts/TARGET` | inputs that broke a property; not committed |

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// Looks for inputs that break a property of the protocol.
///
/// Builds the fuzzer (libFuzzer on stable Rust; needs a C++ compiler) and runs targets with it, each
/// from its stored corpus and from what earlier runs on this machine found. An input that breaks a
/// property is kept as an artifact, and the command that repeats it is printed.
#[derive(Debug, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct Options {
    /// Target to run, or "all" for one after another
    #[arg(required_unless_present = "list")]
    target: Option<String>,
    /// Time for each target, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Run for a few seconds only, to see that the targets work
    #[arg(long, conflicts_with = "seconds")]
    smoke: bool,
    /// Run one input instead of looking for new ones
    #[arg(long, value_name = "FILE", conflicts_with_all = ["smoke", "merge"])]
    input: Option<PathBuf>,
    /// Afterwards, replace the stored corpus by the inputs that cover most of the code found so far
    #[arg(long)]
    merge: bool,
    /// List the targets
    #[arg(long)]
    list: bool,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let targets = targets()?;
    let Some(name) = options.target.as_deref().filter(|_| !options.list) else {
        println!("{}", targets.join("\n"));
        return Ok(());
    };
    let chosen: Vec<&String> = targets
        .iter()
        .filter(|target| name == "all" || name == *target)
        .collect();
    ensure!(
        !chosen.is_empty(),
        "no fuzz target {name:?}; there are: {}",
        targets.join(", ")
    );
    let program = build()?;
    for target in chosen {
        let fuzzer = Fuzzer::new(&program, target);
        match &options.input {
            Some(input) => fuzzer.repeat(input)?,
            None => fuzzer.fuzz(if options.smoke {
                SMOKE_SECONDS
            } else {
                options.seconds
            })?,
        }
        if options.merge {
            fuzzer.merge()?;
        }
    }
    Ok(())
}

/// Names of the targets: each has a stored corpus.
fn targets() -> Result<Vec<String>> {
    let names = names(&fuzz_dir().join("corpus"))?;
    Ok(names.into_iter().collect())
}

/// Builds the fuzzer; gives the path of the program.
fn build() -> Result<PathBuf> {
    let host = host_triple()?;
    // With a target triple given, cargo leaves build scripts and macros uninstrumented.
    let mut command = shell::cargo();
    command
        .args(["build", "--release", "--manifest-path", "fuzz/Cargo.toml"])
        .args(["--target-dir", "fuzz/target", "--target", &host])
        .env("RUSTFLAGS", FLAGS.join(" "));
    shell::run(&mut command)?;
    let built = fuzz_dir().join("target").join(host).join("release");
    Ok(built.join("linkspan-fuzz"))
}

fn host_triple() -> Result<String> {
    let output = shell::program("rustc")
        .arg("-vV")
        .output()
        .context("cannot start rustc")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc -vV names no host")?.to_owned())
}

/// The fuzzer, set up for one target.
struct Fuzzer<'a> {
    program: &'a Path,
    target: &'a str,
    stored: PathBuf,
    working: PathBuf,
    artifacts: PathBuf,
}

impl<'a> Fuzzer<'a> {
    fn new(program: &'a Path, target: &'a str) -> Self {
        let place = |folder: &str| fuzz_dir().join(folder).join(target);
        Self {
            program,
            target,
            stored: place("corpus"),
            working: place("corpus-new"),
            artifacts: place("artifacts"),
        }
    }

    /// Looks for new inputs.
    fn fuzz(&self, seconds: u64) -> Result<()> {
        fs::create_dir_all(&self.working)?;
        fs::create_dir_all(&self.artifacts)?;
        let before = names(&self.artifacts)?;
        let mut command = self.command();
        command
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-artifact_prefix={}/", self.artifacts.display()))
            .args([&self.working, &self.stored]);
        let result = shell::run(&mut command);
        for name in names(&self.artifacts)?.difference(&before) {
            let path = self.artifacts.join(name);
            let path = path.strip_prefix(shell::root()).unwrap_or(&path).display();
            eprintln!("finding: {path}");
            eprintln!("repeat:  cargo xtask fuzz {} --input {path}", self.target);
        }
        result
    }

    /// Runs one input.
    fn repeat(&self, input: &Path) -> Result<()> {
        ensure!(input.is_file(), "no input {}", input.display());
        shell::run(self.command().arg(std::path::absolute(input)?))
    }

    /// Replaces the stored corpus by the inputs that cover most of what all known inputs cover.
    fn merge(&self) -> Result<()> {
        let merged = self.working.with_extension("merged");
        if merged.exists() {
            fs::remove_dir_all(&merged)?;
        }
        fs::create_dir_all(&merged)?;
        let mut command = self.command();
        // How often code ran is left out: the corpus stays small and reaches the same code.
        command
            .args(["-set_cover_merge=1", "-use_counters=0"])
            .args([&merged, &self.stored, &self.working]);
        shell::run(&mut command)?;
        keep_oldest(&merged, MAX_STORED_INPUTS)?;
        if names(&merged)?.is_empty() {
            bail!("merging the corpus of {} left nothing", self.target);
        }
        fs::remove_dir_all(&self.stored)?;
        fs::rename(&merged, &self.stored).context("cannot move the merged corpus")
    }

    fn command(&self) -> Command {
        let mut command = shell::program(&self.program.to_string_lossy());
        command
            .env("LINKSPAN_FUZZ_TARGET", self.target)
            .args(LIMITS);
        command
    }
}

fn fuzz_dir() -> PathBuf {
    shell::root().join("fuzz")
}

/// Names of what is in a folder.
fn names(folder: &Path) -> Result<BTreeSet<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    entries
        .map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Removes all files but the oldest: a merge writes the input that covers most first, then the one
/// that adds most.
fn keep_oldest(folder: &Path, count: usize) -> Result<()> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        files.push((entry.metadata()?.modified()?, entry.path()));
    }
    files.sort();
    for (_, path) in files.iter().skip(count) {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// Coverage counters, tables of the code and of comparisons, for libFuzzer; assertions for us.
const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "--cfg=fuzzing",
    "-Cdebug-assertions",
    "-Ccodegen-units=1",
];
/// Inputs longer than this find nothing that shorter ones do not, and slowly; a second is a hundred
/// times what the slowest input needs.
const LIMITS: &[&str] = &[
    "-max_len=4096",
    "-timeout=5",
    "-rss_limit_mb=1024",
    "-print_final_stats=1",
];
const SMOKE_SECONDS: u64 = 5;
/// Few enough to be read in a review and replayed in a second.
const MAX_STORED_INPUTS: usize = 256;
