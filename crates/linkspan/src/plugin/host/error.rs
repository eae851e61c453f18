//! Why a plugin is not loaded, or does not run.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use proto::error::{Category, Code, HandshakeError};
use proto::message::VersionRange;
use thiserror::Error;

use crate::plugin::host::{Ending, StartError};
use crate::plugin::{PluginName, Refusal};
use crate::session::{CallError, ConnectError, Disconnected};

/// A host does not load a plugin.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LoadError {
    /// It cannot be verified.
    #[error("the plugin is not taken")]
    Refused(#[from] Refusal),
    /// It and this host speak no common version of the protocol.
    #[error(
        "plugin {name} speaks the protocol in versions {plugin}, this host {host}; upgrade {}",
        behind(*.host, *.plugin)
    )]
    Protocol {
        /// Its name.
        name: PluginName,
        /// The versions of its manifest.
        plugin: VersionRange,
        /// This host's.
        host: VersionRange,
    },
    /// There is one of that name.
    #[error("there is a plugin {name} already, from {path}")]
    Duplicate {
        /// The name.
        name: PluginName,
        /// Where the other one is.
        path: PathBuf,
    },
    /// The runtime shuts down.
    #[error("this process is about to end")]
    Stopped,
    /// The host has as many as it may.
    #[error("plugin {name} is one more than the {limit} that this host may have")]
    TooMany {
        /// Its name.
        name: PluginName,
        /// How many there may be.
        limit: usize,
    },
}

impl LoadError {
    /// What can be done about it; none if the error says it all.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::Protocol { .. } | Self::Stopped => None,
            Self::Duplicate { .. } => Some("remove one of them, or give it another name".into()),
            Self::TooMany { .. } => Some("raise `plugins: { max_plugins: N }`".into()),
        }
    }
}

/// A plugin does not run.
#[derive(Debug, Clone, Error)]
#[non_exhaustive]
pub enum RunError {
    /// Its files are not what they were, and not taken as they are.
    #[error("the plugin is not taken as it is now")]
    Refused(#[source] Arc<Refusal>),
    /// It now has another name.
    #[error("the plugin's folder now has the plugin {found}, not {expected}")]
    Renamed {
        /// The plugin that was loaded.
        expected: PluginName,
        /// The one that is there.
        found: PluginName,
    },
    /// No process of it was started, or it ended before it was ready.
    #[error("the plugin was not started")]
    Start(#[source] Arc<StartError>),
    /// The system refused what is needed to speak with it.
    #[error("cannot {step} for the plugin")]
    System {
        /// What was to be done.
        step: &'static str,
        /// The system's answer.
        #[source]
        source: Arc<io::Error>,
    },
    /// It refuses this host's versions of the protocol, whatever its manifest says.
    #[error(
        "the plugin does not speak the protocol in versions {host}, though its manifest says so; to \
         this host, its client, it says: {told}"
    )]
    Protocol {
        /// This host's versions.
        host: VersionRange,
        /// What the plugin says, as a rule which versions it has, and which side to upgrade.
        told: String,
    },
    /// It did not agree on a session.
    #[error("the plugin did not agree on a session")]
    Handshake(#[source] Arc<ConnectError>),
    /// It does not say what it is.
    #[error("the plugin does not say what it is")]
    Describe(#[source] CallError),
    /// It is something else than its manifest says.
    #[error("the manifest says {what} {manifest}, the plugin says {plugin}")]
    Mismatch {
        /// What differs.
        what: &'static str,
        /// As the manifest has it.
        manifest: String,
        /// As the plugin says.
        plugin: String,
    },
    /// Methods differ from those in its manifest.
    #[error("{}", methods(.missing, .stray))]
    Methods {
        /// Those that only the manifest has.
        missing: Vec<String>,
        /// Those that only the plugin has.
        stray: Vec<String>,
    },
    /// Its connection broke before it was ready.
    #[error("the connection with the plugin broke before it was ready")]
    Lost(#[source] Disconnected),
    /// It did not say what it is in time.
    #[error("the plugin did not say what it is within {limit:?} of its start")]
    TimedOut {
        /// How long it had.
        limit: Duration,
    },
    /// It was not ready in time.
    #[error("the plugin was not ready within {limit:?}{}", because(.reason))]
    NotReady {
        /// How long it had.
        limit: Duration,
        /// Why not, in its words; may be empty.
        reason: String,
    },
    /// It ended too often.
    #[error(
        "the plugin was given up after {crashes} {} within {window:?}; at last it {last}",
        if *.crashes == 1 { "crash" } else { "crashes" }
    )]
    GivenUp {
        /// How often.
        crashes: u32,
        /// Within which time.
        window: Duration,
        /// The last time.
        last: Box<Ending>,
    },
    /// It was stopped meanwhile.
    #[error("the plugin was stopped meanwhile")]
    Stopped,
    /// It has ended in order, and is not to be started again.
    #[error("the plugin has ended in order and is not started again")]
    Done,
    /// Its host is gone, or it was unloaded.
    #[error("the plugin's host is gone")]
    Unloaded,
}

impl RunError {
    pub(super) fn system(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::System {
            step,
            source: Arc::new(source),
        }
    }

    /// What can be done about it; none if the error says it all.
    pub fn remedy(&self) -> Option<String> {
        match self {
            Self::Refused(refusal) => refusal.remedy(),
            Self::Start(error) => error.hint(),
            Self::Mismatch { .. } | Self::Methods { .. } => {
                Some("correct the manifest or the plugin, and pin it again".to_owned())
            }
            Self::TimedOut { .. } => Some(
                "it has to serve its connection at once; what takes long belongs after that, until \
                 it is ready"
                    .to_owned(),
            ),
            Self::NotReady { .. } => Some("give it more time by `ready_timeout`".to_owned()),
            Self::GivenUp { last, .. } => last.remedy(),
            _ => None,
        }
    }

    /// What the plugin last wrote to its standard error, as far as that is known; it may be empty.
    pub fn last_words(&self) -> &[String] {
        match self {
            Self::GivenUp { last, .. } => &last.last_words,
            Self::Start(error) => match &**error {
                StartError::Ended { last_lines, .. } => last_lines,
                _ => &[],
            },
            _ => &[],
        }
    }

    /// Whether that may be how the end of the process looks from here.
    pub(super) fn may_be_end(&self) -> bool {
        match self {
            Self::Handshake(error) => matches!(**error, ConnectError::Io(_)),
            Self::Describe(error) => error.category() == Category::Connection,
            Self::Lost(reason) => !matches!(reason, Disconnected::Protocol(_)),
            _ => false,
        }
    }

    /// Whether another attempt may go otherwise, though nobody changes anything.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Start(error) => matches!(
                **error,
                StartError::Ended { .. }
                    | StartError::Launch(_)
                    | StartError::Memory(_)
                    | StartError::Place(_)
                    | StartError::Descriptor { .. }
            ),
            Self::System { .. }
            | Self::Handshake(_)
            | Self::Describe(_)
            | Self::Lost(_)
            | Self::TimedOut { .. }
            | Self::NotReady { .. } => true,
            _ => false,
        }
    }
}

impl From<StartError> for RunError {
    fn from(error: StartError) -> Self {
        Self::Start(Arc::new(error))
    }
}

impl From<ConnectError> for RunError {
    fn from(error: ConnectError) -> Self {
        match error {
            ConnectError::Handshake(HandshakeError::Refused(failure))
                if failure.code == Code::VERSION =>
            {
                Self::Protocol {
                    host: VersionRange::SUPPORTED,
                    told: failure.message,
                }
            }
            error => Self::Handshake(Arc::new(error)),
        }
    }
}

/// The side whose versions are older.
fn behind(host: VersionRange, plugin: VersionRange) -> &'static str {
    match host.max < plugin.min {
        true => "the host",
        false => "the plugin",
    }
}

fn because(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(": {reason}"),
    }
}

fn methods(missing: &[String], stray: &[String]) -> String {
    let listed = |names: &[String]| names.join(", ");
    match (missing, stray) {
        (missing, []) => format!(
            "the plugin does not have methods of its manifest: {}",
            listed(missing)
        ),
        ([], stray) => format!(
            "the plugin has methods that its manifest does not name: {}",
            listed(stray)
        ),
        (missing, stray) => format!(
            "the plugin does not have methods of its manifest ({}), but others ({})",
            listed(missing),
            listed(stray)
        ),
    }
}
