//! `linkspan bus call`.

use clap::Args;
use linkspan::Status;
use linkspan::codec::{Codec, Payload};
use linkspan::rpc::{CallError, Request};

use crate::commands::answer;
use crate::commands::bus::body::parameters;
use crate::commands::bus::client::{At, CLOSE_LIMIT};
use crate::commands::bus::shown::{Shown, View};
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Result};
use crate::output::Output;

/// Call a method of a client, and print its answer.
///
/// Parameters go out as MessagePack, as clients of BUS/RT want them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The client; the broker itself is .broker.
    client: String,

    /// The method.
    method: String,

    /// The parameters: name=value pairs, or one JSON value; `-` reads MessagePack from standard input.
    #[arg(value_name = "NAME=VALUE|JSON")]
    parameters: Vec<String>,

    /// How long the answer may take, as 500ms or 30s.
    #[arg(long, value_name = "TIME", default_value = "30s")]
    timeout: Span,

    /// How to read the answer.
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = View::Auto)]
    show: View,

    /// Print the bytes of the answer as they are.
    #[arg(long, conflicts_with = "show")]
    raw: bool,

    /// Do not wait for the answer.
    #[arg(long, conflicts_with_all = ["show", "raw", "timeout"])]
    forget: bool,

    #[command(flatten)]
    at: At,
}

pub(super) async fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let body = parameters(&options.parameters)?;
    let client = options.at.connect(loaded).await?;
    let callee = client.remote(options.client.as_str());
    if options.forget {
        callee.tell(&options.method, &body).await?;
        client.close(CLOSE_LIMIT).await;
        return Ok(());
    }
    let mut request = Request::with_payload(options.method.as_str(), body.0);
    request.timeout = Some(options.timeout.0);
    let called = callee.call(request).await;
    let answered = match called {
        Ok(response) => {
            let (status, codec) = (response.status, response.codec()?);
            let bytes = response.body.collect().await?;
            print(status, &Payload::new(codec, bytes), options, output)
        }
        Err(error @ CallError::NotAccepted { .. }) => {
            Err(Failure::from(error).hint("`linkspan bus clients` shows who can be called"))
        }
        Err(error) => Err(error.into()),
    };
    client.close(CLOSE_LIMIT).await;
    answered
}

fn print(status: Status, payload: &Payload, options: &Options, output: &Output) -> Result {
    if status == Status::Error {
        let method = &options.method;
        let failure = answer::application_error(payload);
        return Err(failure.context(format!("{method} failed with an error of its own")));
    }
    if options.raw {
        return Ok(output.raw(&payload.bytes)?);
    }
    let shown = match payload.bytes.is_empty() {
        true => Shown::Json(serde_json::Value::Null),
        false => shown(payload, options.show),
    };
    if output.json {
        return Ok(output.json_line(&shown.to_json())?);
    }
    let printed = match &shown {
        Shown::Json(value) | Shown::Msgpack(value) => output.pretty(value),
        shown => output.line(shown.line(output)),
    };
    Ok(printed?)
}

/// An answer is MessagePack, whatever it looks like, if nobody says otherwise; clients of BUS/RT cannot.
fn shown(payload: &Payload, view: View) -> Shown {
    let said = (payload.codec != Codec::Msgpack).then_some(payload.codec);
    match (said, view) {
        (None, View::Auto) => match Shown::of(&payload.bytes, None, View::Msgpack) {
            Shown::Bytes(_) => Shown::of(&payload.bytes, None, View::Auto),
            packed => packed,
        },
        (said, view) => Shown::of(&payload.bytes, said, view),
    }
}

const EXAMPLES: &str = r#"Examples:
  linkspan bus call .broker client.list
  linkspan bus call house.kitchen light.set on=true level=80
  linkspan bus call house.kitchen light.set '{"on": true}' --timeout 2s"#;
