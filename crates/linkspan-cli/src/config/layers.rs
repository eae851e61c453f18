//! Layers of configuration, and which of them a value comes from.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use linkspan::bus::Schemas;
use serde_json::Value;

use crate::config::error::Where;
use crate::config::file::{File, check_keys};
use crate::config::keys::sections;
use crate::config::source::{Tree, nested, overlay};
use crate::config::variables::{Variable, read_variables};
use crate::config::{BackendChoice, Config, ConfigError, schema};

/// A configuration that was checked, and where its values come from.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// What commands prove who they are by, to servers that ask.
    pub(crate) token_file: Option<PathBuf>,
    file: Option<File>,
    variables: Vec<Variable>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    Default,
    Preset(&'static str),
    File(PathBuf, usize),
    Variable(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Preset(name) => write!(f, "preset {name}"),
            Self::File(path, line) => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
        }
    }
}

/// The file that is used if none is named: the first that exists of `./linkspan.yaml`, `.yml`,
/// `.toml`, the same in the user's configuration directory, and in `/etc/linkspan`.
pub(crate) fn find_file() -> Option<PathBuf> {
    if let Some(path) = env::var_os("LINKSPAN_CONFIG").filter(|path| !path.is_empty()) {
        return Some(path.into());
    }
    let mut directories = vec![PathBuf::from(".")];
    directories.extend(
        etcetera::choose_base_strategy()
            .ok()
            .map(|base| base.config_dir().join("linkspan")),
    );
    directories.push("/etc/linkspan".into());
    let names = ["linkspan.yaml", "linkspan.yml", "linkspan.toml"];
    let files = directories
        .iter()
        .flat_map(|directory| names.map(|name| directory.join(name)));
    files.into_iter().find(|file| file.is_file())
}

/// Loads a file, or only defaults and variables if there is none.
pub(crate) fn load(path: Option<&Path>) -> Result<Loaded, Box<ConfigError>> {
    let text = match path {
        None => None,
        Some(path) => Some(std::fs::read_to_string(path).map_err(|error| ConfigError {
            problem: error.to_string(),
            origin: Where::Unreadable(path.to_owned()),
            hint: None,
        })?),
    };
    load_text(path.zip(text), env::vars_os())
}

/// Loads a text as if it stood in the file of this name.
pub(crate) fn load_text(
    file: Option<(&Path, String)>,
    variables: impl Iterator<Item = (OsString, OsString)>,
) -> Result<Loaded, Box<ConfigError>> {
    let known = schema().to_value();
    let file = file
        .map(|(path, text)| File::parse(path, text, &known))
        .transpose()?;
    let variables = read_variables(variables, &known)?;
    if let Some(file) = &file {
        check_keys(file, &known)?;
    }
    let mut merged = sections(&known);
    if let Some(file) = &file {
        overlay(&mut merged, file.tree.to_value());
    }
    for variable in &variables {
        let path: Vec<_> = variable.path.iter().map(String::as_str).collect();
        overlay(&mut merged, nested(&path, variable.value.clone()));
    }
    // The preset's name stands in the layers above it.
    let named = decode(&merged, file.as_ref(), &variables)?;
    let mut layered = Value::Object(serde_json::Map::new());
    for (path, value) in named.environment.name.values() {
        let path: Vec<_> = path.split('.').collect();
        overlay(&mut layered, nested(&path, (*value).into()));
    }
    overlay(&mut layered, merged);
    let config = decode(&layered, file.as_ref(), &variables)?;
    let loaded = Loaded {
        config,
        token_file: None,
        file,
        variables,
    };
    loaded.check()?;
    Ok(loaded)
}

impl Loaded {
    /// The file that was read.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.file.as_ref().map(|file| file.path.as_path())
    }

    /// The keys whose values differ from those of `other`.
    pub(crate) fn changes(&self, other: &Self) -> Vec<String> {
        let before = other.values();
        let is_new = |key: &str, value: &Value| {
            before
                .iter()
                .all(|(other, old, _)| other != key || old != value)
        };
        let now = self.values().into_iter();
        now.filter(|(key, value, _)| is_new(key, value))
            .map(|(key, _, _)| key)
            .collect()
    }

    /// What its writer should know, though nothing is wrong.
    pub(crate) fn notes(&self) -> Vec<String> {
        let path = ["ipc", "transport"];
        let variable = self.variables.iter().find(|variable| variable.path == path);
        let entry = self.file.as_ref().and_then(|file| file.tree.find(&path));
        let written = match (variable, entry.map(|entry| &entry.value)) {
            (Some(variable), _) => variable.value.as_str(),
            (None, Some(Tree::Leaf(value))) => value.as_str(),
            _ => None,
        };
        let written = written.filter(|text| BackendChoice::is_older_name(text));
        let note = written.map(|text| {
            let origin = self.origin(&path.map(str::to_owned));
            format!("{origin}: ipc.transport: {text:?} is an older name, read as tokio")
        });
        note.into_iter().collect()
    }

    /// What publications on the bus have to be: reads the files that say so.
    pub(crate) fn schemas(&self) -> Result<Schemas, Box<ConfigError>> {
        let schemas = self.config.bus.schemas();
        schemas.map_err(|(key, problem)| self.wrong_of_bus(key, &problem))
    }

    /// Every value with its path and origin.
    pub(crate) fn values(&self) -> Vec<(String, Value, Origin)> {
        let mut values = Vec::new();
        let tree = serde_json::to_value(&self.config).unwrap_or_default();
        self.walk(&tree, &mut Vec::new(), &mut values);
        values
    }

    fn walk(
        &self,
        value: &Value,
        path: &mut Vec<String>,
        values: &mut Vec<(String, Value, Origin)>,
    ) {
        if let Value::Object(map) = value {
            for (key, value) in map {
                path.push(key.clone());
                self.walk(value, path, values);
                path.pop();
            }
        } else {
            values.push((path.join("."), value.clone(), self.origin(path)));
        }
    }

    fn origin(&self, path: &[String]) -> Origin {
        if let Some(variable) = self.variables.iter().find(|variable| variable.path == path) {
            return Origin::Variable(variable.name.clone());
        }
        let keys: Vec<_> = path.iter().map(String::as_str).collect();
        let entry = self
            .file
            .as_ref()
            .and_then(|file| Some((file, file.tree.find(&keys)?)));
        if let Some((file, entry)) = entry {
            return Origin::File(file.path.clone(), entry.place.line);
        }
        let preset = self.config.environment.name;
        let path = path.join(".");
        match preset.values().iter().any(|(changed, _)| *changed == path) {
            true => Origin::Preset(preset.name()),
            false => Origin::Default,
        }
    }

    /// Checks what the types cannot say.
    fn check(&self) -> Result<(), Box<ConfigError>> {
        let frame = self.config.transport.max_frame_bytes.0;
        if u32::try_from(frame).is_err() {
            return Err(self.wrong(
                &["transport", "max_frame_bytes"],
                &format!("{frame} bytes exceed the limit of {} bytes", u32::MAX),
            ));
        }
        if self.config.server().session.limits.check().is_err() {
            let problem = match frame < 16 * 1024 {
                true => format!("{frame} bytes are below the least usable value of 16384 bytes"),
                false => "0 requests at once cannot be served".to_owned(),
            };
            let path: &[&str] = match frame < 16 * 1024 {
                true => &["transport", "max_frame_bytes"],
                false => &["performance", "max_concurrent_requests"],
            };
            return Err(self.wrong(path, &problem));
        }
        if let Err((key, problem)) = self.config.performance.check() {
            return Err(self.wrong(&["performance", key], &problem));
        }
        if let Err((key, problem)) = self.config.ipc.check() {
            return Err(self.wrong(&["ipc", key], &problem));
        }
        if let Err((key, problem)) = self.config.bus.check() {
            return Err(self.wrong_of_bus(key, &problem));
        }
        if let Err((key, problem)) = self.config.plugins.check() {
            let path: Vec<_> = ["plugins"].into_iter().chain(key.split('.')).collect();
            return Err(self.wrong(&path, &problem));
        }
        if let Err((key, problem)) = self.config.security.auth.check() {
            return Err(self.wrong(&["security", "auth", key], &problem));
        }
        if let Err((key, problem)) = self.config.security.rate_limiting.quotas() {
            return Err(self.wrong(&["security", "rate_limiting", key], &problem));
        }
        if let Err(error) = self.config.transport.named_pipe.address() {
            let path = ["transport", "named_pipe", "pipe_name"];
            return Err(self.wrong(&path, &error.to_string()));
        }
        if let Err(error) = self.config.transport.tcp.address("tcp") {
            return Err(self.wrong(&["transport", "tcp", "bind_address"], &error.to_string()));
        }
        for (key, section) in [
            ("tls", &self.config.transport.tcp.tls),
            ("tls_config", &self.config.transport.tcp.tls_config),
        ] {
            if let Err(error) = section.pins() {
                let path = ["transport", "tcp", key, "pins"];
                return Err(self.wrong(&path, &error.to_string()));
            }
        }
        let places = self.config.check_places();
        places.map_err(|(path, problem)| self.wrong(path, &problem))
    }

    fn wrong_of_bus(&self, key: &str, problem: &str) -> Box<ConfigError> {
        let path: Vec<_> = ["bus"].into_iter().chain(key.split('.')).collect();
        self.wrong(&path, problem)
    }

    fn wrong(&self, path: &[&str], problem: &str) -> Box<ConfigError> {
        let problem = format!("{}: {problem}", path.join("."));
        Box::new(ConfigError {
            problem,
            origin: origin_of(path, self.file.as_ref(), &self.variables),
            hint: None,
        })
    }
}

fn decode(
    value: &Value,
    file: Option<&File>,
    variables: &[Variable],
) -> Result<Config, Box<ConfigError>> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let path = error.path().to_string();
        // A place in a list is told by the key of the list.
        let keys = path
            .split('.')
            .map(|key| key.split('[').next().unwrap_or(key));
        let keys: Vec<_> = keys.collect();
        let origin = origin_of(&keys, file, variables);
        let problem = format!("{path}: {}", error.into_inner());
        Box::new(ConfigError {
            problem,
            origin,
            hint: None,
        })
    })
}

/// Where the value at a path was set.
fn origin_of(path: &[&str], file: Option<&File>, variables: &[Variable]) -> Where {
    if let Some(variable) = variables.iter().find(|variable| variable.path == path) {
        return Where::Variable(variable.name.clone());
    }
    // What is missing, or stands in a list, is to be found in what it should stand in.
    let places = (1..=path.len()).rev().filter_map(|keys| path.get(..keys));
    let entry = file.and_then(|file| {
        let mut entries = places.filter_map(|path| file.tree.find(path));
        entries.next().map(|entry| file.at(entry.place))
    });
    entry.unwrap_or(Where::Values)
}
