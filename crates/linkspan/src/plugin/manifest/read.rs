//! From text to a manifest.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use proto::message::VersionRange;
use proto::topic::{Limits as TopicLimits, Mask};
use serde_json::Value;

use crate::plugin::manifest::section::Section;
use crate::plugin::manifest::{
    EntryPoint, Events, Limits, Manifest, ManifestFormat, Method, Restart, RestartPolicy,
    SandboxLevel,
};
use crate::plugin::{Digest, ManifestError, PluginPath};
use crate::source::{SyntaxError, Tree};

impl Manifest {
    /// Reads a manifest; no file is looked at.
    ///
    /// # Errors
    ///
    /// [`ManifestError`] with the line, if a key is unknown or missing or a value wrong.
    pub fn parse(text: &str, format: ManifestFormat) -> Result<Self, ManifestError> {
        let tree = match format {
            ManifestFormat::Toml => Tree::from_toml(text),
            ManifestFormat::Yaml => Tree::from_yaml(text),
        };
        let tree = tree.map_err(|SyntaxError { problem, place }| match place {
            Some(place) => ManifestError::at(place.line, problem),
            None => ManifestError::new(problem),
        })?;
        check_format(&tree)?;
        let root = Section::root(&tree, &KEYS)?;
        let manifest = Self {
            name: root.required("name", root.parsed("name")?, "name: greeter")?,
            version: version(&root)?,
            description: owned(root.text("description")?),
            license: owned(root.text("license")?),
            homepage: owned(root.text("homepage")?),
            language: owned(root.text("language")?),
            protocol: protocol(&root)?,
            entry: entry(&root)?,
            methods: methods(&root)?,
            events: events(&root)?,
            capabilities: root.list("capabilities")?,
            limits: limits(&root)?,
            sandbox: root.choice("sandbox", &levels())?.unwrap_or_default(),
            instances: root.number("instances", 1..=MAX_INSTANCES)?.unwrap_or(1),
            restart: restart(&root)?,
            ready_timeout: root.duration("ready_timeout")?.unwrap_or(READY_TIMEOUT),
            reattach: root.flag("reattach")?,
            include: root.list("include")?,
            files: files(&root)?,
        };
        manifest.check(&root)?;
        Ok(manifest)
    }

    /// Checks what concerns several keys.
    fn check(&self, root: &Section<'_>) -> Result<(), ManifestError> {
        let file = &self.entry.file;
        if !self.files.is_empty() && !self.files.contains_key(file) {
            let problem = format_args!("{file} is not among the files");
            return Err(root.wrong_at("entry", &problem));
        }
        if !self.include.is_empty() && !self.include.iter().any(|path| file.is_in(path)) {
            let problem = format_args!("{file} is not among what is included");
            return Err(root.wrong_at("entry", &problem));
        }
        Ok(())
    }
}

/// Looks at the version of the format before anything else, as a later one may have other keys.
fn check_format(tree: &Tree) -> Result<(), ManifestError> {
    let example = format!("format is missing, as in format: {FORMAT}");
    let entry = tree
        .find(&["format"])
        .ok_or_else(|| ManifestError::at(1, example))?;
    let line = entry.place.line;
    match &entry.value {
        Tree::Leaf(Value::Number(number)) if number.as_u64() == Some(FORMAT) => Ok(()),
        Tree::Leaf(Value::Number(number)) => {
            let read = format!("{number} is not {FORMAT}, the only one that this version reads");
            Err(ManifestError::at(line, format!("format: {read}")))
        }
        _ => Err(ManifestError::at(
            line,
            format!("format is not the number {FORMAT}"),
        )),
    }
}

fn version(root: &Section<'_>) -> Result<String, ManifestError> {
    let text = root.required("version", root.text("version")?, "version: 1.0.0")?;
    let is_version = text.starts_with(|c: char| c.is_ascii_digit())
        && text.len() <= MAX_VERSION_BYTES
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    match is_version {
        true => Ok(text.to_owned()),
        false => {
            let expected = "a digit and then up to 63 further characters without spaces";
            Err(root.wrong_at("version", &format_args!("{text:?} is not {expected}")))
        }
    }
}

/// `1`, or `1-2`.
fn protocol(root: &Section<'_>) -> Result<VersionRange, ManifestError> {
    let entry = root.required("protocol", root.entry("protocol"), "protocol: 1")?;
    let text = match &entry.value {
        Tree::Leaf(Value::Number(number)) => number.to_string(),
        Tree::Leaf(Value::String(text)) => text.clone(),
        _ => String::new(),
    };
    let (min, max) = text.split_once('-').unwrap_or((&text, &text));
    let range = min.trim().parse().ok().zip(max.trim().parse().ok());
    let range = range.filter(|(min, max)| (1..=*max).contains(min));
    let range = range.map(|(min, max)| VersionRange::new(min, max));
    range.ok_or_else(|| {
        let expected = "a version as 1, or a range as 1-2";
        root.wrong_at("protocol", &format_args!("{text:?} is not {expected}"))
    })
}

fn entry(root: &Section<'_>) -> Result<EntryPoint, ManifestError> {
    let example = "entry: { binary: bin/greeter }";
    let keys = ["binary", "script", "interpreter", "arguments"];
    let section = root.required("entry", root.section("entry", &keys)?, example)?;
    let interpreter = section.text("interpreter")?;
    let binary: Option<PluginPath> = section.parsed("binary")?;
    let script: Option<PluginPath> = section.parsed("script")?;
    let file = match (binary, script) {
        (Some(_), Some(_)) => {
            let problem = "there is a binary, too, and only one of both can run";
            return Err(section.wrong_at("script", &problem));
        }
        (Some(_), None) if interpreter.is_some() => {
            let problem = "a binary runs by itself; with an interpreter it is a script";
            return Err(section.wrong_at("interpreter", &problem));
        }
        (None, Some(file)) => {
            section.required("interpreter", interpreter, "interpreter: python3")?;
            file
        }
        (file, None) => section.required("binary", file, "binary: bin/greeter")?,
    };
    Ok(EntryPoint {
        file,
        interpreter: owned(interpreter),
        arguments: section.list("arguments")?,
    })
}

fn methods(root: &Section<'_>) -> Result<BTreeMap<String, Method>, ManifestError> {
    let keys = ["description", "input", "output", "pure", "idempotent"];
    let section = root.free("methods")?;
    let methods = section.entries().iter().map(|entry| {
        let is_known = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
        if entry.key.is_empty() || !entry.key.chars().all(is_known) {
            let problem = format_args!("{:?} is no name of a method", entry.key);
            return Err(section.wrong_key(entry, &problem));
        }
        let method = method(&section.inner(entry, &keys)?)?;
        Ok((entry.key.clone(), method))
    });
    methods.collect()
}

fn method(section: &Section<'_>) -> Result<Method, ManifestError> {
    let is_pure = section.flag("pure")?;
    let idempotent = section.entry("idempotent").is_some();
    let is_idempotent = section.flag("idempotent")?;
    if is_pure && idempotent && !is_idempotent {
        return Err(section.wrong_at("idempotent", &"what is pure is idempotent, too"));
    }
    Ok(Method {
        description: owned(section.text("description")?),
        input: schema(section, "input")?,
        output: schema(section, "output")?,
        is_pure,
        is_idempotent: is_pure || is_idempotent,
    })
}

/// A JSON Schema: keywords, or whether there is anything that fits at all.
fn schema(section: &Section<'_>, key: &str) -> Result<Option<String>, ManifestError> {
    let Some(entry) = section.entry(key) else {
        return Ok(None);
    };
    match entry.value.to_value() {
        value @ (Value::Object(_) | Value::Bool(_)) => Ok(Some(value.to_string())),
        _ => Err(section.wrong_at(
            key,
            &"it is not a JSON Schema, which is a section of keywords",
        )),
    }
}

fn events(root: &Section<'_>) -> Result<Events, ManifestError> {
    let Some(section) = root.section("events", &["in", "out"])? else {
        return Ok(Events::default());
    };
    let topics = |key| {
        let topics: Vec<Topic> = section.list(key)?;
        Ok(topics.into_iter().map(|Topic(text)| text).collect())
    };
    Ok(Events {
        incoming: topics("in")?,
        outgoing: topics("out")?,
    })
}

/// A topic, or a mask of them.
struct Topic(String);

impl FromStr for Topic {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mask = Mask::new(text, &TopicLimits::default());
        let wrong = |error: &dyn Display| format!("{text:?} is no mask of topics: {error}");
        mask.map_err(|error| wrong(&error))?;
        Ok(Self(text.to_owned()))
    }
}

fn limits(root: &Section<'_>) -> Result<Limits, ManifestError> {
    let keys = [
        "max_memory_mb",
        "max_cpu_cores",
        "max_disk_mb",
        "max_processes",
        "max_files",
    ];
    let Some(section) = root.section("limits", &keys)? else {
        return Ok(Limits::default());
    };
    Ok(Limits {
        max_memory_mb: section.number("max_memory_mb", 1..=MAX_MB)?,
        max_cpu_cores: section.fraction("max_cpu_cores", MAX_CORES)?,
        max_disk_mb: section.number("max_disk_mb", 0..=MAX_MB)?,
        max_processes: section.number("max_processes", 1..=MAX_COUNT)?,
        max_files: section.number("max_files", LEAST_FILES..=MAX_COUNT)?,
    })
}

fn levels() -> [(&'static str, SandboxLevel); 3] {
    let [none, basic, strict] = [
        SandboxLevel::None,
        SandboxLevel::Basic,
        SandboxLevel::Strict,
    ];
    [none, basic, strict].map(|level| (level.name(), level))
}

fn restart(root: &Section<'_>) -> Result<Restart, ManifestError> {
    let keys = [
        "policy",
        "backoff",
        "max_backoff",
        "max_crashes",
        "crash_window",
    ];
    let default = Restart::default();
    let Some(section) = root.section("restart", &keys)? else {
        return Ok(default);
    };
    let policies: Vec<_> = RestartPolicy::ALL
        .iter()
        .map(|policy| (policy.name(), *policy))
        .collect();
    let backoff = section.duration("backoff")?.unwrap_or(default.backoff);
    let longest = section.duration("max_backoff")?;
    if longest.is_some_and(|longest| longest < backoff) {
        let problem = format_args!("it is less than the backoff of {backoff:?}");
        return Err(section.wrong_at("max_backoff", &problem));
    }
    Ok(Restart {
        policy: section
            .choice("policy", &policies)?
            .unwrap_or(default.policy),
        backoff,
        max_backoff: longest.unwrap_or(default.max_backoff).max(backoff),
        max_crashes: section
            .number("max_crashes", 1..=MAX_COUNT)?
            .unwrap_or(default.max_crashes),
        crash_window: section
            .duration("crash_window")?
            .unwrap_or(default.crash_window),
    })
}

fn files(root: &Section<'_>) -> Result<BTreeMap<PluginPath, Digest>, ManifestError> {
    let section = root.free("files")?;
    let files = section.entries().iter().map(|entry| {
        let wrong = |error: &dyn Display| section.wrong_key(entry, error);
        let path: PluginPath = entry.key.parse().map_err(|error| wrong(&error))?;
        let text = match &entry.value {
            Tree::Leaf(Value::String(text)) => text.as_str(),
            _ => "",
        };
        let digest = text
            .parse()
            .map_err(|error| wrong(&format_args!("{path}: {error}")))?;
        Ok((path, digest))
    });
    files.collect()
}

fn owned(text: Option<&str>) -> Option<String> {
    text.map(str::to_owned)
}

const KEYS: [&str; 20] = [
    "format",
    "name",
    "version",
    "description",
    "license",
    "homepage",
    "language",
    "protocol",
    "entry",
    "methods",
    "events",
    "capabilities",
    "limits",
    "sandbox",
    "instances",
    "restart",
    "ready_timeout",
    "reattach",
    "include",
    "files",
];

/// The version of the format of manifests.
const FORMAT: u64 = 1;
const MAX_VERSION_BYTES: usize = 64;
const READY_TIMEOUT: Duration = Duration::from_secs(10);
const MAX_INSTANCES: u32 = 64;
/// One TiB.
const MAX_MB: u32 = 1 << 20;
const MAX_CORES: f64 = 1024.0;
const MAX_COUNT: u32 = 1 << 20;
/// Standard streams, the protocol, and what a runtime opens for itself.
const LEAST_FILES: u32 = 16;
