//! What is told of plugins.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use linkspan::plugin::LogValue;
use linkspan::plugin::host::{Followed, InstanceStatus, LogEntry, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A plugin that a node runs, or should run.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PluginStatus {
    /// Its name.
    pub(crate) name: String,
    /// How far it has come: `created`, `starting`, `running`, `stopping`, `stopped`, `failed`, `crashed`;
    /// `refused` if it is not taken, or may not be one more.
    pub(crate) state: String,
    /// For how long, in milliseconds.
    pub(crate) for_ms: u64,
    /// Whether the node starts it by itself, as its configuration says.
    pub(crate) wanted: bool,
    /// Its version; unknown if it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<String>,
    /// Its folder; unknown if it is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) path: Option<String>,
    /// What tells the files that run from every other state of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<String>,
    /// Why it does not run, with all causes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    /// What can be done about that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remedy: Option<String>,
    /// What it last wrote to its standard error before it ended by itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) last_words: Vec<String>,
    /// How often processes of it were started again because they ended by themselves.
    pub(crate) restarts: u64,
    /// When the next process is started again, in milliseconds from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next_start_ms: Option<u64>,
    /// What it asks for and was granted.
    pub(crate) granted: Vec<String>,
    /// What it asks for and was not granted.
    pub(crate) withheld: Vec<String>,
    /// Its processes.
    pub(crate) processes: Vec<PluginProcess>,
}

/// A process of a plugin.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
pub(crate) struct PluginProcess {
    /// Which one it is, from 0 on.
    pub(crate) instance: u32,
    /// Its process id.
    pub(crate) pid: u32,
    /// Time since it was ready first, in milliseconds.
    pub(crate) uptime_ms: u64,
    /// Whether it is being stopped.
    pub(crate) is_stopping: bool,
    /// Whether it can do its work, as it says itself.
    pub(crate) is_ready: bool,
    /// Why not; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) not_ready_because: String,
    /// Calls that it was given.
    pub(crate) calls: u64,
    /// Those that it has not answered.
    pub(crate) in_flight: u32,
    /// The level of the sandbox that is really around it: `none`, `basic`, `strict`. At `none` it is
    /// trusted like the node's user.
    pub(crate) sandbox: String,
    /// Where that is weaker than it could be.
    pub(crate) weaknesses: Vec<String>,
    /// Its memory, with that of all it has started, in bytes; where it was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory_bytes: Option<u64>,
    /// Processor time of them, in milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cpu_ms: Option<u64>,
}

/// Something of a plugin's log.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct LogLine {
    /// When it was received, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Which process of the plugin said it, from 0 on.
    pub(crate) instance: u32,
    /// Where: `stdout`, `stderr`, `log`; `host` if it is the node that says it.
    pub(crate) source: String,
    /// How much it matters: `trace`, `debug`, `info`, `warn`, `error`.
    pub(crate) level: String,
    /// Which part of the plugin said it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub(crate) target: String,
    /// What was said.
    pub(crate) text: String,
    /// Named values beside it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) fields: BTreeMap<String, Value>,
    /// Lines before this one that were not kept.
    pub(crate) missed: u64,
    /// Bytes of it that were cut off.
    pub(crate) cut_bytes: u64,
}

impl PluginStatus {
    /// One that is not taken, and why.
    pub(super) fn refused(name: &str, reason: String, remedy: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            state: REFUSED.to_owned(),
            reason: Some(reason),
            remedy,
            ..Self::default()
        }
    }

    /// Whether calls are answered.
    pub(crate) fn is_running(&self) -> bool {
        self.state == "running"
    }

    /// Why a node that should run it is not ready; none if it is.
    pub(crate) fn obstacle(&self) -> Option<String> {
        let name = &self.name;
        if !self.wanted {
            return None;
        }
        if !self.is_running() {
            let reason = self.reason.iter().map(|reason| format!(": {reason}"));
            let reason = reason.collect::<String>();
            return Some(format!("plugin {name} is {}{reason}", self.state));
        }
        // One that can do its work is enough.
        let mut able = self.processes.iter().filter(|process| !process.is_stopping);
        if self.processes.iter().any(|process| process.is_ready) {
            return None;
        }
        let reason = able
            .next()
            .map(|process| process.not_ready_because.as_str());
        let reason = reason.filter(|reason| !reason.is_empty());
        let reason = reason
            .map(|reason| format!(": {reason}"))
            .unwrap_or_default();
        Some(format!("plugin {name} is not ready{reason}"))
    }
}

/// What the library knows of it.
impl From<&Status> for PluginStatus {
    fn from(status: &Status) -> Self {
        let failure = status.failure.as_ref();
        let last_words = failure.map(|failure| failure.last_words().to_vec());
        let ended = status.last_end.as_ref();
        let ended = ended.filter(|_| status.next_start.is_some());
        let reason = failure.map(|failure| chain(failure));
        Self {
            name: status.name.to_string(),
            state: status.state.name().to_owned(),
            for_ms: age(status.since),
            version: Some(status.version.clone()),
            path: Some(status.path.display().to_string()),
            digest: Some(status.digest.to_string()),
            reason: reason.or_else(|| ended.map(ToString::to_string)),
            remedy: failure.and_then(linkspan::plugin::host::RunError::remedy),
            last_words: last_words.unwrap_or_default(),
            restarts: status.restarts,
            next_start_ms: status.next_start.map(until),
            processes: status.instances.iter().map(Into::into).collect(),
            ..Self::default()
        }
    }
}

impl From<&InstanceStatus> for PluginProcess {
    fn from(instance: &InstanceStatus) -> Self {
        let weaknesses = instance.applied.weaknesses.iter();
        Self {
            instance: instance.number,
            pid: instance.pid,
            uptime_ms: age(instance.since),
            is_stopping: instance.is_stopping,
            is_ready: instance.ready.ready,
            not_ready_because: instance.ready.reason.clone(),
            calls: instance.calls,
            in_flight: instance.in_flight,
            sandbox: instance.applied.level.to_string(),
            weaknesses: weaknesses.map(ToString::to_string).collect(),
            memory_bytes: instance.usage.map(|usage| usage.memory_bytes),
            cpu_ms: instance.usage.map(|usage| millis(usage.cpu_time)),
        }
    }
}

impl From<Followed> for LogLine {
    fn from(followed: Followed) -> Self {
        match followed {
            Followed::Entry(entry) => (&*entry).into(),
            Followed::Missed(missed) => Self {
                source: "host".to_owned(),
                level: "warn".to_owned(),
                text: "more was said than could be read".to_owned(),
                missed,
                ..Self::default()
            },
            _ => Self::default(),
        }
    }
}

impl From<&LogEntry> for LogLine {
    fn from(entry: &LogEntry) -> Self {
        let fields = entry.fields.iter();
        let fields = fields.map(|(name, value)| (name.clone(), json(value)));
        let since_1970 = entry.time.duration_since(SystemTime::UNIX_EPOCH);
        Self {
            at_ms: millis(since_1970.unwrap_or_default()),
            instance: entry.instance,
            source: entry.source.name().to_owned(),
            level: entry.level.name().to_owned(),
            target: entry.target.clone(),
            text: entry.text.clone(),
            fields: fields.collect(),
            missed: entry.dropped,
            cut_bytes: entry.cut_bytes,
        }
    }
}

fn json(value: &LogValue) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// What went wrong, with all causes that say something new.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}

fn age(since: SystemTime) -> u64 {
    millis(since.elapsed().unwrap_or_default())
}

fn until(time: SystemTime) -> u64 {
    let left = time.duration_since(SystemTime::now());
    millis(left.unwrap_or_default())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

pub(super) const REFUSED: &str = "refused";
