//! What the commands print, for people and as JSON.

use std::fmt::Write;

use linkspan::plugin::host::{Applied, InstanceStatus, Status};
use procwatch::wire::{Event, Kind, Process, Rule, Task};
use serde_json::{Value, json};

use crate::Failure;
use crate::cli::{Sort, Top};
use crate::house::House;

/// An event on a line.
pub(crate) fn line(event: &Event, is_json: bool) -> Result<String, Failure> {
    if is_json {
        return Ok(serde_json::to_string(event)? + "\n");
    }
    let Process {
        pid, parent, name, ..
    } = &event.process;
    let what = match (event.kind, &event.rule) {
        (Kind::Started, _) => format!("started  {name} ({pid}), child of {parent}"),
        (Kind::Ended, _) => format!("ended    {name} ({pid})"),
        (Kind::Alert, rule) => {
            let rule = rule.as_deref().unwrap_or("a rule");
            let memory = mebibytes(event.process.memory_kib);
            let percent = event.process.cpu_percent;
            format!("alert    {name} ({pid}) fits {rule}: {percent} % cpu, {memory} MiB")
        }
    };
    Ok(format!("{} {what}\n", time_of_day(event.at_ms)))
}

/// The processes that use most.
pub(crate) async fn top(house: &House, options: &Top, is_json: bool) -> Result<String, Failure> {
    let mut processes = house.tasks.find(Rule::default()).await?.processes;
    match options.sort {
        Sort::Cpu => processes.sort_by_key(|it| (it.cpu_percent, it.memory_kib)),
        Sort::Memory => processes.sort_by_key(|it| (it.memory_kib, it.cpu_percent)),
    }
    let header = if is_json { "" } else { HEADER };
    let mut text = header.to_owned();
    for process in processes.iter().rev().take(options.count) {
        text += &match is_json {
            true => serde_json::to_string(process)? + "\n",
            false => row(process),
        };
    }
    Ok(text)
}

fn row(process: &Process) -> String {
    let Process {
        pid,
        parent,
        name,
        cpu_percent,
        memory_kib,
    } = process;
    let memory = mebibytes(*memory_kib);
    format!("{pid:>8} {parent:>8} {cpu_percent:>5} {memory:>9}  {name}\n")
}

/// The rules that somebody watches, each with the number of its task.
pub(crate) fn rules(house: &House, is_json: bool) -> String {
    let mut text = String::new();
    for Task { id, rules, .. } in house.tasks.standing() {
        for rule in rules {
            let rule = rule.to_string();
            text += &match is_json {
                true => format!("{}\n", json!({ "task": id, "rule": rule })),
                false => format!("{id:>4}  {rule}\n"),
            };
        }
    }
    text
}

/// How daemon and collector are doing.
pub(crate) async fn status(house: &House, is_json: bool) -> Result<String, Failure> {
    let processes = house.tasks.find(Rule::default()).await?.examined;
    let standing = house.tasks.standing();
    let rules: usize = standing.iter().map(|task| task.rules.len()).sum();
    let collector = house.collector.status();
    let daemon = std::process::id();
    if is_json {
        let collector = json!({
            "state": collector.state.name(),
            "restarts": collector.restarts,
            "process": collector.instances.first().map(process),
        });
        let all = json!({
            "pid": daemon, "collector": collector, "processes": processes, "rules": rules,
        });
        return Ok(format!("{all}\n"));
    }
    let Status {
        state, restarts, ..
    } = &collector;
    let mut text = format!("daemon     process {daemon}\n");
    writeln!(text, "collector  {state}, restarts: {restarts}")?;
    for InstanceStatus { pid, applied, .. } in &collector.instances {
        let Applied { level, .. } = applied;
        writeln!(
            text,
            "           process {pid} in a sandbox of level {level}"
        )?;
        for weakness in &applied.weaknesses {
            writeln!(text, "           {weakness}")?;
        }
    }
    writeln!(text, "processes  {processes}\nrules      {rules}")?;
    Ok(text)
}

fn process(instance: &InstanceStatus) -> Value {
    let Applied {
        level, weaknesses, ..
    } = &instance.applied;
    let weaknesses: Vec<_> = weaknesses.iter().map(ToString::to_string).collect();
    json!({
        "pid": instance.pid,
        "ready": instance.ready.ready,
        "level": level.to_string(),
        "weaknesses": weaknesses,
    })
}

/// With one digit behind the point.
fn mebibytes(kibibytes: u64) -> String {
    format!("{}.{}", kibibytes / 1024, kibibytes % 1024 * 10 / 1024)
}

/// UTC, so that nothing has to know of time zones.
fn time_of_day(at_ms: u64) -> String {
    let seconds = at_ms / 1000 % 86_400;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    format!("{hours:02}:{minutes:02}:{:02}Z", seconds % 60)
}

const HEADER: &str = "     PID   PARENT  CPU%       MIB  NAME\n";
