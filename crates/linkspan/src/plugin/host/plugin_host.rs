//! The host of plugins.

use std::path::Path;
use std::sync::Arc;

use proto::message::VersionRange;
use tokio::task::{self, JoinHandle, JoinSet};

use crate::plugin::host::house::House;
use crate::plugin::host::sampling::sample;
use crate::plugin::host::shared::Shared;
use crate::plugin::host::watching::watch;
use crate::plugin::host::{HostConfig, LoadError, Plugin, Terms, control};
use crate::plugin::{LogLevel, Verified};

/// Runs plugins: starts them as they were verified, watches them, and ends them.
///
/// When it is dropped, all processes of all plugins are killed; [`stop`](Self::stop) ends them in order.
/// They end, too, when this process is killed.
#[derive(Debug)]
pub struct PluginHost {
    house: Arc<House>,
    sampling: JoinHandle<()>,
}

impl PluginHost {
    /// A host without plugins.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn new(config: HostConfig) -> Self {
        let every = config.sample_interval;
        let house = Arc::new(House::new(config));
        let sampling = task::spawn(sample(Arc::downgrade(&house), every));
        Self { house, sampling }
    }

    /// Verifies the plugin in a folder and takes it in; nothing of it runs yet.
    ///
    /// # Errors
    ///
    /// - [`LoadError::Refused`]: it cannot be verified.
    /// - [`LoadError::Protocol`]: it is too new for this host, or too old.
    /// - [`LoadError::Duplicate`]: there is one of its name.
    /// - [`LoadError::TooMany`]: the host has as many as it may.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is not taken in.
    pub async fn load(&self, folder: impl AsRef<Path>, terms: Terms) -> Result<Plugin, LoadError> {
        let (folder, config) = (
            folder.as_ref().to_owned(),
            self.house.config.plugins.clone(),
        );
        let verifying = task::spawn_blocking(move || Verified::open(&folder, &config));
        let verified = verifying.await.map_err(|_| LoadError::Stopped)??;
        self.load_verified(verified, terms)
    }

    /// Takes in a plugin that was verified; nothing of it runs yet. When it is started a second time, or
    /// reloaded, it is verified again, by the settings of this host.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime, if it is to be reloaded when its files change.
    pub fn load_verified(&self, verified: Verified, terms: Terms) -> Result<Plugin, LoadError> {
        let manifest = verified.manifest();
        let host = VersionRange::SUPPORTED;
        if manifest.protocol.common(host).is_none() {
            return Err(LoadError::Protocol {
                name: manifest.name.clone(),
                plugin: manifest.protocol,
                host,
            });
        }
        let shared = Arc::new(Shared::new(verified, terms, Arc::clone(&self.house)));
        self.house.add(&shared)?;
        if shared.board.borrow().facts.manifest.reattach {
            let text =
                "it ends with its host, though its manifest asks to be taken over by the next one";
            shared.logs.note(0, LogLevel::Warn, text);
        }
        if shared.terms.reload_on_change {
            shared.spawn(watch(Arc::downgrade(&shared)));
        }
        Ok(Plugin { shared })
    }

    /// The plugin of a name.
    pub fn plugin(&self, name: &str) -> Option<Plugin> {
        self.house.find(name).map(|shared| Plugin { shared })
    }

    /// All plugins, by name.
    pub fn plugins(&self) -> Vec<Plugin> {
        let all = self.house.all().into_iter();
        all.map(|shared| Plugin { shared }).collect()
    }

    /// Stops a plugin and forgets it. Its handles stay, and it cannot be started by them any more.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, it is stopped, but may not be forgotten.
    pub async fn unload(&self, plugin: &Plugin) {
        plugin.stop().await;
        plugin.shared.end();
        self.house.remove(&plugin.shared);
    }

    /// Stops all plugins, all at the same time, and waits until nothing of them is left.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, all are killed.
    pub async fn stop(self) {
        let mut stopping = JoinSet::new();
        for plugin in self.house.all() {
            stopping.spawn(async move { control::stop(&plugin).await });
        }
        while stopping.join_next().await.is_some() {}
    }
}

impl Drop for PluginHost {
    fn drop(&mut self) {
        self.sampling.abort();
        self.house.clear();
    }
}
