//! `linkspan bus topics`.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use clap::Args;
use linkspan::bus::{Client, Message, Subscription};
use serde_json::json;

use crate::commands::bus::client::{At, CLOSE_LIMIT, off_the_bus};
use crate::commands::monitor::stop;
use crate::config::{Loaded, Span};
use crate::failure::Result;
use crate::output::{Output, Table, bytes, count};
use crate::signals::Signals;

/// Watch for a time, and show under which topics something is published.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Topics to look at.
    #[arg(default_value = "#")]
    mask: String,

    /// How long to watch, as 500ms, 5s or 10m; ^C ends it earlier.
    #[arg(long, value_name = "TIME", default_value = "5s")]
    duration: Span,

    /// Stop after this many messages.
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,

    /// Show so many, those with the most messages.
    #[arg(long, value_name = "COUNT")]
    top: Option<usize>,

    #[command(flatten)]
    at: At,
}

/// What was published under a topic.
#[derive(Debug, Default)]
struct Seen {
    messages: u64,
    bytes: u64,
    last_sender: String,
}

#[derive(Debug, Default)]
struct Topics {
    seen: HashMap<String, Seen>,
    /// Messages under further topics.
    others: u64,
    missing: u64,
}

pub(super) async fn run(options: Options, loaded: &Loaded, output: &Output) -> Result {
    let mut signals = Signals::listen()?;
    let client = options.at.connect(loaded).await?;
    let mut subscription = client.subscribe(options.mask.as_str()).await?;
    let (began, mut topics) = (Instant::now(), Topics::default());
    let watched = tokio::select! {
        watched = watch(&mut subscription, options.first, &client, &mut topics) => watched,
        () = tokio::time::sleep(options.duration.0) => Ok(()),
        () = stop(&mut signals) => Ok(()),
    };
    drop(subscription);
    client.close(CLOSE_LIMIT).await;
    watched?;
    topics.show(began.elapsed(), options.top, output)
}

async fn watch(
    subscription: &mut Subscription,
    first: Option<u64>,
    client: &Client,
    topics: &mut Topics,
) -> Result {
    let mut counted = 0;
    while first.is_none_or(|first| counted < first) {
        let Some(message) = subscription.next().await else {
            return Err(off_the_bus(client).await);
        };
        topics.count(&message?);
        counted += 1;
    }
    Ok(())
}

impl Topics {
    fn count(&mut self, message: &Message) {
        self.missing += message.gap().map_or(0, |gap| gap.dropped);
        let topic = message.topic();
        if self.seen.len() >= MAX_TOPICS && !self.seen.contains_key(topic) {
            self.others += 1;
            return;
        }
        let seen = self.seen.entry(topic.to_owned()).or_default();
        seen.messages += 1;
        seen.bytes += u64::try_from(message.payload().len()).unwrap_or(u64::MAX);
        message.sender().clone_into(&mut seen.last_sender);
    }

    fn show(self, time: Duration, top: Option<usize>, output: &Output) -> Result {
        let mut seen: Vec<_> = self.seen.into_iter().collect();
        seen.sort_by(|(one, a), (other, b)| b.messages.cmp(&a.messages).then(one.cmp(other)));
        seen.truncate(top.unwrap_or(usize::MAX));
        let seconds = time.as_secs_f64().max(f64::EPSILON);
        let rate = |messages: u64| {
            let per_second = to_float(messages) / seconds;
            (per_second * 10.0).round() / 10.0
        };
        if output.json {
            return seen.iter().try_for_each(|(topic, seen)| {
                Ok(output.json_line(&json!({
                    "topic": topic, "messages": seen.messages, "bytes": seen.bytes,
                    "per_second": rate(seen.messages), "last_sender": seen.last_sender,
                }))?)
            });
        }
        if seen.is_empty() {
            output.notice(format_args!("nothing was published in {seconds:.1} s"));
            return Ok(());
        }
        let heads = ["TOPIC", "MESSAGES", "PER SECOND", "BYTES", "LAST FROM"];
        let mut table = Table::new(heads, output.style());
        for (topic, seen) in seen {
            let (messages, per_second) = (count(seen.messages), rate(seen.messages));
            let per_second = format!("{per_second:.1}");
            table.row([
                topic,
                messages,
                per_second,
                bytes(seen.bytes),
                seen.last_sender,
            ]);
        }
        output.line(table.right(&[1, 2, 3]))?;
        if self.others + self.missing > 0 {
            let (others, missing) = (count(self.others), count(self.missing));
            output.notice(format_args!(
                "{others} messages were under further topics, {missing} found no room"
            ));
        }
        Ok(())
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "it is shown with one digit after the point"
)]
fn to_float(number: u64) -> f64 {
    number as f64
}

/// So many topics are told apart.
const MAX_TOPICS: usize = 100_000;
