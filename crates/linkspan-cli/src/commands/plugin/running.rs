//! Plugins that run, as people see them.

use std::time::Duration;

use crate::commands::plugin::shown::or_none;
use crate::failure::Result;
use crate::node::{PluginProcess, PluginStatus};
use crate::output::{Output, Table, bytes, count, plain, since};

/// The plugins of a node, with one line for each.
pub(crate) fn table(plugins: &[PluginStatus], output: &Output) -> Table {
    let heads = [
        "PLUGIN",
        "VERSION",
        "STATE",
        "FOR",
        "SANDBOX",
        "PROCESSES",
        "READY",
        "CALLS",
        "RESTARTS",
        "MEMORY",
    ];
    let mut table = Table::new(heads, output.style());
    for plugin in plugins {
        let processes = &plugin.processes;
        let ready = processes.iter().filter(|process| process.is_ready).count();
        let memory = processes.iter().filter_map(|process| process.memory_bytes);
        let calls = processes.iter().map(|process| process.calls).sum();
        table.row([
            plugin.name.clone(),
            plugin.version.clone().unwrap_or_else(|| "-".to_owned()),
            plugin.state.clone(),
            age(plugin),
            sandbox(plugin),
            processes.len().to_string(),
            ready.to_string(),
            count(calls),
            count(plugin.restarts),
            memory
                .reduce(u64::saturating_add)
                .map_or_else(|| "-".to_owned(), bytes),
        ]);
    }
    table.right(&[5, 6, 7, 8, 9])
}

fn age(plugin: &PluginStatus) -> String {
    match plugin.processes.is_empty() && plugin.version.is_none() {
        true => "-".to_owned(),
        false => since(Duration::from_millis(plugin.for_ms)),
    }
}

/// Why plugins do not run, or not as they should; one paragraph for each.
pub(crate) fn tell_troubles(plugins: &[PluginStatus], output: &Output) -> Result {
    let style = output.style();
    for plugin in plugins {
        let name = style.name(&plugin.name);
        if let Some(reason) = &plugin.reason {
            let (title, reason) = (style.error("does not run:"), style.warning(reason));
            output.line(format_args!("{title} {name}: {reason}"))?;
        }
        for line in &plugin.last_words {
            output.line(format_args!("  {} {}", style.dim("stderr:"), plain(line)))?;
        }
        if let Some(remedy) = &plugin.remedy {
            output.line(format_args!(
                "  {} {}",
                style.hint("hint:"),
                style.dim(remedy)
            ))?;
        }
        let mut unready = plugin.processes.iter().filter(|process| !process.is_ready);
        if let Some(process) = unready.next().filter(|_| plugin.is_running()) {
            let reason = style.warning(&process.not_ready_because);
            output.line(format_args!(
                "{} {name}: {reason}",
                style.error("not ready:")
            ))?;
        }
    }
    Ok(())
}

/// What has become of a plugin.
pub(super) fn tell(plugin: &PluginStatus, output: &Output) -> Result {
    let style = output.style();
    let version = plugin.version.as_deref().unwrap_or_default();
    let staying = plugin
        .processes
        .iter()
        .filter(|process| !process.is_stopping);
    let pids = staying.map(|process| process.pid.to_string());
    let pids = pids.collect::<Vec<_>>().join(", ");
    let details = match pids.is_empty() {
        true => String::new(),
        false => format!(", sandbox {}, as process {pids}", sandbox(plugin)),
    };
    let name = style.good(&plugin.name);
    output.line(format_args!(
        "{name} {version} is {}{details}",
        plugin.state
    ))?;
    tell_troubles(std::slice::from_ref(plugin), output)
}

/// The level of sandbox that is really around all of its processes, and what that means if there is
/// none.
pub(super) fn sandbox(plugin: &PluginStatus) -> String {
    let levels = plugin
        .processes
        .iter()
        .map(|process| process.sandbox.as_str());
    let strength = |level: &&str| {
        ["none", "basic", "strict"]
            .iter()
            .position(|one| one == level)
    };
    levels
        .min_by_key(strength)
        .map_or_else(|| "-".to_owned(), sandbox_of)
}

fn sandbox_of(level: &str) -> String {
    match level {
        "none" => "none: trusted like the user".to_owned(),
        level => level.to_owned(),
    }
}

/// What a node does with a plugin.
pub(super) fn facts(plugin: &PluginStatus) -> Table {
    let mut facts = Table::of_facts();
    facts.fact(
        "state",
        format_args!("{}, for {}", plugin.state, age(plugin)),
    );
    facts.fact("granted", or_none(&plugin.granted));
    facts.fact("not granted", or_none(&plugin.withheld));
    facts.fact("restarts", count(plugin.restarts));
    for process in &plugin.processes {
        facts.fact("process", self::process(process));
        facts.fact("confined", sandbox_of(&process.sandbox));
        for weakness in &process.weaknesses {
            facts.fact("", weakness);
        }
    }
    facts
}

/// A process of a plugin, in one line.
fn process(process: &PluginProcess) -> String {
    let up = since(Duration::from_millis(process.uptime_ms));
    let state = match (process.is_stopping, process.is_ready) {
        (true, _) => "stopping",
        (_, true) => "ready",
        _ => "not ready",
    };
    let memory = process
        .memory_bytes
        .map(|memory| format!(", {}", bytes(memory)));
    format!(
        "{}, {state}, up for {up}, {} of {} calls under way{}",
        process.pid,
        process.in_flight,
        count(process.calls),
        memory.unwrap_or_default()
    )
}
