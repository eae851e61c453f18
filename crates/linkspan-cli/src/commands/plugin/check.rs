//! `linkspan plugin check NAME|DIR`.

use std::time::Duration;

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use linkspan::plugin::check::{Call, Check, CheckError, Clause, Outcome, Report, Verdict};
use linkspan::plugin::{Config, Manifest, SandboxLevel, Verified, check};
use linkspan::units::nearest;
use serde_json::{Value, json};

use crate::commands::block_on;
use crate::commands::plugin::{folder, with_pins};
use crate::config::Span;
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, Table, counted, plain};

/// Try out whether a plugin, in whatever language, keeps to the protocol, clause by clause.
///
/// It need not be pinned. A process of it is started for each clause, in a sandbox and without any
/// rights. Of its own methods only those are called that its manifest declares pure, and that of --call.
/// The exit code is 1 if it breaks a clause.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The plugin's name, or its folder.
    #[arg(value_name = "NAME|DIR", required_unless_present = "list")]
    plugin: Option<String>,

    /// Only this clause; may be given several times.
    #[arg(long = "clause", value_name = "NAME")]
    clauses: Vec<String>,

    /// List the clauses, and try none of them out.
    #[arg(long, conflicts_with = "clauses")]
    list: bool,

    /// The least that is around it; where its manifest asks for more, that holds.
    #[arg(long, value_name = "LEVEL", default_value = "basic")]
    sandbox: Level,

    /// A call that takes longer than a second and does no harm: it is cancelled, and made many times at
    /// once.
    #[arg(long, num_args = 2, value_names = ["METHOD", "JSON"])]
    call: Vec<String>,

    /// How long an answer is waited for.
    #[arg(long, value_name = "TIME", default_value = "10s")]
    timeout: Span,

    /// What is added to the times of the protocol, for a machine that is busy.
    #[arg(long, value_name = "TIME", default_value = "1s")]
    slack: Span,
}

/// How much is around a plugin.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Level {
    /// Nothing more than its manifest asks for.
    None,
    /// It does not see other processes, other plugins and the host's sockets.
    Basic,
    /// It has nothing but what it was granted.
    Strict,
}

pub(super) fn run(options: &Options, config: Config, output: &Output) -> Result {
    let clauses = clauses(&options.clauses)?;
    let Some(plugin) = options.plugin.as_ref().filter(|_| !options.list) else {
        return list(output);
    };
    let config = with_pins(config, true);
    let path = folder(plugin, &config)?;
    let verified = Verified::open(&path, &config)?;
    let mut settings = check::Config::default();
    settings.sandbox = options.sandbox.into();
    (settings.timeout, settings.slack) = (options.timeout.0, options.slack.0);
    settings.call = call(&options.call)?;
    let mut check = Check::new(&verified, settings)?;
    let progress = progress(clauses.len(), output);
    block_on(async {
        let mut told = Ok(());
        let each = |outcome: &Outcome| {
            progress.inc(1);
            if !output.json && told.is_ok() {
                told = progress.suspend(|| tell(outcome, output));
            }
        };
        let report = check.run(clauses, each).await;
        progress.finish_and_clear();
        told?;
        conclude(&report?, verified.manifest(), output)
    })
}

/// The clauses of these names; all if there are none.
fn clauses(names: &[String]) -> Result<Vec<&'static Clause>> {
    if names.is_empty() {
        return Ok(Clause::all().collect());
    }
    let named = names.iter().map(|name| {
        Clause::named(name).ok_or_else(|| {
            let known: Vec<_> = Clause::all().map(Clause::name).collect();
            let hint = match nearest(name, &known) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => "`linkspan plugin check --list` lists them".to_owned(),
            };
            Failure::message(Kind::Usage, format!("there is no clause {name}")).hint(hint)
        })
    });
    named.collect()
}

/// The call that is named, if one is.
fn call(named: &[String]) -> Result<Option<Call>> {
    let [method, parameters] = named else {
        return Ok(None);
    };
    let wrong = |error: &dyn std::fmt::Display| {
        let message = format!("the parameters of --call are not JSON: {error}");
        Failure::message(Kind::Usage, message)
            .hint(r#"as in --call greeter.wait '{"seconds": 60}'"#)
    };
    let parameters: Value = serde_json::from_str(parameters).map_err(|error| wrong(&error))?;
    let call = Call::new(method, &parameters);
    call.map(Some).map_err(|error| wrong(&error))
}

fn list(output: &Output) -> Result {
    if output.json {
        let clauses: Vec<_> = Clause::all().map(facts).collect();
        return Ok(output.json_line(&json!({ "clauses": clauses }))?);
    }
    let mut table = Table::new(["CLAUSE", "SECTION", ""], output.style());
    for clause in Clause::all() {
        table.row([clause.name(), clause.section(), clause.rule()].map(str::to_owned));
    }
    Ok(output.line(table)?)
}

/// What waits before the eyes of whoever waits with it.
fn progress(clauses: usize, output: &Output) -> ProgressBar {
    let target = match output.json {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let clauses = u64::try_from(clauses).ok();
    let bar = ProgressBar::with_draw_target(clauses, target);
    let bar = match ProgressStyle::with_template("{bar:40} {pos} of {len} clauses") {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    };
    bar.enable_steady_tick(TICK);
    bar
}

/// A line for each clause, and what is wrong below it.
fn tell(outcome: &Outcome, output: &Output) -> Result {
    let style = output.style();
    let clause = outcome.clause;
    let name = format!("{:NAME_CHARS$} {:5}", clause.name(), clause.section());
    match &outcome.verdict {
        Verdict::Broken { expected, found } => {
            output.line(format_args!(
                "{}  {name} {}",
                style.error("FAIL"),
                clause.rule()
            ))?;
            output.line(format_args!("      expected: {}", plain(expected)))?;
            output.line(format_args!("      found:    {}", style.warning(found)))?;
            for line in &outcome.said {
                output.line(format_args!("      stderr:   {}", style.dim(line)))?;
            }
        }
        Verdict::Skipped { why } => {
            output.line(format_args!(
                "{}  {name} {}",
                style.warning("skip"),
                style.dim(why)
            ))?;
        }
        _ => output.line(format_args!(
            "{}  {name} {}",
            style.good("ok  "),
            clause.rule()
        ))?,
    }
    Ok(())
}

fn conclude(report: &Report, manifest: &Manifest, output: &Output) -> Result {
    let (all, broken) = (report.outcomes.len(), report.broken().count());
    let skipped = report.skipped().count();
    if output.json {
        output.json_line(&json!({
            "name": manifest.name.as_str(),
            "version": manifest.version,
            "conformant": report.is_conformant(),
            "clauses": report.outcomes.iter().map(to_json).collect::<Vec<_>>(),
        }))?;
    } else {
        let kept = all - broken - skipped;
        output.notice(format!(
            "{} keeps to {kept} of {}, {skipped} skipped",
            manifest.name,
            counted(u64::try_from(all).unwrap_or(u64::MAX), "clause"),
        ));
    }
    if report.is_conformant() {
        return Ok(());
    }
    let broken = counted(u64::try_from(broken).unwrap_or(u64::MAX), "clause");
    let message = format!("{} breaks {broken} of the protocol", manifest.name);
    Err(Failure::message(Kind::Other, message).hint("docs/protocol.md has the sections"))
}

fn to_json(outcome: &Outcome) -> Value {
    let mut told = facts(outcome.clause);
    let verdict = match &outcome.verdict {
        Verdict::Kept => json!({ "verdict": "kept" }),
        Verdict::Broken { expected, found } => json!({
            "verdict": "broken",
            "expected": expected,
            "found": found,
            "stderr": outcome.said,
        }),
        Verdict::Skipped { why } => json!({ "verdict": "skipped", "why": why }),
        _ => json!({}),
    };
    if let (Value::Object(told), Value::Object(verdict)) = (&mut told, verdict) {
        told.extend(verdict);
    }
    told
}

fn facts(clause: &Clause) -> Value {
    json!({ "clause": clause.name(), "section": clause.section(), "rule": clause.rule() })
}

impl From<Level> for SandboxLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::None => Self::None,
            Level::Basic => Self::Basic,
            Level::Strict => Self::Strict,
        }
    }
}

impl From<CheckError> for Failure {
    fn from(error: CheckError) -> Self {
        let hint = match &error {
            CheckError::Start(error) => error.hint(),
            _ => None,
        };
        let failure = Self::new(Kind::Other, error);
        match hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

/// How long the names of clauses are at most.
const NAME_CHARS: usize = 24;
const TICK: Duration = Duration::from_millis(200);
const EXAMPLES: &str = "Examples:
  linkspan plugin check ./greeter
  linkspan plugin check ./greeter --clause busy --clause cancel
  linkspan plugin check ./greeter --call greeter.wait '{\"seconds\": 60}'";
