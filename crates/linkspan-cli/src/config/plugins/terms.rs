//! What holds for one plugin.

use linkspan::plugin::host::Terms;
use linkspan::plugin::{Grant, Limits, Manifest, RestartPolicy, SandboxLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::choose;

/// What holds for one plugin; if it changes, the plugin is started anew.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct PluginTerms {
    pub(crate) grants: Vec<Grant>,
    pub(crate) sandbox: SandboxLevel,
    pub(crate) limits: Limits,
    pub(crate) instances: Option<u32>,
    pub(crate) restart: Option<RestartChoice>,
    pub(crate) reload_on_change: bool,
}

impl PluginTerms {
    /// What the library is told about the plugin of this manifest.
    pub(crate) fn terms(&self, manifest: &Manifest) -> Terms {
        let mut terms = Terms::default();
        terms.grants.clone_from(&self.grants);
        terms.sandbox = self.sandbox;
        terms.limits.clone_from(&self.limits);
        terms.instances = self.instances;
        terms.restart = self.restart.map(|choice| {
            let mut restart = manifest.restart;
            restart.policy = choice.into();
            restart
        });
        terms.reload_on_change = self.reload_on_change;
        terms
    }
}

/// When a plugin that ended is started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum RestartChoice {
    /// Never.
    Never,
    /// If it failed or was killed.
    OnFailure,
    /// In any case.
    Always,
}

impl From<RestartChoice> for RestartPolicy {
    fn from(choice: RestartChoice) -> Self {
        match choice {
            RestartChoice::Never => Self::Never,
            RestartChoice::OnFailure => Self::OnFailure,
            RestartChoice::Always => Self::Always,
        }
    }
}

impl<'de> Deserialize<'de> for RestartChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(
            deserializer,
            &[
                ("never", Self::Never),
                ("on-failure", Self::OnFailure),
                ("always", Self::Always),
            ],
        )
    }
}
