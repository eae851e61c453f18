//! Log lines on standard error.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, fmt, reload};

use crate::config::{Environment, LogFormat, LogLevel};

/// Changes the level while the program runs.
#[derive(Debug, Clone)]
pub(crate) struct Logging(reload::Handle<Targets, Registry>);

impl Logging {
    /// Begins to log.
    pub(crate) fn start(environment: &Environment, color: bool) -> anyhow::Result<Self> {
        Self::begin(targets(environment), environment, color)
    }

    /// The same, and all that a module has to tell but its single steps.
    pub(crate) fn start_detailed(
        environment: &Environment,
        color: bool,
        module: &str,
    ) -> anyhow::Result<Self> {
        let targets = targets(environment).with_target(module, LevelFilter::DEBUG);
        Self::begin(targets, environment, color)
    }

    fn begin(targets: Targets, environment: &Environment, color: bool) -> anyhow::Result<Self> {
        // A line that standard error does not take is lost; complaining about that there would panic.
        let (targets, handle) = reload::Layer::new(targets);
        let lines = match environment.log_format {
            LogFormat::Json => fmt::layer()
                .json()
                .log_internal_errors(false)
                .with_writer(std::io::stderr)
                .boxed(),
            LogFormat::Text => {
                let colors = color && std::io::stderr().is_terminal();
                fmt::layer()
                    .with_ansi(colors)
                    .log_internal_errors(false)
                    .with_writer(std::io::stderr)
                    .boxed()
            }
        };
        tracing_subscriber::registry()
            .with(targets)
            .with(lines)
            .try_init()?;
        Ok(Self(handle))
    }

    /// Takes another level; the format stays.
    pub(crate) fn change(&self, environment: &Environment) -> anyhow::Result<()> {
        Ok(self.0.reload(targets(environment))?)
    }
}

/// Which events are logged.
fn targets(environment: &Environment) -> Targets {
    let level = match environment.log_level {
        LogLevel::Error => Level::ERROR,
        LogLevel::Warn => Level::WARN,
        LogLevel::Info => Level::INFO,
        LogLevel::Debug => Level::DEBUG,
        LogLevel::Trace => Level::TRACE,
    };
    let targets = Targets::new().with_default(level);
    match environment.debug_enabled {
        true => targets.with_target("linkspan::session", LevelFilter::TRACE),
        false => targets,
    }
}
