//! The section `plugins`.

mod sandbox;
mod terms;
mod words;

pub(crate) use terms::PluginTerms;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;
use linkspan::auth::policy::Role;
use linkspan::plugin::{self, Grant, Pins, PluginName};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::plugins::sandbox::{ResourceLimits, Sandbox};
use crate::config::plugins::terms::RestartChoice;
use crate::config::plugins::words::Worded;
use crate::config::units::whole;

/// Where plugins are looked for, which of them a node runs, and what they may do.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "keys that do not depend on each other"
)]
pub(crate) struct Plugins {
    /// Whether a node starts all plugins that the directories hold; if not, those in `load`.
    auto_discovery: bool,
    /// Directories whose folders are plugins; of two plugins with one name that in the first directory is
    /// taken. Without any: linkspan/plugins in the user's data directory, and /opt/linkspan/plugins.
    plugin_directories: Vec<PathBuf>,
    /// Names of the plugins that a node starts.
    load: Vec<Worded<PluginName>>,
    /// Plugins that run in a node at once; one more is refused.
    #[serde(deserialize_with = "whole")]
    max_plugins: usize,
    /// What each process of a plugin may use at most; where its manifest asks for less, that holds.
    resource_limits: ResourceLimits,
    /// The least that has to be around each plugin; where its manifest asks for more, that holds.
    sandbox: Sandbox,
    /// Programs that run scripts, by the names that manifests use; python3 is known.
    interpreters: BTreeMap<String, PathBuf>,
    /// What plugins may do, by their names: rights such as `bus.publish:index/#`, and `fs.read:PATH`,
    /// `fs.write:PATH`, `net.connect:HOST:PORT`, `host.processes`. A plugin has what stands here and its
    /// manifest asks for, too; without an entry it has nothing.
    grants: BTreeMap<Worded<PluginName>, Vec<Worded<Grant>>>,
    /// How many processes of a plugin run, by its name; otherwise as many as its manifest says.
    instances: BTreeMap<Worded<PluginName>, u32>,
    /// When a plugin that ended is started again, by its name; otherwise as its manifest says.
    restart: BTreeMap<Worded<PluginName>, RestartChoice>,
    /// Whether a plugin is started anew when its files change.
    reload_on_change: bool,
    /// Whether plugins are taken that are not pinned, as while one is being written.
    unpinned: bool,
}

impl Default for Plugins {
    fn default() -> Self {
        Self {
            auto_discovery: false,
            plugin_directories: Vec::new(),
            load: Vec::new(),
            max_plugins: 1000,
            resource_limits: ResourceLimits::default(),
            sandbox: Sandbox::default(),
            interpreters: BTreeMap::new(),
            grants: BTreeMap::new(),
            instances: BTreeMap::new(),
            restart: BTreeMap::new(),
            reload_on_change: false,
            unpinned: false,
        }
    }
}

impl Plugins {
    /// Where the library looks for plugins, and what it takes for one.
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
        if self.unpinned {
            config.pins = Pins::Optional;
        }
        config
    }

    /// Whether a node starts whatever there is.
    pub(crate) fn starts_all(&self) -> bool {
        self.auto_discovery
    }

    /// The plugins that a node starts by their names.
    pub(crate) fn load(&self) -> impl Iterator<Item = &PluginName> {
        self.load.iter().map(|Worded(name)| name)
    }

    /// How many may run at once.
    pub(crate) fn max_plugins(&self) -> usize {
        self.max_plugins
    }

    /// What holds for the plugin of a name.
    pub(crate) fn terms(&self, name: &PluginName) -> PluginTerms {
        let name = Worded(name.clone());
        let grants = self.grants.get(&name).into_iter().flatten();
        PluginTerms {
            grants: grants.map(|Worded(grant)| grant.clone()).collect(),
            // What is wrong with it was told when the configuration was read.
            sandbox: self.sandbox.level().unwrap_or_default(),
            limits: self.resource_limits.limits(),
            instances: self.instances.get(&name).copied(),
            restart: self.restart.get(&name).copied(),
            reload_on_change: self.reload_on_change,
        }
    }

    /// What plugins may do, as roles that they alone have.
    pub(crate) fn roles(&self) -> impl Iterator<Item = (String, Role)> {
        self.grants.iter().map(|(Worded(name), grants)| {
            let rights = grants.iter().filter_map(|Worded(grant)| match grant {
                Grant::Right(right) => Some(right.clone()),
                _ => None,
            });
            let role = Role::new(rights).with_members([format!("plugin:{name}")]);
            (format!("plugin {name}"), role)
        })
    }

    /// Checks what the types cannot say: the key, and what is wrong with its value.
    pub(crate) fn check(&self) -> Result<(), (String, String)> {
        let wrong = |(key, problem): (&str, String)| (key.to_owned(), problem);
        if self.max_plugins == 0 {
            return Err(wrong(("max_plugins", NO_PLUGINS.to_owned())));
        }
        self.resource_limits.check().map_err(wrong)?;
        self.sandbox.level().map_err(wrong)?;
        let mut interpreters = self.interpreters.iter();
        if let Some((name, path)) = interpreters.find(|(_, path)| !path.is_absolute()) {
            let problem = format!("{name}: {} is not an absolute path", path.display());
            return Err(wrong(("interpreters", problem)));
        }
        let mut instances = self.instances.iter();
        if let Some((name, count)) = instances.find(|(_, count)| !(1..=64).contains(*count)) {
            let problem = format!("{count} is not a whole number from 1 to 64");
            return Err((format!("instances.{name}"), problem));
        }
        self.check_network()
    }

    fn check_network(&self) -> Result<(), (String, String)> {
        if self.sandbox.network_access {
            return Ok(());
        }
        let is_network = |grant: &&Worded<Grant>| matches!(grant.0, Grant::Connect(_));
        let mut granted = self.grants.iter();
        let granted =
            granted.find_map(|(name, grants)| Some((name, grants.iter().find(is_network)?)));
        granted.map_or(Ok(()), |(name, grant)| {
            let problem = format!("{grant} needs plugins.sandbox.network_access: true");
            Err((format!("grants.{name}"), problem))
        })
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
const NO_PLUGINS: &str = "0 plugins cannot run; an empty `load` starts none";
