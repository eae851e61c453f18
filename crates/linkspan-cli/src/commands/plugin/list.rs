//! `linkspan plugin list`.

use clap::Args;
use linkspan::plugin::{Config, Discovery, Found, Refused};
use serde_json::{Value, json};

use crate::commands::plugin::{places, shown, with_pins};
use crate::failure::Result;
use crate::output::{Output, Table};

/// List the plugins in all directories: those that can be taken, and the others with what is wrong.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Take plugins that are not pinned, too, as when one is just being written.
    #[arg(long)]
    unpinned: bool,
}

pub(super) fn run(options: &Options, config: Config, output: &Output) -> Result {
    let config = with_pins(config, options.unpinned);
    let discovery = Discovery::run(&config);
    if output.json {
        return Ok(output.json_line(&to_json(&discovery))?);
    }
    if discovery.found.is_empty() && discovery.refused.is_empty() {
        output.notice(format!("there are no plugins in {}", places(&config)));
        return Ok(());
    }
    if !discovery.found.is_empty() {
        output.line(found(&discovery.found, output))?;
    }
    for refused in &discovery.refused {
        tell(refused, output)?;
    }
    Ok(())
}

fn found(plugins: &[Found], output: &Output) -> Table {
    let heads = ["NAME", "VERSION", "SANDBOX", "ASKS FOR", "FOLDER"];
    let mut table = Table::new(heads, output.style());
    for Found { path, manifest, .. } in plugins {
        table.row([
            manifest.name.to_string(),
            manifest.version.clone(),
            shown::sandbox(manifest.sandbox),
            shown::or_none(&shown::grants(&manifest.capabilities)),
            path.display().to_string(),
        ]);
    }
    table
}

fn tell(refused: &Refused, output: &Output) -> Result {
    let style = output.style();
    let path = style.name(refused.path.display().to_string());
    let reason = style.warning(shown::reason(&refused.reason));
    output.line(format_args!(
        "{} {path}: {reason}",
        style.error("not taken:")
    ))?;
    if let Some(remedy) = refused.reason.remedy() {
        output.line(format_args!(
            "  {} {}",
            style.hint("hint:"),
            style.dim(remedy)
        ))?;
    }
    Ok(())
}

fn to_json(discovery: &Discovery) -> Value {
    let found = discovery.found.iter().map(|found| {
        json!({
            "name": found.manifest.name.as_str(),
            "version": found.manifest.version,
            "path": found.path,
            "sandbox": found.manifest.sandbox.name(),
            "capabilities": shown::grants(&found.manifest.capabilities),
            "pinned": found.is_pinned,
            "digest": found.digest.to_string(),
        })
    });
    let refused = discovery.refused.iter().map(|refused| {
        json!({
            "path": refused.path,
            "name": refused.name.as_ref().map(ToString::to_string),
            "reason": shown::reason(&refused.reason),
            "remedy": refused.reason.remedy(),
        })
    });
    json!({
        "found": found.collect::<Vec<_>>(),
        "refused": refused.collect::<Vec<_>>(),
        "missing": discovery.missing,
    })
}
