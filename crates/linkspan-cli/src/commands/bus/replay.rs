//! Sending what was recorded once more.

use std::path::Path;

use linkspan::bus::{Client, Delivery};
use serde_json::json;
use tokio::time::Instant;

use crate::commands::bus::record::Recording;
use crate::commands::bus::tap::{Filter, Kinds};
use crate::commands::bus::wire::Recorded;
use crate::failure::Result;
use crate::output::{Output, count};

/// What is to be sent, and when.
#[derive(Debug, Clone, Copy)]
pub(super) struct Replay<'a> {
    pub(super) file: &'a Path,
    /// So many times as fast; at once without a number.
    pub(super) speed: Option<f64>,
}

/// What was done with a recording.
#[derive(Debug, Default)]
struct Replayed {
    sent: u64,
    not_delivered: u64,
    left_out: u64,
}

/// Sends a recording with its timing.
pub(super) async fn replay(
    replay: Replay<'_>,
    filter: &Filter,
    client: &Client,
    output: &Output,
) -> Result {
    let mut recording = Recording::open(replay.file)?;
    let (began, mut replayed) = (Instant::now(), Replayed::default());
    while let Some(recorded) = recording.next()? {
        let payload = recorded.payload()?;
        if !is_wanted(&recorded, filter, &payload) {
            replayed.left_out += 1;
            continue;
        }
        let post = recorded.to_post(payload)?;
        if let Some(speed) = replay.speed {
            tokio::time::sleep_until(began + recorded.at().div_f64(speed)).await;
        }
        replayed.sent += 1;
        if client.post(&post).await? == Delivery::NotDelivered {
            replayed.not_delivered += 1;
        }
    }
    replayed.tell(output)
}

/// Whether a message is chosen, and can be sent once more: answers belong to calls of others, and what
/// the broker says, nobody else does.
fn is_wanted(recorded: &Recorded, filter: &Filter, payload: &[u8]) -> bool {
    let Some(kind) = Kinds::from_name(&recorded.kind) else {
        return false;
    };
    let Recorded {
        topic,
        sender,
        receiver,
        ..
    } = recorded;
    let has_place = !topic.is_empty() || !receiver.is_empty();
    let is_answer = matches!(kind, Kinds::Reply | Kinds::Error);
    let is_brokers = topic.starts_with(".broker/") || sender == ".broker";
    has_place
        && !is_answer
        && !is_brokers
        && filter.admits(kind, payload)
        && filter
            .tap
            .admits(kind.of_messages(), topic, sender, receiver)
}

impl Replayed {
    fn tell(&self, output: &Output) -> Result {
        if output.json {
            return Ok(output.json_line(&json!({
                "event": "replayed", "sent": self.sent,
                "not_delivered": self.not_delivered, "left_out": self.left_out,
            }))?);
        }
        let (sent, left_out) = (count(self.sent), count(self.left_out));
        let not_delivered = count(self.not_delivered);
        output.notice(format_args!(
            "{sent} messages sent, {left_out} left out, {not_delivered} found no room"
        ));
        Ok(())
    }
}
