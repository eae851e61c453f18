//! Publishing what was recorded.

use std::path::Path;

use linkspan::bus::{Client, Delivery, Mask};
use serde_json::json;
use tokio::time::Instant;

use crate::commands::bus::record::Recording;
use crate::commands::bus::tap::Filter;
use crate::failure::Result;
use crate::output::{Output, count};

/// What was done with a recording.
#[derive(Debug, Default)]
struct Replayed {
    published: u64,
    not_delivered: u64,
    left_out: u64,
}

/// Publishes a recording with its timing, so many times as fast; without a number, at once.
pub(super) async fn replay(
    file: &Path,
    speed: Option<f64>,
    masks: &[Mask],
    filter: &Filter,
    client: &Client,
    output: &Output,
) -> Result {
    let mut recording = Recording::open(file)?;
    let (began, mut replayed) = (Instant::now(), Replayed::default());
    while let Some(recorded) = recording.next()? {
        let is_wanted = masks.iter().any(|mask| mask.matches(&recorded.topic))
            && filter.admits(&recorded.kind, &recorded.sender);
        // Nobody but the broker publishes there.
        let is_brokers = recorded.topic.starts_with(".broker/");
        let post = match is_wanted && !is_brokers {
            true => recorded.to_post()?,
            false => None,
        };
        let Some(post) = post else {
            replayed.left_out += 1;
            continue;
        };
        if let Some(speed) = speed {
            tokio::time::sleep_until(began + recorded.at().div_f64(speed)).await;
        }
        replayed.published += 1;
        if client.post(&post).await? == Delivery::NotDelivered {
            replayed.not_delivered += 1;
        }
    }
    replayed.tell(output)
}

impl Replayed {
    fn tell(&self, output: &Output) -> Result {
        if output.json {
            return Ok(output.json_line(&json!({
                "event": "replayed", "published": self.published,
                "not_delivered": self.not_delivered, "left_out": self.left_out,
            }))?);
        }
        let (published, left_out) = (count(self.published), count(self.left_out));
        let not_delivered = count(self.not_delivered);
        output.notice(format_args!(
            "{published} messages published, {left_out} left out, {not_delivered} found no room"
        ));
        Ok(())
    }
}
