//! What all plugins of a host share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::plugin::host::instance::Instance;
use crate::plugin::host::launch::Copies;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::{HostConfig, LoadError, StartError};
use crate::plugin::{Grant, PluginName};

/// What all plugins of a host share.
#[derive(Debug)]
pub(super) struct House {
    pub(super) config: HostConfig,
    plugins: Mutex<BTreeMap<PluginName, Arc<Shared>>>,
    /// Opened when it is needed first.
    copies: Mutex<Option<Arc<Copies>>>,
}

impl House {
    pub(super) fn new(config: HostConfig) -> Self {
        Self {
            config,
            plugins: Mutex::default(),
            copies: Mutex::default(),
        }
    }

    /// Takes a plugin in, unless there is one of its name or too many of them.
    pub(super) fn add(&self, plugin: &Arc<Shared>) -> Result<(), LoadError> {
        let (mut plugins, name) = (self.plugins(), &plugin.name);
        if let Some(other) = plugins.get(name) {
            return Err(LoadError::Duplicate {
                name: name.clone(),
                path: other.board.borrow().facts.path.clone(),
            });
        }
        let limit = self.config.max_plugins;
        if plugins.len() >= limit {
            return Err(LoadError::TooMany {
                name: name.clone(),
                limit,
            });
        }
        plugins.insert(name.clone(), Arc::clone(plugin));
        Ok(())
    }

    pub(super) fn find(&self, name: &str) -> Option<Arc<Shared>> {
        let name = name.parse().ok()?;
        self.plugins().get(&name).cloned()
    }

    /// All plugins, by name.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        self.plugins().values().cloned().collect()
    }

    /// Where all plugins but one may write.
    pub(super) fn writable_by_others(&self, name: &PluginName) -> Vec<PathBuf> {
        let plugins = self.all();
        let others = plugins.iter().filter(|plugin| plugin.name != *name);
        let grants = others.flat_map(|plugin| &plugin.terms.grants);
        let places = grants.filter_map(|grant| match grant {
            Grant::Write(path) => Some(path.clone()),
            _ => None,
        });
        places.collect()
    }

    /// Forgets a plugin.
    pub(super) fn remove(&self, plugin: &Arc<Shared>) {
        let mut plugins = self.plugins();
        if plugins
            .get(&plugin.name)
            .is_some_and(|found| Arc::ptr_eq(found, plugin))
        {
            plugins.remove(&plugin.name);
        }
    }

    /// Ends all plugins at once, and forgets them.
    pub(super) fn clear(&self) {
        let plugins = std::mem::take(&mut *self.plugins());
        for plugin in plugins.values() {
            plugin.end();
        }
    }

    /// All processes.
    pub(super) fn instances(&self) -> Vec<Arc<Instance>> {
        let plugins = self.all();
        let boards = plugins.iter().map(|plugin| plugin.board.borrow());
        boards
            .flat_map(|board| board.instances().cloned().collect::<Vec<_>>())
            .collect()
    }

    /// Where copies of plugins' files are. It blocks.
    pub(super) fn copies(&self) -> Result<Arc<Copies>, StartError> {
        let mut copies = self.copies.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(copies) = &*copies {
            return Ok(Arc::clone(copies));
        }
        let opened = Copies::open(self.config.copies.as_deref())?;
        Ok(Arc::clone(copies.insert(opened)))
    }

    fn plugins(&self) -> MutexGuard<'_, BTreeMap<PluginName, Arc<Shared>>> {
        self.plugins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
