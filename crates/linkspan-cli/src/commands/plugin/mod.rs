//! `linkspan plugin`: plugins in their folders, and those that run.

mod at;
mod call;
mod check;
mod control;
mod copy;
mod inspect;
mod install;
mod list;
mod logs;
mod new;
mod pin;
mod pinned;
mod python;
mod remove;
pub(crate) mod running;
mod rust;
mod shown;

use std::path::{Path, PathBuf};

use clap::Subcommand;
use linkspan::plugin::{Config, Discovery, ManifestError, ManifestFormat, Pins, Refusal};

use crate::commands::plugin::control::Verb;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Find, look at, make, check, install and remove plugins; start, stop and call them.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    List(list::Options),
    Inspect(inspect::Options),
    New(new::Options),
    Check(check::Options),
    Pin(pin::Options),
    Install(install::Options),
    Remove(remove::Options),
    /// Start a plugin in a node, and wait until it is ready.
    ///
    /// It runs until it is stopped or the node ends; `plugins: { load: [NAME] }` starts it with the node.
    Start(control::Options),
    /// Stop a plugin of a node; calls that are under way may be finished.
    Stop(control::Options),
    /// Stop a plugin of a node, and start it as its files are now.
    Restart(control::Options),
    /// Have a plugin of a node run as its files are now, without a gap.
    ///
    /// New processes are started; once they are ready, calls go to them, and the earlier ones finish what
    /// they have. If they do not run, everything is as before.
    Reload(control::Options),
    Call(call::Options),
    Logs(logs::Options),
}

pub(crate) fn run(command: &Command, loaded: &Loaded, output: &Output) -> Result {
    let config = loaded.config.plugins.library();
    match command {
        Command::List(options) => list::run(options, config, loaded, output),
        Command::Inspect(options) => inspect::run(options, config, loaded, output),
        Command::New(options) => new::run(options, output),
        Command::Check(options) => check::run(options, config, output),
        Command::Pin(options) => pin::run(options, &config, output),
        Command::Install(options) => install::run(options, &config, output),
        Command::Remove(options) => remove::run(options, &config, output),
        Command::Start(options) => control::run(Verb::Start, options, loaded, output),
        Command::Stop(options) => control::run(Verb::Stop, options, loaded, output),
        Command::Restart(options) => control::run(Verb::Restart, options, loaded, output),
        Command::Reload(options) => control::run(Verb::Reload, options, loaded, output),
        Command::Call(options) => call::run(options, loaded, output),
        Command::Logs(options) => logs::run(options, loaded, output),
    }
}

/// Where the plugin of a name is, taken or not.
fn find(name: &str, config: &Config) -> Result<PathBuf> {
    let discovery = Discovery::run(config);
    if let Some(found) = discovery.plugin(name) {
        return Ok(found.path.clone());
    }
    // A directory that is refused itself is none of the plugins in it.
    let plugins = |of: &PathBuf| !config.directories.contains(of);
    let refused = discovery.refused.into_iter();
    let mut refused = refused.filter(|refused| plugins(&refused.path));
    let is_meant = |of: &PathBuf, known: Option<&str>| {
        known == Some(name) || (known.is_none() && of.file_name().is_some_and(|of| of == name))
    };
    let found = refused.find(|refused| {
        let known = refused
            .name
            .as_ref()
            .map(linkspan::plugin::PluginName::as_str);
        is_meant(&refused.path, known)
    });
    found.map(|refused| refused.path).ok_or_else(|| {
        let message = format!("there is no plugin {name}");
        Failure::message(Kind::Usage, message).hint(format!(
            "looked for in {}; `linkspan plugin list` lists all",
            places(config)
        ))
    })
}

fn places(config: &Config) -> String {
    let places = config
        .directories
        .iter()
        .map(|place| place.display().to_string());
    places.collect::<Vec<_>>().join(", ")
}

/// Has plugins taken that are not pinned, if that is wanted.
fn with_pins(mut config: Config, unpinned: bool) -> Config {
    if unpinned {
        config.pins = Pins::Optional;
    }
    config
}

/// A name, which is looked for, or a folder: whatever has a slash in it, or a manifest.
fn folder(text: &str, config: &Config) -> Result<PathBuf> {
    match is_folder(text) {
        true => existing(Path::new(text)),
        false => find(text, config),
    }
}

/// Whether a folder is meant.
fn is_folder(text: &str) -> bool {
    is_path(text) || has_manifest(Path::new(text))
}

/// Whether it cannot be a name.
fn is_path(text: &str) -> bool {
    text.contains(std::path::is_separator)
}

/// A folder in which a plugin is.
fn existing(path: &Path) -> Result<PathBuf> {
    if has_manifest(path) {
        return Ok(path.to_owned());
    }
    let mut hint = "a plugin is a folder with a plugin.toml or plugin.yaml".to_owned();
    let path_text = path.display();
    if path.symlink_metadata().is_err() {
        hint.push_str(&format!("; `linkspan plugin new {path_text}` begins one"));
    }
    let message = format!("there is no plugin in {path_text}");
    Err(Failure::message(Kind::Usage, message).hint(hint))
}

/// Whether a file stands where a manifest does, whatever is in it.
fn has_manifest(path: &Path) -> bool {
    let mut files = ManifestFormat::FILES.iter();
    files.any(|(file, _)| path.join(file).symlink_metadata().is_ok())
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let remedy = refusal.remedy();
        let kind = match &refusal {
            Refusal::Manifest(_) => Kind::Config,
            Refusal::Io { .. } => Kind::Other,
            _ => Kind::Refused,
        };
        let failure = Self::new(kind, refusal);
        match remedy {
            Some(remedy) => failure.hint(remedy),
            None => failure,
        }
    }
}

impl From<ManifestError> for Failure {
    fn from(error: ManifestError) -> Self {
        Self::new(Kind::Config, error)
    }
}
