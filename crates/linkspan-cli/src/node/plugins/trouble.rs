//! Why a plugin of a node does not do what it is told.

use std::path::PathBuf;

use linkspan::plugin::host::{LoadError, RunError};
use linkspan::plugin::{PluginName, Refusal};
use linkspan::{Category, Code, Failure};
use thiserror::Error;

use crate::node::plugins::wire::chain;

/// A plugin of a node does not do what it is told.
#[derive(Debug, Error)]
pub(in crate::node) enum Trouble {
    #[error("there is no plugin {name} in {}", listed(directories))]
    Missing {
        name: PluginName,
        directories: Vec<PathBuf>,
    },
    #[error(transparent)]
    Refused(#[from] Refusal),
    #[error(transparent)]
    Load(#[from] LoadError),
    #[error(transparent)]
    Run(#[from] RunError),
    #[error("plugin {0} was not started")]
    NotLoaded(PluginName),
    #[error("the node is ending")]
    Ending,
}

impl Trouble {
    /// What is wrong, with all causes.
    pub(super) fn reason(&self) -> String {
        chain(self)
    }

    /// What can be done about it.
    pub(super) fn remedy(&self) -> Option<String> {
        match self {
            Self::Missing { .. } => Some(
                "`linkspan plugin list` shows all; `plugins: { plugin_directories: [DIR] }` names \
                 directories"
                    .to_owned(),
            ),
            Self::Refused(refusal) => refusal.remedy(),
            Self::Load(error) => error.remedy(),
            Self::Run(error) => error.remedy(),
            Self::NotLoaded(name) => Some(format!("`linkspan plugin start {name}` starts it")),
            Self::Ending => None,
        }
    }

    /// What a caller is told; the remedy is one of its causes.
    pub(super) fn to_failure(&self) -> Failure {
        let mut failure = Failure::new(Category::Plugin, Code::UNAVAILABLE, self.reason());
        if let Self::Run(error) = self {
            let words = error.last_words().iter();
            failure
                .causes
                .extend(words.map(|line| format!("stderr: {line}")));
        }
        failure.causes.extend(self.remedy());
        failure
    }
}

fn listed(directories: &[PathBuf]) -> String {
    let places = directories.iter().map(|place| place.display().to_string());
    places.collect::<Vec<_>>().join(", ")
}
