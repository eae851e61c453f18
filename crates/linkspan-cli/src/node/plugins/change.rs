//! From the configuration to plugins that run, and to others that do so no more.

use std::collections::{BTreeMap, BTreeSet};

use linkspan::plugin::host::Plugin;
use linkspan::plugin::{PluginName, Verified};
use tokio::task::{JoinSet, spawn_blocking};
use tracing::{info, warn};

use crate::config::Plugins as Settings;
use crate::node::plugins::Plugins;
use crate::node::plugins::places::Places;
use crate::node::plugins::trouble::Trouble;

impl Plugins {
    /// Goes over to the settings that hold now: those that are not to run any more are stopped, then
    /// others are started, and those whose terms have changed are both.
    pub(super) async fn change(&self) {
        let _changing = self.changing.lock().await;
        let settings = self.settings();
        let is_wanted = settings.starts_all() || settings.load().next().is_some();
        let is_known = !self.known().is_empty();
        let mut places = match is_wanted || is_known {
            true => Places::look(&settings).await,
            false => Places::default(),
        };
        let mut wanted: BTreeSet<_> = settings.load().cloned().collect();
        if settings.starts_all() {
            wanted.extend(places.names().cloned());
        }
        let outdated = self.outdated(&settings, &wanted);
        let gone: Vec<_> = outdated.keys().cloned().collect();
        self.unload(&gone).await;
        let again = outdated
            .into_iter()
            .filter_map(|(name, returns)| returns.then_some(name));
        for name in again.filter(|name| !wanted.contains(name)) {
            self.begin(&name, &settings, &mut places).await;
        }
        for name in &wanted {
            let was_wanted = {
                let mut known = self.known();
                let known = known.entry(name.clone()).or_default();
                std::mem::replace(&mut known.is_wanted, true)
            };
            match self.plugin(name) {
                None => self.begin(name, &settings, &mut places).await,
                Some(plugin) if !was_wanted => self.run(plugin),
                Some(_) => {}
            }
        }
    }

    /// Looks for a plugin and loads it.
    pub(super) async fn find(&self, name: &PluginName) -> Result<Plugin, Trouble> {
        let _changing = self.changing.lock().await;
        if let Some(plugin) = self.plugin(name) {
            return Ok(plugin);
        }
        let settings = self.settings();
        let mut places = Places::look(&settings).await;
        self.load(name, &settings, &mut places).await
    }

    /// Plugins that have to go: those that were to run and are not any more, and those whose terms have
    /// changed, who come back if they ran.
    fn outdated(
        &self,
        settings: &Settings,
        wanted: &BTreeSet<PluginName>,
    ) -> BTreeMap<PluginName, bool> {
        let known = self.known();
        let outdated = known.iter().filter_map(|(name, known)| {
            let is_over = known.is_wanted && !wanted.contains(name);
            let has_changed = known.terms != settings.terms(name);
            let is_at_rest = known
                .plugin
                .as_ref()
                .is_none_or(|plugin| plugin.state().is_at_rest());
            (is_over || has_changed).then(|| (name.clone(), !is_over && !is_at_rest))
        });
        outdated.collect()
    }

    /// Stops plugins, all at the same time, and forgets them.
    async fn unload(&self, names: &[PluginName]) {
        let known = names
            .iter()
            .filter_map(|name| self.known().remove(name)?.plugin);
        let mut stopping: JoinSet<_> = known.map(stop).collect();
        while let Some(stopped) = stopping.join_next().await {
            if let Ok(plugin) = stopped {
                info!(plugin = %plugin.name(), "plugin was stopped");
                self.host.unload(&plugin).await;
                self.around.forget(plugin.name()).await;
            }
        }
    }

    /// Loads a plugin, and starts it in the background.
    async fn begin(&self, name: &PluginName, settings: &Settings, places: &mut Places) {
        match self.load(name, settings, places).await {
            Ok(plugin) => self.run(plugin),
            Err(trouble) => {
                warn!(plugin = %name, reason = trouble.reason(), "plugin is not taken");
            }
        }
    }

    /// Starts a plugin in the background.
    fn run(&self, plugin: Plugin) {
        self.spawn(async move {
            match plugin.start().await {
                Ok(()) => info!(plugin = %plugin.name(), "plugin runs"),
                Err(error) => {
                    let reason = Trouble::from(error).reason();
                    warn!(plugin = %plugin.name(), reason, "plugin does not run");
                }
            }
        });
    }

    /// Loads a plugin; if it cannot be, that is remembered of one that is to run.
    async fn load(
        &self,
        name: &PluginName,
        settings: &Settings,
        places: &mut Places,
    ) -> Result<Plugin, Trouble> {
        let terms = settings.terms(name);
        let folder = places.take(name);
        let loaded = async {
            let (folder, library) = (folder?, settings.library());
            let verifying = spawn_blocking(move || Verified::open(&folder, &library));
            let verified = verifying.await.map_err(|_| Trouble::Ending)??;
            let mut its_terms = terms.terms(verified.manifest());
            its_terms.cgroup.clone_from(self.cgroup().await);
            Ok(self.host.load_verified(verified, its_terms)?)
        };
        let loaded: Result<Plugin, Trouble> = loaded.await;
        let mut known = self.known();
        match &loaded {
            Ok(plugin) => {
                let known = known.entry(name.clone()).or_default();
                known.terms = terms;
                known.plugin = Some(plugin.clone());
                known.refusal = None;
            }
            Err(trouble) => {
                if let Some(known) = known.get_mut(name) {
                    known.terms = terms;
                    known.refusal = Some((trouble.reason(), trouble.remedy()));
                }
            }
        }
        drop(known);
        loaded
    }
}

async fn stop(plugin: Plugin) -> Plugin {
    plugin.stop().await;
    plugin
}
