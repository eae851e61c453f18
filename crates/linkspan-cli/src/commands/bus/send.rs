//! `linkspan bus send` and `notify`: to clients by their names.

use clap::Args;
use linkspan::bus::{Delivery, Post, PostError};
use serde_json::json;

use crate::commands::bus::body::Body;
use crate::commands::bus::client::{At, CLOSE_LIMIT, Poster};
use crate::commands::bus::publish::{insist, name};
use crate::commands::sealing::Seal;
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// Send to a client by its name, or to all whose names a mask stands for.
#[derive(Debug, Args)]
#[command(after_help = SEND_EXAMPLES)]
pub(crate) struct SendOptions {
    /// The client; in a mask, `?` stands for one level between `.`, and `*` for one or more.
    target: String,

    #[command(flatten)]
    body: Body,

    /// Try again for so long while it has no room, as 500ms or 10s.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    retry: Span,

    #[command(flatten)]
    seal: Seal,

    #[command(flatten)]
    at: At,
}

/// Notify a client by its name, in the way of BUS/RT's calls.
///
/// Notifications are not acknowledged: that there is no such client is not noticed.
#[derive(Debug, Args)]
#[command(after_help = NOTIFY_EXAMPLES)]
pub(crate) struct NotifyOptions {
    /// The client.
    target: String,

    #[command(flatten)]
    body: Body,

    #[command(flatten)]
    at: At,
}

pub(super) async fn send(options: &SendOptions, loaded: &Loaded, output: &Output) -> Result {
    let payload = options.body.read()?;
    let target = options.target.as_str();
    let post = match target.contains(['*', '?']) {
        true => Post::to_clients(target, &payload),
        false => Post::to_client(target, &payload),
    };
    let post = options.body.with_headers(post.map_err(PostError::from)?)?;
    let client = options.at.connect(loaded).await?;
    let poster = Poster::new(&client, &options.seal)?;
    let delivery = insist(&poster, &post, options.retry.0).await?;
    client.close(CLOSE_LIMIT).await;
    if output.json {
        let bytes = payload.0.bytes.len();
        let line = json!({ "target": target, "bytes": bytes, "delivery": name(delivery) });
        output.json_line(&line)?;
    }
    let (problem, hint) = match delivery {
        Delivery::Delivered => return Ok(()),
        Delivery::Nobody => (
            format!("there is no client {target:?}"),
            "`linkspan bus clients` shows who is there",
        ),
        _ => (
            format!("the client {target:?} has no room"),
            "--retry tries again for a time",
        ),
    };
    Err(Failure::message(Kind::Refused, problem).hint(hint))
}

pub(super) async fn notify(options: &NotifyOptions, loaded: &Loaded, output: &Output) -> Result {
    let payload = options.body.read()?;
    let client = options.at.connect(loaded).await?;
    let target = options.target.as_str();
    client.remote(target).notify(&payload).await?;
    client.close(CLOSE_LIMIT).await;
    if output.json {
        let line = json!({ "target": target, "bytes": payload.0.bytes.len() });
        output.json_line(&line)?;
    }
    Ok(())
}

const SEND_EXAMPLES: &str = r#"Examples:
  linkspan bus send house.kitchen hello
  linkspan bus send 'house.*' '{"stop": true}' --as msgpack"#;
const NOTIFY_EXAMPLES: &str = r#"Examples:
  linkspan bus notify house.kitchen '{"door": "open"}' --as msgpack"#;
