//! `linkspan bus tap`.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use linkspan::bus::{Client, Mask, Message, Subscribe};
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT, off_the_bus, tell_losses};
use crate::commands::bus::line::{Lines, kind_name};
use crate::commands::bus::record::Recorder;
use crate::commands::bus::replay::replay;
use crate::commands::bus::shown::View;
use crate::commands::monitor::stop;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;
use crate::signals::Signals;

/// Show live traffic readably, record it, and replay what was recorded.
///
/// It sees what is published, and what is sent to its own name or to masks that its name matches; what
/// two other clients send to each other stays between them. Messages that it is too slow for are
/// dropped for it alone, and counted.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Topics to look at.
    #[arg(default_value = "#")]
    masks: Vec<String>,

    /// Only from such senders; `*` stands for any letters.
    #[arg(long, value_name = "NAME")]
    sender: Option<String>,

    /// Only what came in this way; may be repeated.
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Vec<Kinds>,

    /// How to read payloads.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = View::Auto)]
    show: View,

    /// Stop after this many messages.
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,

    /// Write all of it into this file, too.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Publish what this file holds, with its timing; masks, --sender and --kind choose from it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["show", "first"])]
    replay: Option<PathBuf>,

    /// So many times as fast.
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, requires = "replay",
        value_parser = factor)]
    speed: f64,

    /// As fast as it is taken.
    #[arg(long, requires = "replay", conflicts_with = "speed")]
    at_once: bool,

    #[command(flatten)]
    at: At,
}

/// In which way a message came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kinds {
    Publication,
    Direct,
    Broadcast,
    Notification,
}

/// Which messages are wanted.
#[derive(Debug, Default)]
pub(super) struct Filter {
    sender: Option<String>,
    kinds: Vec<&'static str>,
}

impl Filter {
    /// Whether one of this kind by this sender is wanted.
    pub(super) fn admits(&self, kind: &str, sender: &str) -> bool {
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&kind);
        let pattern = self.sender.as_deref();
        is_kind && pattern.is_none_or(|pattern| fits(pattern, sender))
    }
}

pub(super) async fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let kinds = options.kind.iter().map(|kind| kind.name());
    let filter = Filter {
        sender: options.sender.clone(),
        kinds: kinds.collect(),
    };
    let client = options.at.connect(loaded).await?;
    let done = match &options.replay {
        Some(file) => {
            let speed = (!options.at_once).then_some(options.speed);
            let masks = masks(&options.masks)?;
            let replayed = replay(file, speed, &masks, &filter, &client, output);
            tokio::select! {
                replayed = replayed => replayed,
                () = stop(&mut signals) => Ok(()),
            }
        }
        None => watch(&options, &filter, &client, &mut signals, output).await,
    };
    client.close(CLOSE_LIMIT).await;
    done
}

async fn watch(
    options: &Options,
    filter: &Filter,
    client: &Client,
    signals: &mut Signals,
    output: &Output,
) -> Result {
    let mut recorder = options
        .record
        .as_deref()
        .map(Recorder::create)
        .transpose()?;
    let watched = tokio::select! {
        watched = print(options, filter, client, recorder.as_mut(), output) => watched,
        told = tell_losses(client, output) => told,
        () = stop(signals) => Ok(()),
    };
    recorder.map_or(Ok(()), Recorder::finish)?;
    watched
}

async fn print(
    options: &Options,
    filter: &Filter,
    client: &Client,
    mut recorder: Option<&mut Recorder>,
    output: &Output,
) -> Result {
    let mut wanted = Subscribe::to(options.masks.iter().map(String::as_str));
    wanted.overflow = Some(linkspan::bus::Overflow::DropOldest);
    let mut inbox = client.inbox();
    let mut subscription = client.subscribe(wanted).await?;
    if output.json {
        output.json_line(&json!({ "event": "subscribed", "name": client.name() }))?;
    }
    let lines = Lines {
        view: options.show,
        only_payloads: false,
        output,
    };
    let (began, mut seen) = (Instant::now(), 0);
    while options.first.is_none_or(|first| seen < first) {
        let message: Option<Message> = tokio::select! {
            message = subscription.next() => message.transpose()?,
            message = inbox.next() => message,
        };
        let Some(message) = message else {
            return Err(off_the_bus(client).await);
        };
        if !filter.admits(kind_name(message.kind()), message.sender()) {
            continue;
        }
        seen += 1;
        if let Some(recorder) = &mut recorder {
            recorder.add(&message)?;
        }
        lines.print(
            &message,
            &format!("{:>9.3}  ", began.elapsed().as_secs_f64()),
        )?;
    }
    Ok(())
}

fn masks(texts: &[String]) -> Result<Vec<Mask>> {
    let masks = texts.iter().map(|text| {
        let mask = text.parse::<Mask>();
        mask.map_err(|error| Failure::new(Kind::Usage, error))
    });
    masks.collect()
}

/// Whether a name fits a pattern in which `*` stands for any letters.
fn fits(pattern: &str, name: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return pattern == name;
    };
    let Some(name) = name.strip_prefix(start) else {
        return false;
    };
    let starts = name
        .char_indices()
        .map(|(start, _)| start)
        .chain([name.len()]);
    let mut ends = starts.filter_map(|start| name.get(start..));
    ends.any(|end| fits(rest, end))
}

impl Kinds {
    fn name(self) -> &'static str {
        match self {
            Self::Publication => "publication",
            Self::Direct => "direct",
            Self::Broadcast => "broadcast",
            Self::Notification => "notification",
        }
    }
}

fn factor(text: &str) -> std::result::Result<f64, String> {
    let factor = text.parse().ok();
    let factor = factor.filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
    factor.ok_or_else(|| format!("{text:?} is not a number above 0"))
}

const EXAMPLES: &str = "Examples:
  linkspan bus tap
  linkspan bus tap house/# --sender 'house.*' --record evening.jsonl
  linkspan bus tap --replay evening.jsonl --speed 10";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_letters() {
        for (pattern, name, is_fitting) in [
            ("a.b", "a.b", true),
            ("a.b", "a.bc", false),
            ("a.*", "a.b.c", true),
            ("a.*", "a.", true),
            ("*", "", true),
            ("*.b*d", "a.b.c.d", true),
            ("*.b*d", "a.b.c.de", false),
            ("*ä", "xä", true),
        ] {
            assert_eq!(fits(pattern, name), is_fitting, "{pattern} {name}");
        }
    }
}
