//! `linkspan transport recommend`.

use clap::{Args, ValueEnum};
use linkspan::{Address, Advice, Facts, Platform, Verdict};
use serde_json::json;

use crate::config::load_text;
use crate::failure::Result;
use crate::output::{Output, Table};

/// Say which transport fits, why, and how to configure it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where client and server run.
    #[arg(long, value_enum, default_value_t)]
    ends: Ends,

    /// Operating system of the server; without it the one of this machine.
    #[arg(long, value_enum)]
    platform: Option<System>,
}

#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum Ends {
    /// In one process.
    SameProcess,
    /// In two processes of one machine.
    #[default]
    SameMachine,
    /// On two machines.
    OtherMachine,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum System {
    Linux,
    Macos,
    Bsd,
    Windows,
}

pub(crate) fn run(options: &Options, output: &Output) -> Result {
    let mut facts = Facts::this_machine();
    facts.same_process = matches!(options.ends, Ends::SameProcess);
    facts.same_machine = !matches!(options.ends, Ends::OtherMachine);
    if let Some(system) = options.platform {
        facts.platform = match system {
            System::Linux => Platform::Linux,
            System::Macos => Platform::MacOs,
            System::Bsd => Platform::Bsd,
            System::Windows => Platform::Windows,
        };
    }
    let advice = Address::choose(facts);
    if output.json {
        let advice: Vec<_> = advice
            .iter()
            .map(|advice| {
                json!({ "transport": advice.scheme, "verdict": advice.verdict.name(),
                    "reason": advice.reason, "config": config(advice) })
            })
            .collect();
        return Ok(output.json_line(&advice)?);
    }
    let mut table = Table::new(["TRANSPORT", "VERDICT", "REASON"], output.style());
    for advice in &advice {
        let verdict = advice.verdict.name().to_owned();
        table.row([
            format!("{}:", advice.scheme),
            verdict,
            advice.reason.to_owned(),
        ]);
    }
    output.line(table)?;
    let best = advice
        .first()
        .filter(|best| best.verdict != Verdict::NotSupported);
    match best.map(|best| (best, config(best))) {
        Some((_, Some(config))) => {
            output.line("\nFor linkspan.yaml:\n")?;
            for line in config.lines() {
                output.line(output.style().name(line))?;
            }
        }
        Some((best, None)) => {
            output.line(format_args!(
                "\n{}: is not in this version yet.",
                best.scheme
            ))?;
        }
        None => {}
    }
    Ok(())
}

/// The lines for the configuration, if this version understands them.
fn config(advice: &Advice) -> Option<&'static str> {
    let file = Some(("advice.yaml".as_ref(), advice.config.to_owned()));
    load_text(file, std::iter::empty())
        .ok()
        .map(|_| advice.config)
}
