//! `linkspan bus tap`.

use std::path::PathBuf;
use std::time::Instant;

use clap::{Args, ValueEnum};
use linkspan::bus::{CallPart, Client, Mask, MessageKind, Tap, Tapped};
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT, tell_losses};
use crate::commands::bus::line::Lines;
use crate::commands::bus::record::Recorder;
use crate::commands::bus::replay::{Replay, replay};
use crate::commands::bus::shown::View;
use crate::commands::monitor::stop;
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;
use crate::signals::Signals;

/// Show live traffic readably, record it, and replay what was recorded.
///
/// It sees what others publish, what they send to each other, and their calls. Nobody waits for it:
/// messages that it is too slow for are dropped for it alone, and counted. A broker may have a rule for
/// who may watch.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Topics to look at; with any, nothing but publications is shown.
    masks: Vec<String>,

    #[command(flatten)]
    wanted: Wanted,

    /// How to read payloads.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = View::Auto)]
    show: View,

    /// Stop after this many messages.
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,

    /// Messages that may wait for this command at the broker; the broker's own limit without it.
    #[arg(long, value_name = "COUNT")]
    queue_messages: Option<u64>,

    /// Write all of it into this file, too.
    #[arg(long, value_name = "FILE", conflicts_with = "replay")]
    record: Option<PathBuf>,

    /// Send what this file holds once more, with its timing: what was published, sent to one or many,
    /// and called, but no answers. Masks and the options above choose from it.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["show", "first", "queue_messages"])]
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

/// Which messages are wanted.
#[derive(Debug, Args)]
struct Wanted {
    /// Only from such senders; `*` stands for any letters.
    #[arg(long, value_name = "NAME")]
    sender: Option<String>,

    /// Only for such receivers: names, or masks of broadcasts. A publication has one only if it was
    /// published for somebody.
    #[arg(long, value_name = "NAME")]
    receiver: Option<String>,

    /// Only what is sent in this way; may be repeated.
    #[arg(long, value_name = "KIND", value_enum)]
    kind: Vec<Kinds>,

    /// Only payloads that have this text in them.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

/// In which way a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kinds {
    /// Under a topic.
    Publication,
    /// To one, and part of no call.
    Direct,
    /// To all whose names are alike.
    Broadcast,
    /// To one, in the way of calls, and wants no answer.
    Notification,
    /// A call.
    Request,
    /// The answer to a call.
    Reply,
    /// The failure of a call.
    Error,
}

/// What the broker goes by, and what only this command looks at.
#[derive(Debug)]
pub(super) struct Filter {
    pub(super) tap: Tap,
    kinds: Vec<Kinds>,
    text: Option<String>,
}

impl Filter {
    fn of(options: &Options) -> Result<Self> {
        for mask in &options.masks {
            mask.parse::<Mask>()
                .map_err(|error| Failure::new(Kind::Usage, error))?;
        }
        let wanted = &options.wanted;
        let mut tap = Tap::default();
        tap.masks.clone_from(&options.masks);
        tap.sender.clone_from(&wanted.sender);
        tap.receiver.clone_from(&wanted.receiver);
        tap.kinds = wanted.kind.iter().map(|kind| kind.of_messages()).collect();
        tap.queue_messages = options.queue_messages;
        Ok(Self {
            tap,
            kinds: wanted.kind.clone(),
            text: wanted.text.clone(),
        })
    }

    /// Whether a message is wanted that the broker let pass.
    pub(super) fn admits(&self, kind: Kinds, payload: &[u8]) -> bool {
        let is_kind = self.kinds.is_empty() || self.kinds.contains(&kind);
        let text = self.text.as_deref().map(str::as_bytes);
        let has = |text: &[u8]| {
            text.is_empty() || payload.windows(text.len()).any(|window| window == text)
        };
        is_kind && text.is_none_or(has)
    }
}

impl Kinds {
    /// What a message is.
    pub(super) fn of(tapped: &Tapped, call: Option<&CallPart>) -> Self {
        match (tapped.message.kind(), call) {
            (_, Some(CallPart::Request { .. })) => Self::Request,
            (_, Some(CallPart::Reply { .. })) => Self::Reply,
            (_, Some(CallPart::Error { .. })) => Self::Error,
            (MessageKind::Publication, _) => Self::Publication,
            (MessageKind::Broadcast, _) => Self::Broadcast,
            (MessageKind::Notification, _) | (_, Some(CallPart::Notification(_))) => {
                Self::Notification
            }
            _ => Self::Direct,
        }
    }

    /// The kind of message that carries it.
    pub(super) fn of_messages(self) -> MessageKind {
        match self {
            Self::Publication => MessageKind::Publication,
            Self::Broadcast => MessageKind::Broadcast,
            _ => MessageKind::Direct,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Publication => "publication",
            Self::Direct => "direct",
            Self::Broadcast => "broadcast",
            Self::Notification => "notification",
            Self::Request => "request",
            Self::Reply => "reply",
            Self::Error => "error",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        let all = Self::value_variants().iter();
        all.copied().find(|kind| kind.name() == name)
    }
}

pub(super) async fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let filter = Filter::of(&options)?;
    let client = options.at.connect(loaded).await?;
    let done = match &options.replay {
        Some(file) => {
            let speed = (!options.at_once).then_some(options.speed);
            let replayed = replay(Replay { file, speed }, &filter, &client, output);
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
    let record = options.record.as_deref();
    let mut recorder = record.map(Recorder::create).transpose()?;
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
    let mut tapping = client.tap(filter.tap.clone()).await?;
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
        let tapped = tapping.next().await?;
        let call = tapped.call();
        let kind = Kinds::of(&tapped, call.as_ref());
        if !filter.admits(kind, &tapped.message.payload()) {
            lines.print_missing(&tapped.message)?;
            continue;
        }
        seen += 1;
        if let Some(recorder) = &mut recorder {
            recorder.add(kind, &tapped)?;
        }
        let at = format!("{:>9.3}  ", began.elapsed().as_secs_f64());
        lines.print_tapped(&tapped, kind, call.as_ref(), &at)?;
    }
    Ok(())
}

fn factor(text: &str) -> std::result::Result<f64, String> {
    let factor = text.parse().ok();
    let factor = factor.filter(|factor: &f64| factor.is_finite() && *factor > 0.0);
    factor.ok_or_else(|| format!("{text:?} is not a number above 0"))
}

const EXAMPLES: &str = "Examples:
  linkspan bus tap
  linkspan bus tap house/# --sender 'house.*' --record evening.jsonl
  linkspan bus tap --kind request --kind reply --receiver worker
  linkspan bus tap --replay evening.jsonl --speed 10";
