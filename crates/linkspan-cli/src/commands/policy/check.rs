//! `linkspan policy check`.

use clap::Args;
use serde_json::json;

use crate::commands::policy::Question;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Say whether somebody may do something: exit code 0 if so, 5 if not.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    question: Question,
}

pub(super) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let question = &options.question;
    let decision = question.decide(loaded)?;
    if output.json {
        let rule = decision.rule.to_string();
        output.json_line(&json!({
            "principal": question.principal,
            "action": question.action.as_str(),
            "resource": question.resource,
            "permitted": decision.permitted,
            "reason": decision.rule.name(),
            "rule": rule,
        }))?;
    }
    if !decision.permitted {
        let message = format!(
            "{} may not {}: {}",
            question.principal,
            question.access(),
            decision.rule
        );
        return Err(Failure::message(Kind::Refused, message)
            .hint("`linkspan policy explain` with the same words tells what would permit it"));
    }
    if !output.json {
        output.line(format_args!("permitted: {}", decision.rule))?;
    }
    Ok(())
}
