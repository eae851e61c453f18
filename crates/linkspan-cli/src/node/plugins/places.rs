//! Where plugins are, and why others are not taken.

use std::collections::BTreeMap;
use std::path::PathBuf;

use linkspan::plugin::{Discovery, PluginName, Refusal, Refused};
use tokio::task::spawn_blocking;

use crate::config::Plugins as Settings;
use crate::node::plugins::trouble::Trouble;

/// What there is in the directories for plugins.
#[derive(Debug, Default)]
pub(super) struct Places {
    directories: Vec<PathBuf>,
    folders: BTreeMap<PluginName, Result<PathBuf, Refusal>>,
}

impl Places {
    /// Looks into all directories.
    pub(super) async fn look(settings: &Settings) -> Self {
        let library = settings.library();
        let directories = library.directories.clone();
        let looking = spawn_blocking(move || Discovery::run(&library));
        let discovery = looking.await.unwrap_or_default();
        let mut folders = BTreeMap::new();
        for Refused {
            path, name, reason, ..
        } in discovery.refused
        {
            // What cannot be read is known by its folder.
            let by_folder = || path.file_name()?.to_str()?.parse().ok();
            let is_folder = !directories.contains(&path);
            let name = name.or_else(by_folder).filter(|_| is_folder);
            if let Some(name) = name {
                folders.entry(name).or_insert(Err(reason));
            }
        }
        for found in discovery.found {
            folders.insert(found.manifest.name.clone(), Ok(found.path));
        }
        Self {
            directories,
            folders,
        }
    }

    /// The plugins that there are, taken or not.
    pub(super) fn names(&self) -> impl Iterator<Item = &PluginName> {
        self.folders.keys()
    }

    /// The folder of a plugin.
    pub(super) fn take(&mut self, name: &PluginName) -> Result<PathBuf, Trouble> {
        match self.folders.remove(name) {
            Some(folder) => Ok(folder?),
            None => Err(Trouble::Missing {
                name: name.clone(),
                directories: self.directories.clone(),
            }),
        }
    }
}
