//! The section `environment`.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::config::units::choose;

/// What kind of place the node runs in.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct Environment {
    /// Preset of values that fit the place.
    pub(crate) name: Preset,
    /// Whether every frame that is received is logged, at level trace.
    pub(crate) debug_enabled: bool,
    /// The least important messages that are logged.
    pub(crate) log_level: LogLevel,
    /// How log lines look.
    pub(crate) log_format: LogFormat,
}

/// A named set of values. None of them weakens security.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Preset {
    #[default]
    Development,
    Testing,
    Staging,
    Production,
}

impl Preset {
    const NAMES: [(&'static str, Self); 4] = [
        ("development", Self::Development),
        ("testing", Self::Testing),
        ("staging", Self::Staging),
        ("production", Self::Production),
    ];

    pub(crate) fn name(self) -> &'static str {
        Self::NAMES
            .into_iter()
            .find(|(_, preset)| *preset == self)
            .map_or("", |(name, _)| name)
    }

    /// The values that it changes, by path.
    pub(crate) fn values(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Development => &[],
            Self::Testing => &[("environment.log_level", "debug")],
            Self::Staging => &[("environment.log_format", "json")],
            Self::Production => &[
                ("environment.log_level", "warn"),
                ("environment.log_format", "json"),
            ],
        }
    }
}

/// How important a message is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogLevel {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

impl LogLevel {
    const NAMES: [(&'static str, Self); 5] = [
        ("error", Self::Error),
        ("warn", Self::Warn),
        ("info", Self::Info),
        ("debug", Self::Debug),
        ("trace", Self::Trace),
    ];
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

impl<'de> Deserialize<'de> for Preset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(deserializer, &Self::NAMES)
    }
}

impl<'de> Deserialize<'de> for LogLevel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(deserializer, &Self::NAMES)
    }
}

impl<'de> Deserialize<'de> for LogFormat {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        choose(deserializer, &[("text", Self::Text), ("json", Self::Json)])
    }
}
