//! `linkspan call ADDRESS METHOD [JSON]`.

use std::time::Instant;

use clap::Args;
use linkspan::auth::seal::Sealing;
use linkspan::rpc::{Connection, Response};
use linkspan::{Address, Metadata};

use crate::commands::asked::Asked;
use crate::commands::block_on;
use crate::commands::connect::{client, connection_of};
use crate::commands::items::Fault;
use crate::commands::sealing::Seal;
use crate::commands::status::CLOSE_LIMIT;
use crate::config::Loaded;
use crate::failure::Result;
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

    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    seal: Seal,

    /// Tell on standard error who answered, and what it cost there.
    #[arg(long, short)]
    verbose: bool,
}

pub(crate) fn run(options: &Options, loaded: &Loaded, output: &Output) -> Result {
    let fault = Fault::default();
    let (method, asked) = (options.method.as_str(), &options.asked);
    let mut request = asked.request(method, &fault)?;
    if options.verbose {
        let metadata = request.metadata.get_or_insert_default();
        metadata.set_text(Metadata::USAGE, "yes");
    }
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
        let result = match response {
            Ok(response) => {
                if options.verbose {
                    tell_usage(&response, output);
                }
                asked.print(method, response, output).await
            }
            Err(error) => Err(error.into()),
        };
        if options.verbose {
            output.notice(format_args!("took {}", latency(began.elapsed())));
        }
        connection.close(CLOSE_LIMIT).await;
        fault.take().map_or(result, Err)
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
