//! `linkspan call ADDRESS METHOD [JSON]`.

use std::io::Read;
use std::time::Instant;

use anyhow::Context;
use bytes::Bytes;
use clap::Args;
use linkspan::auth::seal::Sealing;
use linkspan::codec::{Codec, Payload};
use linkspan::rpc::{Body, CallError, Connection, Request, Response, Streaming};
use linkspan::{Address, Metadata, Status};

use crate::commands::connect::{client, connection_of};
use crate::commands::items::{Fault, items};
use crate::commands::sealing::Seal;
use crate::commands::status::CLOSE_LIMIT;
use crate::commands::{answer, block_on};
use crate::config::{Loaded, Span};
use crate::failure::{Failure, Kind, Result};
use crate::output::{Output, bytes, latency};

/// Call a method of any server and print its answer; streams are printed as they come.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Options {
    /// The server: unix:PATH or tcp:HOST:PORT.
    address: Address,

    /// The method, as service.method; node.methods lists those of a node, linkspan.methods those of
    /// any server.
    method: String,

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

    #[command(flatten)]
    seal: Seal,

    /// Tell on standard error who answered, and what it cost there.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let fault = Fault::default();
    let request = request(options, &fault)?;
    let ring = options.seal.ring()?;
    block_on(async {
        let began = Instant::now();
        let client = client(&options.address, loaded).await?;
        let connection = connection_of(&client, &options.address)?;
        if options.verbose {
            tell_peer(&connection, output);
        }
        let sealed = ring.map(|ring| client.clone().sealed(&Sealing::new(ring, NAME)));
        let response = match &sealed {
            None => connection.call(request).await,
            Some(sealed) => sealed.call(request).await,
        };
        let result = show(response, options, output).await;
        if options.verbose {
            output.notice(format_args!("took {}", latency(began.elapsed())));
        }
        connection.close(CLOSE_LIMIT).await;
        fault.take().map_or(result, Err)
    })
}

async fn show(
    response: std::result::Result<Response, CallError>,
    options: &Options,
    output: &Output,
) -> Result {
    let method = &options.method;
    let response = response?;
    if options.verbose {
        tell_usage(&response, output);
    }
    print(response, options.first, output)
        .await
        .map_err(|failure| match failure.kind() {
            Kind::Application => {
                failure.context(format!("{method} failed with an error of its own"))
            }
            _ => failure,
        })
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

/// The request that was typed.
fn request(options: &Options, fault: &Fault) -> Result<Request> {
    let parameters = parameters(options.parameters.as_deref())?;
    let body = match &options.items {
        None => Body::unary(parameters),
        Some(source) => Body::streaming(parameters, items(source, fault.clone())?),
    };
    let mut request = Request::new(options.method.as_str(), body).with_codec(Codec::Json);
    request.timeout = options.timeout.map(|timeout| timeout.0);
    if options.verbose {
        let metadata = request.metadata.get_or_insert_default();
        metadata.set_text(Metadata::USAGE, "yes");
    }
    Ok(request)
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

fn tell_peer(connection: &Connection, output: &Output) {
    let (identity, peer) = (connection.peer_identity(), connection.peer());
    let pid = peer.credentials.and_then(|credentials| credentials.pid);
    let pid = pid
        .map(|pid| format!(", process {pid}"))
        .unwrap_or_default();
    let (name, version, who) = (&identity.name, &identity.version, peer.principal().name);
    output.notice(format_args!("connected to {name} {version} ({who}{pid})"));
}

fn tell_usage(response: &Response, output: &Output) {
    let usage = response
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.usage());
    let Some(usage) = usage else { return };
    let mut facts = vec![format!("answered in {}", latency(usage.time))];
    facts.extend(
        usage
            .cpu_time
            .map(|time| format!("processor {}", latency(time))),
    );
    facts.extend(
        usage
            .peak_bytes
            .map(|peak| format!("peak memory {}", bytes(peak))),
    );
    facts.push(format!("in {}", bytes(usage.received_bytes)));
    facts.push(format!("out {}", bytes(usage.sent_bytes)));
    output.notice(facts.join(", "));
}

/// The name under which commands seal what they ask.
const NAME: &str = "linkspan call";
const EXAMPLES: &str = r#"Examples:
  linkspan call unix:/run/linkspan/node.sock host.processes
  linkspan call tcp:127.0.0.1:9000 greeter.greet '{"name": "Ada"}'
  linkspan call unix:app.sock import.rows '{"table": "users"}' --items rows.jsonl"#;
