//! `linkspan plugin inspect NAME|DIR`.

use std::path::Path;
use std::slice;

use clap::Args;
use linkspan::plugin::{Config, Manifest, Refusal, Verified};
use serde_json::json;

use crate::commands::block_on;
use crate::commands::plugin::at::At;
use crate::commands::plugin::{folder, running, shown, with_pins};
use crate::config::Loaded;
use crate::failure::Result;
use crate::node::PluginStatus;
use crate::output::{Output, Table, bytes, counted, json};

/// Show what a plugin says of itself, what it asks for, whether it can be taken, and what a node does
/// with it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The plugin's name, or its folder.
    #[arg(value_name = "NAME|DIR")]
    plugin: String,

    /// Take it if it is not pinned, too.
    #[arg(long)]
    unpinned: bool,

    #[command(flatten)]
    at: At,
}

pub(super) fn run(options: &Options, config: Config, loaded: &Loaded, output: &Output) -> Result {
    let config = with_pins(config, options.unpinned);
    let path = folder(&options.plugin, &config)?;
    let manifest = Manifest::read(&path, &config)?;
    let verified = Verified::open(&path, &config);
    block_on(async {
        let statuses = options.at.statuses(loaded, output).await?;
        let mut statuses = statuses.unwrap_or_default().into_iter();
        let running = statuses.find(|status| is_it(status, &manifest, &path));
        show(&manifest, &path, &verified, running.as_ref(), output)
    })
}

/// Whether a node runs the plugin in this folder.
fn is_it(status: &PluginStatus, manifest: &Manifest, path: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().ok();
    let is_there = |other: &String| real(other.as_ref()) == real(path);
    status.name == manifest.name.as_str() && status.path.as_ref().is_none_or(is_there)
}

fn show(
    manifest: &Manifest,
    path: &Path,
    verified: &std::result::Result<Verified, Refusal>,
    running: Option<&PluginStatus>,
    output: &Output,
) -> Result {
    if output.json {
        let mut told = shown::manifest(manifest);
        json::add(&mut told, "path", path.display().to_string());
        json::add(&mut told, "verification", verification(verified));
        json::add(
            &mut told,
            "node",
            serde_json::to_value(running).unwrap_or_default(),
        );
        return Ok(output.json_line(&told)?);
    }
    output.line(facts(manifest))?;
    if !manifest.methods.is_empty() {
        output.line("")?;
        output.line(methods(manifest, output))?;
    }
    output.line("")?;
    match verified {
        Ok(verified) => taken(verified, output)?,
        Err(refusal) => refused(refusal, output)?,
    }
    let Some(running) = running else {
        return Ok(());
    };
    output.line("")?;
    output.line(running::facts(running))?;
    running::tell_troubles(slice::from_ref(running), output)
}

fn verification(verified: &std::result::Result<Verified, Refusal>) -> serde_json::Value {
    match verified {
        Ok(verified) => {
            let files = verified.files().map(|(path, file)| {
                let digest = file.digest.to_string();
                json!({ "path": path.as_str(), "sha256": digest, "bytes": file.length })
            });
            json!({
                "taken": true,
                "pinned": verified.is_pinned(),
                "digest": verified.digest().to_string(),
                "files": files.collect::<Vec<_>>(),
            })
        }
        Err(refusal) => json!({
            "taken": false,
            "reason": shown::reason(refusal),
            "remedy": refusal.remedy(),
        }),
    }
}

fn facts(manifest: &Manifest) -> Table {
    let mut facts = Table::of_facts();
    facts.fact("name", &manifest.name);
    facts.fact("version", &manifest.version);
    for (name, text) in [
        ("description", &manifest.description),
        ("license", &manifest.license),
        ("homepage", &manifest.homepage),
        ("language", &manifest.language),
    ] {
        if let Some(text) = text {
            facts.fact(name, text);
        }
    }
    let entry = &manifest.entry;
    let words = entry.interpreter.iter().cloned();
    let words = words
        .chain([entry.file.to_string()])
        .chain(entry.arguments.iter().cloned());
    facts.fact("runs", words.collect::<Vec<_>>().join(" "));
    facts.fact("protocol", manifest.protocol);
    facts.fact("hears", shown::or_none(&manifest.events.incoming));
    facts.fact("tells", shown::or_none(&manifest.events.outgoing));
    facts.fact(
        "asks for",
        shown::or_none(&shown::grants(&manifest.capabilities)),
    );
    facts.fact("limits", shown::limits_text(&manifest.limits));
    facts.fact("sandbox", shown::sandbox(manifest.sandbox));
    facts.fact("instances", manifest.instances);
    let restart = &manifest.restart;
    let pauses = [restart.backoff, restart.max_backoff, restart.crash_window].map(shown::span);
    let [first, longest, window] = pauses;
    facts.fact(
        "restart",
        format_args!(
            "{}, after {first} to {longest}, given up after {} within {window}",
            restart.policy.name(),
            counted(restart.max_crashes.into(), "failure"),
        ),
    );
    facts.fact("ready within", shown::span(manifest.ready_timeout));
    let reattach = if manifest.reattach { "yes" } else { "no" };
    facts.fact("outlives its host", reattach);
    facts
}

fn methods(manifest: &Manifest, output: &Output) -> Table {
    let mut table = Table::new(
        ["METHOD", "REPEATABLE", "INPUT", "OUTPUT", ""],
        output.style(),
    );
    for (name, method) in &manifest.methods {
        let repeatable = match (method.is_pure, method.is_idempotent) {
            (true, _) => "pure",
            (_, true) => "idempotent",
            _ => "no",
        };
        let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        table.row([
            name.clone(),
            repeatable.to_owned(),
            text(&method.input),
            text(&method.output),
            method.description.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn taken(verified: &Verified, output: &Output) -> Result {
    let length = verified.files().map(|(_, file)| file.length).sum();
    let count = u64::try_from(verified.files().count()).unwrap_or(u64::MAX);
    let pinned = if verified.is_pinned() {
        "pinned"
    } else {
        "not pinned"
    };
    let files = counted(count, "file");
    let digest = verified.digest();
    let good = output.style().good("verified:");
    Ok(output.line(format_args!(
        "{good} {files}, {}, {pinned}, {digest}",
        bytes(length)
    ))?)
}

fn refused(refusal: &Refusal, output: &Output) -> Result {
    let style = output.style();
    let reason = shown::reason(refusal);
    output.line(format_args!(
        "{} {}",
        style.error("not taken:"),
        style.warning(reason)
    ))?;
    if let Some(remedy) = refusal.remedy() {
        output.line(format_args!(
            "{} {}",
            style.hint("hint:"),
            style.dim(remedy)
        ))?;
    }
    Ok(())
}
