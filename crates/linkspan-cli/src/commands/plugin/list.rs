//! `linkspan plugin list`.

use clap::Args;
use linkspan::plugin::{Config, Discovery, Found, Refused};
use serde_json::{Value, json};

use crate::commands::block_on;
use crate::commands::plugin::at::At;
use crate::commands::plugin::running::{self, tell_troubles};
use crate::commands::plugin::{places, shown, with_pins};
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::PluginStatus;
use crate::output::{Output, Table};

/// List the plugins in all directories, what a node does with them, and what is wrong with others.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Take plugins that are not pinned, too, as when one is just being written.
    #[arg(long)]
    unpinned: bool,

    #[command(flatten)]
    at: At,
}

pub(super) fn run(options: &Options, config: Config, loaded: &Loaded, output: &Output) -> Result {
    let config = with_pins(config, options.unpinned);
    let discovery = Discovery::run(&config);
    block_on(async {
        let running = options.at.statuses(loaded, output).await?;
        match output.json {
            true => Ok(output.json_line(&to_json(&discovery, running.as_deref()))?),
            false => show(&discovery, running.as_deref(), &config, output),
        }
    })
}

fn show(
    discovery: &Discovery,
    running: Option<&[PluginStatus]>,
    config: &Config,
    output: &Output,
) -> Result {
    if discovery.found.is_empty() && discovery.refused.is_empty() {
        output.notice(format!("there are no plugins in {}", places(config)));
        return Ok(());
    }
    if !discovery.found.is_empty() {
        output.line(found(&discovery.found, running, output))?;
    }
    for refused in &discovery.refused {
        tell(refused, output)?;
    }
    running.map_or(Ok(()), |running| tell_troubles(running, output))
}

fn found(plugins: &[Found], running: Option<&[PluginStatus]>, output: &Output) -> Table {
    let heads = ["NAME", "VERSION", "STATE", "SANDBOX", "ASKS FOR", "FOLDER"];
    let mut table = Table::new(heads, output.style());
    for Found { path, manifest, .. } in plugins {
        let status = status_of(manifest.name.as_str(), running);
        let state = status.map_or("-", |status| status.state.as_str());
        let around = status.filter(|status| !status.processes.is_empty());
        table.row([
            manifest.name.to_string(),
            manifest.version.clone(),
            state.to_owned(),
            around.map_or_else(|| shown::sandbox(manifest.sandbox), running::sandbox),
            shown::or_none(&shown::grants(&manifest.capabilities)),
            path.display().to_string(),
        ]);
    }
    table
}

fn status_of<'a>(name: &str, running: Option<&'a [PluginStatus]>) -> Option<&'a PluginStatus> {
    running?.iter().find(|status| status.name == name)
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

fn to_json(discovery: &Discovery, running: Option<&[PluginStatus]>) -> Value {
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
        "node": running,
    })
}
