//! `linkspan bus pub`.

use std::time::{Duration, Instant};

use clap::Args;
use linkspan::bus::{Client, Delivery, Post};
use serde_json::json;

use crate::commands::bus::body::Body;
use crate::commands::bus::client::{At, CLOSE_LIMIT};
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Publish under a topic, and say whether everybody who wants it has it.
///
/// That nobody has subscribed is no failure; that a subscriber has no room is one.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The topic: levels between `/`.
    topic: String,

    #[command(flatten)]
    body: Body,

    /// Publish each line by itself.
    #[arg(long)]
    lines: bool,

    /// For a client of this name only, if it has subscribed.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Try again for so long while nobody answers, or a subscriber has no room, as 500ms or 10s.
    #[arg(long, value_name = "TIME")]
    retry: Option<Span>,

    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let payloads = match options.lines {
        true => options.body.read_lines()?,
        false => vec![options.body.read()?],
    };
    let limit = options.retry.map_or(Duration::ZERO, |Span(limit)| limit);
    let client = options.at.connect_within(loaded, limit).await?;
    let mut result = Ok(());
    for payload in payloads {
        let topic = options.topic.as_str();
        let post = match &options.only {
            None => Post::to_topic(topic, &payload),
            Some(name) => Post::to_topic_for(name.as_str(), topic, &payload),
        };
        let post = options
            .body
            .with_headers(post.map_err(linkspan::bus::PostError::from)?)?;
        let delivery = insist(&client, &post, limit).await?;
        let told = tell(delivery, &options.topic, payload.0.bytes.len(), output);
        result = result.and(told);
    }
    client.close(CLOSE_LIMIT).await;
    result
}

/// Posts it, again and again for a time while somebody has no room.
pub(super) async fn insist(client: &Client, post: &Post, limit: Duration) -> Result<Delivery> {
    let began = Instant::now();
    loop {
        let delivery = client.post(post).await?;
        if delivery != Delivery::NotDelivered || began.elapsed() >= limit {
            return Ok(delivery);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn tell(delivery: Delivery, topic: &str, bytes: usize, output: &Output) -> Result {
    if output.json {
        let line = json!({ "topic": topic, "bytes": bytes, "delivery": name(delivery) });
        output.json_line(&line)?;
    }
    match delivery {
        Delivery::NotDelivered => {
            let message = format!("a subscriber of {topic:?} has no room");
            Err(Failure::message(Kind::Refused, message).hint("--retry tries again for a time"))
        }
        Delivery::Nobody if !output.json => {
            output.notice(format_args!("nobody has subscribed to {topic:?}"));
            Ok(())
        }
        _ => Ok(()),
    }
}

/// What became of a message, for programs.
pub(super) fn name(delivery: Delivery) -> &'static str {
    match delivery {
        Delivery::Delivered => "delivered",
        Delivery::Nobody => "nobody",
        _ => "not_delivered",
    }
}

const PAUSE: Duration = Duration::from_millis(50);
const EXAMPLES: &str = r#"Examples:
  linkspan bus pub house/kitchen/light on
  linkspan bus pub house/kitchen/state '{"light": "on"}' --as msgpack --retry 5s
  tail -f events.jsonl | head -100 | linkspan bus pub log/events - --lines --as json"#;
