//! The section `plugins`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use linkspan::plugin;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where plugins are looked for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Plugins {
    /// Directories whose folders are plugins; of two plugins with one name that in the first directory is
    /// taken. Without any: linkspan/plugins in the user's data directory, and /opt/linkspan/plugins.
    pub(crate) plugin_directories: Vec<PathBuf>,
    /// Programs that run scripts, by the names that manifests use; python3 is known.
    pub(crate) interpreters: BTreeMap<String, PathBuf>,
}

impl Plugins {
    /// What the library is told.
    pub(crate) fn library(&self) -> plugin::Config {
        let mut config = plugin::Config::default();
        config.directories = match self.plugin_directories.as_slice() {
            [] => default_directories(),
            directories => directories.to_vec(),
        };
        let interpreters = self.interpreters.iter();
        config
            .interpreters
            .extend(interpreters.map(|(name, path)| (name.clone(), path.clone())));
        config
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (&'static str, String)> {
        let mut interpreters = self.interpreters.iter();
        match interpreters.find(|(_, path)| !path.is_absolute()) {
            None => Ok(()),
            Some((name, path)) => {
                let problem = format!("{name}: {} is not an absolute path", path.display());
                Err(("interpreters", problem))
            }
        }
    }
}

fn default_directories() -> Vec<PathBuf> {
    let own = etcetera::choose_base_strategy().ok();
    let own = own.map(|base| base.data_dir().join("linkspan/plugins"));
    own.into_iter()
        .chain([Path::new(SHARED).to_owned()])
        .collect()
}

const SHARED: &str = "/opt/linkspan/plugins";
