//! `linkspan bus dlq`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand, ValueEnum};
use linkspan::bus::{
    Client, DeadLetter, DeadLetterFilter, DeadMessage, DeadReason, Mask, Replayed,
};
use serde_json::{Map, Value, json};

use crate::commands::bus::client::{At, CLOSE_LIMIT};
use crate::commands::bus::shown::{Shown, View};
use crate::config::Loaded;
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, Table, bytes, counted, since};

/// See messages that could not be delivered, have them delivered after all, or forgotten.
///
/// A broker keeps those that did not fit the schema of their topic, that a subscriber had no room for
/// in time, and that nobody got although somebody had to; the oldest make room for newer ones.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    at: At,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List them, the oldest first.
    List {
        /// Those under the topics of a mask only.
        mask: Option<Mask>,

        /// Those of one reason only.
        #[arg(long)]
        reason: Option<Reason>,
    },
    /// Show one with its payload.
    Show {
        /// Its number.
        id: u64,

        /// How to read its payload.
        #[arg(long, value_name = "FORMAT", value_enum, default_value_t = View::Auto)]
        show: View,

        /// Print nothing but the bytes of its payload, as they are.
        #[arg(long, conflicts_with = "show")]
        raw: bool,
    },
    /// Deliver them in the names of their senders, to all who want them now or to the one client that did
    /// not get them; those that nobody takes stay.
    Replay(Chosen),
    /// Forget them.
    Drop(Chosen),
}

/// Which of them are meant.
#[derive(Debug, Args)]
struct Chosen {
    /// Their numbers.
    #[arg(value_name = "ID")]
    ids: Vec<u64>,

    /// Those under the topics of a mask.
    #[arg(long)]
    mask: Option<Mask>,

    /// Those of one reason.
    #[arg(long)]
    reason: Option<Reason>,

    /// All of them.
    #[arg(long, conflicts_with_all = ["ids", "mask", "reason"])]
    all: bool,
}

/// Why a message could not be delivered.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Reason {
    /// It does not fit the schema of its topic.
    Schema,
    /// A subscriber had no room for it in time.
    Overflow,
    /// Nobody got it although somebody had to.
    NoReceiver,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let chosen = match &options.command {
        Command::Replay(chosen) | Command::Drop(chosen) => Some(chosen.filter()?),
        Command::List { .. } | Command::Show { .. } => None,
    };
    let client = options.at.connect(loaded).await?;
    let done = match &options.command {
        Command::List { mask, reason } => {
            let filter = filter(&[], mask.as_ref(), *reason);
            list(&client, &filter, output).await
        }
        Command::Show { id, show, raw } => show_one(&client, *id, *show, *raw, output).await,
        Command::Replay(_) => replay(&client, &chosen.unwrap_or_default(), output).await,
        Command::Drop(_) => forget(&client, &chosen.unwrap_or_default(), output).await,
    };
    client.close(CLOSE_LIMIT).await;
    done
}

async fn list(client: &Client, filter: &DeadLetterFilter, output: &Output) -> Result {
    let letters = client.dead_letters(filter).await?;
    if output.json {
        return Ok(output.json_line(&letters)?);
    }
    if letters.is_empty() {
        output.notice("there are no dead letters");
        return Ok(());
    }
    let heads = ["ID", "AGO", "REASON", "TOPIC", "FOR", "FROM", "BYTES"];
    let mut table = Table::new(heads, output.style());
    for letter in &letters {
        let or_none = |text: &Option<String>| text.as_deref().unwrap_or("-").to_owned();
        table.row([
            letter.id.to_string(),
            since(age(letter)),
            letter.reason.to_string(),
            or_none(&letter.topic),
            or_none(&letter.receiver),
            letter.sender.clone(),
            bytes(letter.payload_bytes),
        ]);
    }
    Ok(output.line(table.right(&[0, 1, 6]))?)
}

async fn show_one(client: &Client, id: u64, view: View, raw: bool, output: &Output) -> Result {
    let Some(message) = client.dead_letter(id).await? else {
        let failure = Failure::message(Kind::Refused, format!("there is no dead letter {id}"));
        return Err(failure.hint("`linkspan bus dlq list` shows which there are"));
    };
    if raw {
        return Ok(output.raw(&message.payload)?);
    }
    let shown = Shown::of(&message.payload, message.codec, view);
    if output.json {
        return Ok(output.json_line(&to_json(&message, &shown))?);
    }
    let letter = &message.letter;
    let mut facts = Table::of_facts();
    facts.fact("number", letter.id);
    facts.fact("reason", letter.reason);
    if !letter.detail.is_empty() {
        facts.fact("because", &letter.detail);
    }
    facts.fact("ago", since(age(letter)));
    facts.fact("from", &letter.sender);
    for (name, value) in [("topic", &letter.topic), ("for", &letter.receiver)] {
        if let Some(value) = value {
            facts.fact(name, value);
        }
    }
    for (name, value) in message.headers.iter() {
        facts.fact("header", format_args!("{name}={value}"));
    }
    output.line(facts)?;
    Ok(output.line(format_args!("\n{}", shown.line(output)))?)
}

fn to_json(message: &DeadMessage, shown: &Shown) -> Value {
    let headers = message.headers.iter();
    let headers: Map<_, _> = headers
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    json!({
        "letter": message.letter,
        "headers": headers,
        "format": shown.format(),
        "payload": shown.to_json(),
    })
}

async fn replay(client: &Client, filter: &DeadLetterFilter, output: &Output) -> Result {
    let replayed = client.replay_dead_letters(filter).await?;
    if output.json {
        output.json_line(&replayed)?;
    } else {
        tell(&replayed, output)?;
    }
    match replayed.kept {
        0 => Ok(()),
        kept => {
            let kept = counted(kept, "message");
            Err(Failure::message(
                Kind::Refused,
                format!("{kept} could not be delivered"),
            ))
        }
    }
}

fn tell(replayed: &Replayed, output: &Output) -> Result {
    for problem in &replayed.problems {
        output.notice(format_args!("{}: {}", problem.id, problem.problem));
    }
    let delivered = counted(replayed.delivered, "message");
    Ok(output.line(format_args!("{delivered} delivered"))?)
}

async fn forget(client: &Client, filter: &DeadLetterFilter, output: &Output) -> Result {
    let dropped = client.drop_dead_letters(filter).await?;
    if output.json {
        return Ok(output.json_line(&json!({ "dropped": dropped }))?);
    }
    let dropped = counted(dropped, "message");
    Ok(output.line(format_args!("{dropped} forgotten"))?)
}

impl Chosen {
    /// What is meant; nobody forgets everything by leaving words out.
    fn filter(&self) -> Result<DeadLetterFilter> {
        let is_chosen = !self.ids.is_empty() || self.mask.is_some() || self.reason.is_some();
        if is_chosen || self.all {
            return Ok(filter(&self.ids, self.mask.as_ref(), self.reason));
        }
        let failure = Failure::message(Kind::Usage, "which messages are meant is not said");
        Err(failure.hint("name their numbers, or --mask, --reason or --all"))
    }
}

fn filter(ids: &[u64], mask: Option<&Mask>, reason: Option<Reason>) -> DeadLetterFilter {
    let mut filter = DeadLetterFilter::default();
    filter.ids = ids.to_vec();
    filter.mask = mask.map(ToString::to_string);
    filter.reason = reason.map(|reason| match reason {
        Reason::Schema => DeadReason::Schema,
        Reason::Overflow => DeadReason::Overflow,
        Reason::NoReceiver => DeadReason::NoReceiver,
    });
    filter
}

/// How long ago it could not be delivered, if both clocks agree.
fn age(letter: &DeadLetter) -> Duration {
    let then = UNIX_EPOCH + Duration::from_millis(letter.at_ms);
    SystemTime::now().duration_since(then).unwrap_or_default()
}

const EXAMPLES: &str = "Examples:
  linkspan bus dlq list 'house/#' --reason schema
  linkspan bus dlq show 17
  linkspan bus dlq replay 17 18
  linkspan bus dlq drop --all";
