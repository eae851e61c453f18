//! What messages have to keep to, and what is kept of those that cannot be delivered.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use linkspan::bus::{self, Mask, Rate, Rates, Schemas};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::units::{Size, whole};

/// A key of the section `bus`, and what is wrong with its value.
pub(super) type Wrong = (&'static str, String);

/// How often messages may come.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct RateSection {
    /// From each client, its secondaries included; answers to calls do not count.
    per_client: ClientRate,
    /// Under the topics of masks, from all clients together.
    topics: Vec<TopicRate>,
}

/// How often messages may come from a client.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
struct ClientRate {
    /// Messages in each second, in the long run; without limit if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    messages_per_second: Option<NonZeroU32>,
    /// Messages that may come at once; those of one second if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
}

/// How often publications may come under the topics of a mask.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TopicRate {
    /// The mask, as `house/#`.
    mask: String,
    /// Publications in each second, in the long run.
    messages_per_second: NonZeroU32,
    /// Publications that may come at once; those of one second if it is not set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    burst: Option<NonZeroU32>,
}

/// What publications under the topics of a mask have to be.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SchemaFile {
    /// The mask, as `house/#`.
    mask: String,
    /// A file with a JSON Schema.
    file: PathBuf,
}

/// What is kept of messages that could not be delivered.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields, expecting = "a section of keys")]
pub(crate) struct DeadLetters {
    /// Messages that are kept; the oldest make room for newer ones.
    #[serde(deserialize_with = "whole")]
    messages: usize,
    /// Bytes of them.
    bytes: Size,
    /// The topic under which each is published once more when it is kept; none if it is not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
}

impl RateSection {
    /// What the library is told.
    pub(super) fn rates(&self) -> Result<Rates, Wrong> {
        let ClientRate {
            messages_per_second,
            burst,
        } = self.per_client;
        if let (None, Some(burst)) = (messages_per_second, burst) {
            let problem = format!("{burst} means nothing without messages_per_second");
            return Err(("rate.per_client.burst", problem));
        }
        let mut rates = Rates::default();
        rates.per_client = messages_per_second.map(|number| rate(number, burst));
        for topic in &self.topics {
            let mask = mask(&topic.mask).map_err(|problem| ("rate.topics", problem))?;
            let rate = rate(topic.messages_per_second, topic.burst);
            rates.topics.push((mask, rate));
        }
        Ok(rates)
    }
}

fn rate(messages_per_second: NonZeroU32, burst: Option<NonZeroU32>) -> Rate {
    let burst = burst.unwrap_or(messages_per_second);
    Rate::new(messages_per_second.get(), burst.get())
}

fn mask(text: &str) -> Result<Mask, String> {
    text.parse()
        .map_err(|error| format!("{text:?} is not a mask: {error}"))
}

/// The schemas of some files.
pub(super) fn schemas(files: &[SchemaFile]) -> Result<Schemas, Wrong> {
    let mut schemas = Schemas::new();
    for SchemaFile { mask, file } in files {
        let wrong = |problem: &dyn ToString| wrong_file(file, problem);
        let mask = self::mask(mask).map_err(|problem| ("schemas", problem))?;
        let text = std::fs::read_to_string(file).map_err(|error| wrong(&error))?;
        schemas.add(&mask, &text).map_err(|error| wrong(&error))?;
    }
    Ok(schemas)
}

fn wrong_file(file: &Path, problem: &dyn ToString) -> Wrong {
    let problem = problem.to_string();
    ("schemas", format!("{}: {problem}", file.display()))
}

/// Whether what stands in the configuration can be right, without a look at the files.
pub(super) fn check_masks(files: &[SchemaFile]) -> Result<(), Wrong> {
    let masks = files.iter().map(|file| mask(&file.mask));
    let checked: Result<Vec<_>, _> = masks.collect();
    checked.map(drop).map_err(|problem| ("schemas", problem))
}

impl DeadLetters {
    /// What the library is told.
    pub(super) fn settings(&self) -> bus::DeadLetters {
        let mut settings = bus::DeadLetters::default();
        settings.messages = self.messages;
        settings.bytes = usize::try_from(self.bytes.0).unwrap_or(usize::MAX);
        settings.topic.clone_from(&self.topic);
        settings
    }
}

impl Default for DeadLetters {
    fn default() -> Self {
        let usual = bus::DeadLetters::default();
        Self {
            messages: usual.messages,
            bytes: Size(u64::try_from(usual.bytes).unwrap_or(u64::MAX)),
            topic: None,
        }
    }
}
