//! Starting a process of a plugin.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use os::sandbox::{Access, Grant, Launch, LaunchError, Level, Output, Running};

use crate::plugin::SandboxLevel;
use crate::plugin::host::launch::confinement::{confine, level};
use crate::plugin::host::launch::copies::Copy;
use crate::plugin::host::launch::{Image, Problem, StartError};
use crate::plugin::host::{Descriptor, Terms};
use crate::plugin::wire::DESCRIPTOR_VARIABLE;

/// A process of a plugin that was started.
#[derive(Debug)]
pub(crate) struct Launched {
    /// The process, and all that it starts.
    pub(crate) running: Running,
    /// What it writes to stdout and stderr; it waits when nobody reads that.
    pub(crate) output: Output,
    /// Its files, which stay as long as it does.
    pub(crate) files: Option<Files>,
}

/// Files that a process of a plugin reads while it runs. They may be removed when this is dropped.
#[derive(Debug)]
pub(crate) struct Files {
    _copy: Arc<Copy>,
}

impl Image {
    /// Starts a process that has `connection` as its descriptor 3; `instance` is its number among those
    /// of its plugin. On the way to what it was granted, no link is followed that it or somebody else
    /// can have put there who may write to a place in `untrusted`. It takes some milliseconds.
    ///
    /// # Errors
    ///
    /// [`StartError`], of which nothing runs.
    pub(crate) fn launch(
        &self,
        terms: &Terms,
        instance: u32,
        connection: Descriptor,
        untrusted: Vec<PathBuf>,
    ) -> Result<Launched, StartError> {
        self.launch_with(terms, instance, Some(connection), untrusted)
    }

    /// The same; without a connection it is started as by hand.
    ///
    /// # Errors
    ///
    /// [`StartError`], of which nothing runs.
    pub(crate) fn launch_with(
        &self,
        terms: &Terms,
        instance: u32,
        connection: Option<Descriptor>,
        untrusted: Vec<PathBuf>,
    ) -> Result<Launched, StartError> {
        let required = terms.level_for(&self.manifest);
        let mut launch = Launch::new(self.program.clone(), level(required));
        let files = self.copy.as_deref().map(|copy| seen(copy, launch.level));
        launch.name = self.name();
        launch.arguments = self.arguments(files);
        let variable = connection.is_some().then_some(DESCRIPTOR_VARIABLE);
        launch.environment = environment(&terms.environment, files, variable);
        launch.descriptors = descriptors(terms, instance, connection)?;
        launch.no_links_below = untrusted;
        let runtime = os::runtime_directory().map_err(StartError::place)?;
        confine(
            &mut launch,
            terms,
            &self.manifest,
            &[&runtime, &self.hidden],
        )?;
        self.grant_own(&mut launch, files);
        let mut running = launch
            .start()
            .map_err(|error| self.explain(error, required))?;
        let output = running.take_output();
        let copy = self.copy.clone();
        Ok(Launched {
            output: output.expect("nobody has taken it yet"),
            running,
            files: copy.map(|copy| Files { _copy: copy }),
        })
    }

    /// What the process is told as its own name.
    fn name(&self) -> OsString {
        match &self.interpreter {
            // Interpreters find their own files by it.
            Some(path) => path.into(),
            None => self.manifest.name.as_str().into(),
        }
    }

    fn arguments(&self, files: Option<&Path>) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = Vec::new();
        if let (Some(interpreter), Some(files)) = (&self.interpreter, files) {
            arguments.extend(options(interpreter).iter().map(Into::into));
            arguments.push(files.join(self.manifest.entry.file.as_str()).into());
        }
        let own = self.manifest.entry.arguments.iter();
        arguments.extend(own.map(Into::into));
        arguments
    }

    /// Lets it read its own files, and its interpreter's.
    fn grant_own(&self, launch: &mut Launch, files: Option<&Path>) {
        if launch.level == Level::None {
            return;
        }
        if let (Some(copy), Some(seen)) = (&self.copy, files) {
            let own = Grant::seen_at(copy.path(), Access::Read, seen);
            launch.grants.push(own);
        }
        let home = self.interpreter.as_deref().and_then(home);
        let home = home.map(|home| Grant::new(home, Access::Read));
        launch.grants.extend(home);
    }

    /// Why the system did not start it, as far as more can be said than the system does.
    fn explain(&self, error: LaunchError, level: SandboxLevel) -> StartError {
        let is_native = self.interpreter.is_none();
        match error {
            LaunchError::Unavailable { .. } => StartError::Sandbox {
                level,
                source: error,
            },
            LaunchError::Step {
                step: "execute the program",
                ..
            } if is_native => match Problem::of_program(&self.head) {
                Some(problem) => StartError::Program {
                    file: self.manifest.entry.file.clone(),
                    problem,
                    source: error,
                },
                None => error.into(),
            },
            error => error.into(),
        }
    }
}

/// Where a process sees a copy of its files.
fn seen(copy: &Copy, level: Level) -> &Path {
    match level {
        Level::Strict => Path::new(SEEN_AT),
        _ => copy.path(),
    }
}

/// What an interpreter is told, so that a script has its own modules and the system's, and no others.
fn options(interpreter: &Path) -> &'static [&'static str] {
    let name = interpreter.file_name().unwrap_or_default();
    let name = name.to_string_lossy();
    match name.starts_with("python") || name.starts_with("pypy") {
        // As `-I`, but for the script's own directory, which is the verified copy. It cannot be written
        // to, so that there is nothing to be gained by trying.
        true => &["-E", "-s", "-B"],
        false => &[],
    }
}

/// Where an interpreter's own files are, if that is not where programs find those of the system.
fn home(interpreter: &Path) -> Option<PathBuf> {
    let is_of_system = SYSTEM.iter().any(|part| interpreter.starts_with(part));
    let folder = interpreter.parent().filter(|_| !is_of_system)?;
    let home = match folder.ends_with("bin") {
        true => folder.parent()?,
        false => folder,
    };
    // Everything is nobody's home.
    home.parent().is_some().then(|| home.to_owned())
}

fn environment(
    more: &BTreeMap<String, String>,
    files: Option<&Path>,
    variable: Option<&str>,
) -> Vec<(OsString, OsString)> {
    let mut all: BTreeMap<OsString, OsString> = BTreeMap::new();
    all.insert("LANG".into(), "C.UTF-8".into());
    all.extend(more.iter().map(|(name, value)| (name.into(), value.into())));
    if let Some(files) = files {
        all.insert(FILES_VARIABLE.into(), files.into());
    }
    all.extend(variable.map(|variable| (variable.into(), "3".into())));
    all.into_iter().collect()
}

fn descriptors(
    terms: &Terms,
    instance: u32,
    connection: Option<Descriptor>,
) -> Result<Vec<(u32, Descriptor)>, StartError> {
    let connection = connection.map(|connection| (CONNECTION, connection));
    let mut descriptors: Vec<_> = connection.into_iter().collect();
    for inherited in &terms.descriptors {
        let number = inherited.number;
        let made = inherited.make(instance);
        let made = made.map_err(|source| StartError::Descriptor { number, source })?;
        descriptors.push((number, made));
    }
    Ok(descriptors)
}

/// The number of the descriptor that the protocol is on.
const CONNECTION: u32 = 3;
/// What a plugin finds the directory of its own files in.
const FILES_VARIABLE: &str = "LINKSPAN_PLUGIN_DIR";
/// Where it is in a file system of the plugin's own.
const SEEN_AT: &str = "/plugin";
/// Where sandboxes leave the system's programs within reach.
const SYSTEM: [&str; 3] = ["/usr", "/bin", "/sbin"];
