//! What a command asks of a method, and what it prints of the answer.

use std::io::Read;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use linkspan::Status;
use linkspan::codec::{Codec, Payload};
use linkspan::rpc::{Body, Request, Response, Streaming};

use crate::commands::answer;
use crate::commands::items::{Fault, items};
use crate::config::Span;
use crate::failure::{Failure, Kind, Result};
use crate::output::Output;

/// What is asked of a method, and how much of its answer is wanted.
#[derive(Debug, Args)]
pub(crate) struct Asked {
    /// The parameters as JSON; @FILE reads them from a file, - from standard input.
    #[arg(value_name = "JSON")]
    parameters: Option<String>,

    /// Send a stream of items after the parameters: each line of this file, or of standard input if
    /// it is -, is one JSON value.
    #[arg(long, value_name = "FILE")]
    items: Option<String>,

    /// How long the call may take, a stream up to its end, as 500ms or 30s; without it, as long as it
    /// takes.
    #[arg(long, value_name = "TIME")]
    timeout: Option<Span>,

    /// Stop after this many items of a stream.
    #[arg(long, value_name = "COUNT")]
    first: Option<u64>,
}

impl Asked {
    /// The request that was typed, where `fault` is told what is wrong with the items.
    pub(crate) fn request(&self, method: &str, fault: &Fault) -> Result<Request> {
        let parameters = parameters(self.parameters.as_deref())?;
        let body = match &self.items {
            None => Body::unary(parameters),
            Some(source) => Body::streaming(parameters, items(source, fault.clone())?),
        };
        let mut request = Request::new(method, body).with_codec(Codec::Json);
        request.timeout = self.timeout.map(|timeout| timeout.0);
        Ok(request)
    }

    /// Prints what a method answered; a stream line by line, as it comes.
    pub(crate) async fn print(&self, method: &str, response: Response, output: &Output) -> Result {
        let printed = print(response, self.first, output).await;
        printed.map_err(|failure| match failure.kind() {
            Kind::Application => {
                failure.context(format!("{method} failed with an error of its own"))
            }
            _ => failure,
        })
    }
}

/// Prints an answer, whatever it is.
async fn print(response: Response, first: Option<u64>, output: &Output) -> Result {
    let codec = response.codec()?;
    if response.status == Status::Error {
        return Err(match response.collect().await {
            Ok(payload) => answer::application_error(&payload),
            Err(error) => answer::failure(error),
        });
    }
    if !response.body.is_streaming() {
        let payload = Payload::new(codec, response.body.collect().await?);
        return answer::print_value(&payload, output);
    }
    let (head, items) = response.body.split().await.map_err(answer::failure)?;
    let mut items = Streaming::new(items);
    if !head.is_empty() {
        answer::print_value(&Payload::new(codec, head), output)?;
    }
    let mut printed = 0;
    while first.is_none_or(|first| printed < first) {
        let Some(item) = items.next().await else {
            break;
        };
        answer::print_item(&Payload::new(codec, item.map_err(answer::failure)?), output)?;
        printed += 1;
    }
    Ok(())
}

/// The parameters, checked to be JSON before anything is sent.
fn parameters(text: Option<&str>) -> Result<Bytes> {
    let text = match text {
        None => return Ok(Bytes::new()),
        Some("-") => {
            let mut text = String::new();
            std::io::stdin().lock().read_to_string(&mut text)?;
            text
        }
        Some(text) => match text.strip_prefix('@') {
            None => text.to_owned(),
            Some(file) => {
                std::fs::read_to_string(file).with_context(|| format!("cannot read {file}"))?
            }
        },
    };
    check_json(&text, "the parameters")?;
    Ok(text.into())
}

fn check_json(text: &str, what: &str) -> Result {
    serde_json::from_str::<serde::de::IgnoredAny>(text)
        .map(|_| ())
        .map_err(|error| {
            Failure::message(Kind::Usage, format!("{what} are not JSON: {error}"))
                .hint(r#"quote them for the shell, as '{"name": "Ada"}'; a text alone is '"Ada"'"#)
        })
}
