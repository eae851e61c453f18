//! `linkspan bus sub`.

use clap::Args;
use linkspan::bus::{Client, Message, OpenedSubscription, ReceiveError, Subscribe, Subscription};
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT, off_the_bus, tell_losses};
use crate::commands::bus::line::Lines;
use crate::commands::bus::shown::View;
use crate::commands::monitor::stop;
use crate::commands::sealing::Seal;
use crate::config::{Loaded, OverflowChoice};
use crate::failure::Result;
use crate::output::Output;
use crate::signals::Signals;

/// Subscribe, and print what is published until ^C.
///
/// A broker that is lost is waited for; what may be missing then is told.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// Topics: levels between `/`, where `+` stands for one level and `#` for one or more.
    #[arg(required = true)]
    masks: Vec<String>,

    /// Leave out these, though they match; may be repeated.
    #[arg(long, value_name = "MASK")]
    exclude: Vec<String>,

    /// Share what is published with others of this group: each message comes to one of them.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,

    /// What the broker does about a message for which there is no room: block, drop-oldest,
    /// drop-newest, latest-only or disconnect.
    #[arg(long, value_name = "POLICY")]
    overflow: Option<OverflowChoice>,

    /// How to read payloads.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = View::Auto)]
    show: View,

    /// Print payloads only, one in each line.
    #[arg(long)]
    payloads: bool,

    /// Stop after this many messages.
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,

    #[command(flatten)]
    seal: Seal,

    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let client = options.at.connect(loaded).await?;
    let lines = Lines {
        view: options.show,
        only_payloads: options.payloads,
        output,
    };
    let mut wanted = Subscribe::to(options.masks);
    wanted.exclude = options.exclude;
    wanted.group = options.group;
    wanted.overflow = options.overflow.map(Into::into);
    let mut messages = match options.seal.ring()? {
        None => Messages::Plain(client.subscribe(wanted).await?),
        Some(ring) => Messages::Opened(client.sealed(ring).subscribe(wanted).await?),
    };
    if output.json {
        output.json_line(&json!({ "event": "subscribed", "name": client.name() }))?;
    }
    let ended = tokio::select! {
        ended = print(&mut messages, &client, lines, options.first) => ended,
        told = tell_losses(&client, output) => told,
        () = stop(&mut signals) => Ok(()),
    };
    drop(messages);
    client.close(CLOSE_LIMIT).await;
    ended
}

/// What is published, out of its envelopes or as it is.
enum Messages {
    Plain(Subscription),
    Opened(OpenedSubscription),
}

impl Messages {
    /// The next message; those that cannot be opened are told.
    async fn next(&mut self, output: &Output) -> Result<Option<Message>> {
        loop {
            let subscription = match self {
                Self::Plain(subscription) => return Ok(subscription.next().await.transpose()?),
                Self::Opened(subscription) => subscription,
            };
            match subscription.next().await {
                None => return Ok(None),
                Some(Ok(message)) => return Ok(Some(message)),
                Some(Err(ReceiveError::Ended(error))) => return Err(error.into()),
                Some(Err(error)) => tell_unopened(&error, output)?,
            }
        }
    }
}

fn tell_unopened(error: &ReceiveError, output: &Output) -> Result {
    match output.json {
        true => output.json_line(&json!({ "event": "unopened", "error": error.to_string() }))?,
        false => output.notice(format_args!("a message is left out: {error}")),
    }
    Ok(())
}

async fn print(
    messages: &mut Messages,
    client: &Client,
    lines: Lines<'_>,
    first: Option<u64>,
) -> Result {
    let mut printed = 0;
    while first.is_none_or(|first| printed < first) {
        let Some(message) = messages.next(lines.output).await? else {
            return Err(off_the_bus(client).await);
        };
        lines.print(&message, "")?;
        printed += 1;
    }
    Ok(())
}

const EXAMPLES: &str = "Examples:
  linkspan bus sub house/#
  linkspan bus sub '#' --exclude .broker/# --json
  linkspan bus sub jobs/+ --group workers --payloads --first 10";
