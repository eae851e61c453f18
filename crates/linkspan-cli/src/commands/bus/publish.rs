//! `linkspan bus pub`.

use std::time::{Duration, Instant};

use clap::Args;
use linkspan::bus::{Delivery, Mask, Post, PostError};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::commands::bus::body::{Body, Encoded};
use crate::commands::bus::client::{At, CLOSE_LIMIT, Poster};
use crate::commands::sealing::Seal;
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

    /// Publish each line of standard input when it comes.
    #[arg(long)]
    lines: bool,

    /// Take `+` and `#` in the topic as they are; masks of subscribers cannot ask for them alone.
    #[arg(long)]
    literal: bool,

    /// For a client of this name only, if it has subscribed.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,

    /// Try again for so long while nobody answers, or a subscriber has no room, as 500ms or 10s.
    #[arg(long, value_name = "TIME")]
    retry: Option<Span>,

    #[command(flatten)]
    seal: Seal,

    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    if options.lines && !options.body.is_piped() {
        let message = "--lines reads standard input, and a message was given";
        return Err(Failure::message(Kind::Usage, message));
    }
    check_topic(options)?;
    let one = match options.lines {
        true => None,
        false => Some(options.body.read()?),
    };
    let limit = options.retry.map_or(Duration::ZERO, |Span(limit)| limit);
    let client = options.at.connect_within(loaded, limit).await?;
    let publisher = Publisher {
        poster: Poster::new(&client, &options.seal)?,
        options,
        limit,
        output,
    };
    let published = match one {
        Some(payload) => publisher.publish(&payload).await,
        None => publisher.publish_lines().await,
    };
    client.close(CLOSE_LIMIT).await;
    published
}

/// That the topic is none that was meant as a mask, which publications do not have.
fn check_topic(options: &Options) -> Result {
    let topic = options.topic.as_str();
    let is_mask = topic.parse().is_ok_and(|mask: Mask| !mask.is_literal());
    if options.literal || !is_mask {
        return Ok(());
    }
    let message = format!("{topic:?} is a mask, and a message has one topic");
    let hint = "`+` and `#` are for `linkspan bus sub`; --literal publishes under a topic with these levels";
    Err(Failure::message(Kind::Usage, message).hint(hint))
}

struct Publisher<'a> {
    poster: Poster,
    options: &'a Options,
    limit: Duration,
    output: &'a Output,
}

impl Publisher<'_> {
    /// Publishes each line when it comes; goes on if a subscriber has no room for one.
    async fn publish_lines(&self) -> Result {
        let mut lines = BufReader::new(tokio::io::stdin()).split(b'\n');
        let mut result = Ok(());
        while let Some(line) = lines.next_segment().await? {
            let payload = self.options.body.encode(&line)?;
            let delivery = self.post(&payload).await?;
            let told = self.tell(delivery, &payload)?;
            result = result.and(told);
        }
        result
    }

    async fn publish(&self, payload: &Encoded) -> Result {
        let delivery = self.post(payload).await?;
        self.tell(delivery, payload)?
    }

    async fn post(&self, payload: &Encoded) -> Result<Delivery> {
        let topic = self.options.topic.as_str();
        let post = match &self.options.only {
            None => Post::to_topic(topic, payload),
            Some(name) => Post::to_topic_for(name.as_str(), topic, payload),
        };
        let post = post.map_err(PostError::from)?;
        let post = self.options.body.with_headers(post)?;
        insist(&self.poster, &post, self.limit).await
    }

    /// Says what became of a message; the inner failure is that somebody has no room for it.
    fn tell(&self, delivery: Delivery, payload: &Encoded) -> Result<Result> {
        let (topic, output) = (&self.options.topic, self.output);
        if output.json {
            let bytes = payload.0.bytes.len();
            let line = json!({ "topic": topic, "bytes": bytes, "delivery": name(delivery) });
            output.json_line(&line)?;
        }
        Ok(match delivery {
            Delivery::NotDelivered => {
                let message = format!("a subscriber of {topic:?} has no room");
                Err(Failure::message(Kind::Refused, message).hint("--retry tries again for a time"))
            }
            Delivery::Nobody if !output.json => {
                output.notice(format_args!("nobody has subscribed to {topic:?}"));
                Ok(())
            }
            _ => Ok(()),
        })
    }
}

/// Posts it, again and again for a time while somebody has no room, or while it comes too fast.
pub(super) async fn insist(poster: &Poster, post: &Post, limit: Duration) -> Result<Delivery> {
    let began = Instant::now();
    loop {
        let left = limit.saturating_sub(began.elapsed());
        let pause = match poster.post(post).await {
            Ok(Delivery::NotDelivered) if !left.is_zero() => PAUSE,
            Err(PostError::Limited { retry_after }) if retry_after < left => retry_after,
            posted => return Ok(posted?),
        };
        tokio::time::sleep(pause).await;
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
  tail -f events.jsonl | linkspan bus pub log/events --lines --as json"#;
