//! Plugins as people and programs see them.

use std::time::Duration;

use linkspan::plugin::{Grant, Limits, Manifest, Refusal, SandboxLevel};
use serde_json::{Value, json};

use crate::config::Span;

/// All that a manifest says, for programs.
pub(super) fn manifest(manifest: &Manifest) -> Value {
    json!({
        "name": manifest.name.as_str(),
        "version": manifest.version,
        "description": manifest.description,
        "license": manifest.license,
        "homepage": manifest.homepage,
        "language": manifest.language,
        "protocol": { "min": manifest.protocol.min, "max": manifest.protocol.max },
        "entry": {
            "file": manifest.entry.file.as_str(),
            "interpreter": manifest.entry.interpreter,
            "arguments": manifest.entry.arguments,
        },
        "methods": methods(manifest),
        "events": { "in": manifest.events.incoming, "out": manifest.events.outgoing },
        "capabilities": grants(&manifest.capabilities),
        "limits": limits(&manifest.limits),
        "sandbox": manifest.sandbox.name(),
        "instances": manifest.instances,
        "restart": {
            "policy": manifest.restart.policy.name(),
            "backoff_ms": millis(manifest.restart.backoff),
            "max_backoff_ms": millis(manifest.restart.max_backoff),
            "max_crashes": manifest.restart.max_crashes,
            "crash_window_ms": millis(manifest.restart.crash_window),
        },
        "ready_timeout_ms": millis(manifest.ready_timeout),
        "reattach": manifest.reattach,
    })
}

fn methods(manifest: &Manifest) -> Value {
    let methods = manifest.methods.iter().map(|(name, method)| {
        let schema = |text: &Option<String>| {
            let text = text.as_deref();
            text.and_then(|text| serde_json::from_str::<Value>(text).ok())
        };
        let method = json!({
            "description": method.description,
            "input": schema(&method.input),
            "output": schema(&method.output),
            "pure": method.is_pure,
            "idempotent": method.is_idempotent,
        });
        (name.clone(), method)
    });
    Value::Object(methods.collect())
}

fn limits(limits: &Limits) -> Value {
    json!({
        "max_memory_mb": limits.max_memory_mb,
        "max_cpu_cores": limits.max_cpu_cores,
        "max_disk_mb": limits.max_disk_mb,
        "max_processes": limits.max_processes,
        "max_files": limits.max_files,
    })
}

pub(super) fn grants(grants: &[Grant]) -> Vec<String> {
    grants.iter().map(Grant::to_string).collect()
}

/// The limits that a manifest names, in its own words.
pub(super) fn limits_text(limits: &Limits) -> String {
    let whole = |number: Option<u32>| number.map(|number| number.to_string());
    let named = [
        ("max_memory_mb", whole(limits.max_memory_mb)),
        (
            "max_cpu_cores",
            limits.max_cpu_cores.map(|cores| cores.to_string()),
        ),
        ("max_disk_mb", whole(limits.max_disk_mb)),
        ("max_processes", whole(limits.max_processes)),
        ("max_files", whole(limits.max_files)),
    ];
    let named = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", value?)));
    or_none(&named.collect::<Vec<_>>())
}

/// The least level at which a plugin runs, and what that means if it is none.
pub(super) fn sandbox(level: SandboxLevel) -> String {
    match level {
        SandboxLevel::None => "none: trusted as you are".to_owned(),
        level => level.name().to_owned(),
    }
}

pub(super) fn or_none(words: &[String]) -> String {
    match words {
        [] => "-".to_owned(),
        words => words.join(", "),
    }
}

pub(super) fn span(duration: Duration) -> String {
    Span(duration).to_string()
}

/// Why a plugin is not taken, with all causes.
pub(super) fn reason(refusal: &Refusal) -> String {
    let mut text = refusal.to_string();
    let mut cause = std::error::Error::source(refusal);
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
