//! The plugins of a node: which of them are to run, and what becomes of that.
//!
//! ```text
//!   configuration ──► Plugins::apply ──► Discovery ──► PluginHost ──► processes
//!   plugins.start ...  ─────▲                              ▲ their calls and messages
//!                                                       Around: methods and broker of the node
//! ```

mod around;
mod change;
mod places;
mod service;
mod trouble;
mod wire;

pub(crate) use service::{PluginControl, PluginControlClient};
pub(crate) use wire::{LogLine, PluginProcess, PluginStatus};

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use linkspan::auth::Principal;
use linkspan::auth::policy::{self, Access, Action};
use linkspan::bus::Embedded;
use linkspan::plugin::PluginName;
use linkspan::plugin::host::{HostConfig, Plugin, PluginHost, State};
use linkspan::rpc::{BoxService, MethodInfo, Router};
use tokio::sync::OnceCell;
use tokio::task::{JoinSet, spawn_blocking};
use tracing::warn;

use crate::config::{Config, PluginTerms, Plugins as Settings};
use crate::node::guard::Guard;
use crate::node::plugins::around::Around;
use crate::node::plugins::service::{PluginControlServer, PluginMethods};
use crate::node::plugins::trouble::Trouble;

/// The plugins of a node.
#[derive(Debug)]
pub(crate) struct Plugins {
    host: PluginHost,
    around: Around,
    rights: policy::Guard,
    settings: Mutex<Arc<Settings>>,
    known: Mutex<BTreeMap<PluginName, Known>>,
    /// Who has it changes which plugins there are.
    changing: tokio::sync::Mutex<()>,
    /// Changes of which plugins are to run, as far as they are not done.
    changes: AtomicUsize,
    tasks: Mutex<JoinSet<()>>,
    /// Where cgroups for plugins can be made, once somebody has looked.
    cgroup: OnceCell<Option<PathBuf>>,
}

/// A plugin that runs, or is to run.
#[derive(Debug, Clone, Default)]
struct Known {
    /// Whether the configuration says that it is to run.
    is_wanted: bool,
    /// What it was loaded with.
    terms: PluginTerms,
    plugin: Option<Plugin>,
    /// Why it was not loaded.
    refusal: Option<(String, Option<String>)>,
}

impl Plugins {
    /// No plugin is known yet.
    pub(super) fn new(config: &Config, guard: &Guard, broker: Option<Embedded>) -> Arc<Self> {
        let rights = guard.rights.clone();
        let around = Around::new(rights.clone(), broker);
        let mut host = HostConfig::default();
        host.surroundings = Arc::new(around.clone());
        host.gate.audit = guard.authentication.config().audit.clone();
        host.plugins = config.plugins.library();
        host.max_plugins = config.plugins.max_plugins();
        host.session = config.server().session;
        Arc::new(Self {
            host: PluginHost::new(host),
            around,
            rights,
            settings: Mutex::new(Arc::new(config.plugins.clone())),
            known: Mutex::default(),
            changing: tokio::sync::Mutex::default(),
            changes: AtomicUsize::new(0),
            tasks: Mutex::default(),
            cgroup: OnceCell::new(),
        })
    }

    /// Lets plugins call these methods, as far as they may.
    pub(super) fn open(&self, methods: Router) {
        self.around.open(methods);
    }

    /// Has those run that are to run by these settings, and no others that were to run before. It goes
    /// on in the background.
    pub(super) fn apply(self: &Arc<Self>, settings: Settings) {
        // Of several changes the last one counts, whichever is done first.
        *lock(&self.settings) = Arc::new(settings);
        self.changes.fetch_add(1, Ordering::Relaxed);
        let this = Arc::clone(self);
        self.spawn(async move {
            this.change().await;
            this.changes.fetch_sub(1, Ordering::Relaxed);
        });
    }

    /// Starts a plugin; one that is not known is looked for.
    pub(super) async fn start(&self, name: &PluginName) -> Result<(), Trouble> {
        let plugin = match self.plugin(name) {
            Some(plugin) => plugin,
            None => self.find(name).await?,
        };
        Ok(plugin.start().await?)
    }

    /// Stops a plugin that is known.
    pub(super) async fn stop(&self, name: &PluginName) -> Result<(), Trouble> {
        self.loaded(name)?.stop().await;
        Ok(())
    }

    /// Stops a plugin, and starts it as its files are now.
    pub(super) async fn restart(&self, name: &PluginName) -> Result<(), Trouble> {
        match self.plugin(name) {
            Some(plugin) => Ok(plugin.restart().await?),
            None => self.start(name).await,
        }
    }

    /// Has a plugin run as its files are now, without a gap.
    pub(super) async fn reload(&self, name: &PluginName) -> Result<(), Trouble> {
        Ok(self.loaded(name)?.reload().await?)
    }

    /// The service `plugins`, and methods of the plugins that run.
    pub(super) fn router(self: &Arc<Self>) -> Router {
        let this = Arc::clone(self);
        Router::new()
            .service(PluginControlServer::new(PluginMethods(Arc::clone(self))))
            .others(move |method| this.service_of(method))
    }

    /// What can be called of the plugins that run.
    pub(super) fn methods(&self) -> Vec<MethodInfo> {
        let plugins = self.host.plugins().into_iter();
        let running = plugins.filter(|plugin| plugin.state() == State::Running);
        let methods = running.flat_map(|plugin| {
            let service = plugin.name().as_str().replace('-', "_");
            let manifest = plugin.manifest();
            manifest.methods.into_iter().map(move |(name, method)| {
                let mut info = MethodInfo::named(format!("{service}.{name}"));
                info.doc = method.description.unwrap_or_default();
                info.idempotent = method.is_idempotent || method.is_pure;
                info
            })
        });
        methods.collect()
    }

    /// A plugin that was loaded.
    pub(super) fn plugin(&self, name: &PluginName) -> Option<Plugin> {
        self.known().get(name)?.plugin.clone()
    }

    fn loaded(&self, name: &PluginName) -> Result<Plugin, Trouble> {
        let plugin = self.plugin(name);
        plugin.ok_or_else(|| Trouble::NotLoaded(name.clone()))
    }

    /// Who answers a method of a plugin, which is called by the name of the plugin.
    pub(super) fn service_of(&self, method: &str) -> Option<BoxService> {
        let (service, _) = method.split_once('.')?;
        let name: PluginName = service.replace('_', "-").parse().ok()?;
        // There is one way to write it.
        let is_its = !service.contains('-');
        let plugin = self.plugin(&name).filter(|_| is_its)?;
        Some(BoxService::new(plugin))
    }

    /// What is known of all plugins, by their names.
    pub(super) fn statuses(&self) -> Vec<PluginStatus> {
        let known = self.known().clone();
        known
            .iter()
            .map(|(name, known)| known.status(name))
            .collect()
    }

    /// The same, with what they last wrote for those only who may read their logs.
    pub(super) fn statuses_for(&self, principal: &Principal) -> Vec<PluginStatus> {
        let mut statuses = self.statuses();
        let with_words = statuses.iter_mut().filter(|one| !one.last_words.is_empty());
        for status in with_words {
            let access = Access::new(Action::PluginLogs, &status.name);
            if !self.rights.decide(principal, &access).permitted {
                status.last_words.clear();
            }
        }
        statuses
    }

    /// What is known of a plugin.
    pub(super) fn status(&self, name: &PluginName) -> Option<PluginStatus> {
        Some(self.known().get(name)?.status(name))
    }

    /// Why the plugins do not all do what they are to do.
    pub(super) fn obstacles(&self) -> Vec<String> {
        let is_changing = self.changes.load(Ordering::Relaxed) > 0;
        let changing = is_changing.then(|| "plugins are still being started or stopped".to_owned());
        let statuses = self.statuses();
        let obstacles = statuses.iter().filter_map(PluginStatus::obstacle);
        changing.into_iter().chain(obstacles).collect()
    }

    /// Stops all plugins; `limit` is for what is under way.
    pub(super) async fn end(&self, limit: Duration) {
        self.tasks().abort_all();
        let mut stopping = JoinSet::new();
        for plugin in self.host.plugins() {
            stopping.spawn(async move { plugin.stop().await });
        }
        let all = async { while stopping.join_next().await.is_some() {} };
        if tokio::time::timeout(limit + END_LIMIT, all).await.is_err() {
            warn!("some plugins do not end in order, and are killed");
        }
        self.known().clear();
        self.around.close();
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    async fn cgroup(&self) -> &Option<PathBuf> {
        let look = || async {
            let looking = spawn_blocking(os::sandbox::delegated_cgroup);
            looking.await.unwrap_or_default()
        };
        self.cgroup.get_or_init(look).await
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&lock(&self.settings))
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<PluginName, Known>> {
        lock(&self.known)
    }

    fn tasks(&self) -> MutexGuard<'_, JoinSet<()>> {
        lock(&self.tasks)
    }
}

impl Known {
    fn status(&self, name: &PluginName) -> PluginStatus {
        let Some(plugin) = &self.plugin else {
            let (reason, remedy) = self.refusal.clone().unwrap_or_default();
            let mut status = PluginStatus::refused(name.as_str(), reason, remedy);
            status.wanted = self.is_wanted;
            return status;
        };
        let mut status = PluginStatus::from(&plugin.status());
        let manifest = plugin.manifest();
        let granted = plugin.terms().grants_for(&manifest);
        let asked = manifest.capabilities.iter();
        let withheld = asked.filter(|asked| !granted.iter().any(|grant| asked.is_within(grant)));
        status.wanted = self.is_wanted;
        status.withheld = withheld.map(ToString::to_string).collect();
        status.granted = granted.iter().map(ToString::to_string).collect();
        status
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Time to end after what was under way is done.
const END_LIMIT: Duration = Duration::from_secs(5);
