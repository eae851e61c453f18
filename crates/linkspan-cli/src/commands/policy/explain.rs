//! `linkspan policy explain`.

use clap::Args;
use serde_json::json;

use crate::commands::policy::Question;
use crate::config::Loaded;
use crate::failure::Result;
use crate::output::Output;

/// Say step by step why somebody may do something, or may not; what would permit it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    question: Question,
}

pub(super) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let question = &options.question;
    let decision = question.decide(loaded)?;
    let authorization = &loaded.config.security.authorization;
    let plugins = &loaded.config.plugins;
    let roles = authorization.roles_of(plugins, &question.principal, &question.role);
    let missing = format!("{}:{}", question.action, question.resource);
    if output.json {
        return Ok(output.json_line(&json!({
            "permitted": decision.permitted,
            "reason": decision.rule.name(),
            "rule": decision.rule.to_string(),
            "roles": roles,
            "conditions": authorization.asked_conditions(),
            "owner_may_all": authorization.owner_may_all,
            "missing": (!decision.permitted).then_some(&missing),
        }))?);
    }
    let verdict = if decision.permitted { "yes" } else { "no" };
    output.line(format_args!("{verdict}: {}", decision.rule))?;
    match roles.is_empty() {
        true => output.line(format_args!("{} has no role", question.principal))?,
        false => {
            for (role, rights) in roles {
                output.line(format_args!("role {role}: {}", rights.join(", ")))?;
            }
        }
    }
    match authorization.asked_conditions() {
        Some(folder) => output.line(format_args!("conditions: {}", folder.display()))?,
        None => output.line(format_args!("no conditions are asked"))?,
    }
    if !decision.permitted {
        output.notice(format!(
            "the right {missing} in one of the roles would permit it"
        ));
    }
    Ok(())
}
